"""`ik_server`: answers /solve_ik, and shows the latest answer."""

from __future__ import annotations

import re
import signal
import sys
import time
import traceback
from collections.abc import Sequence

import rclpy
from geometry_msgs.msg import PointStamped
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.executors import ExternalShutdownException
from rclpy.logging import LoggingSeverity, set_logger_level
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from visualization_msgs.msg import MarkerArray

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.errors import IKError
from ik_nn_ros.ros.errors import StartError, TimedOutError
from ik_nn_ros.ros.markers import posterior_markers
from ik_nn_ros.ros.messages import fill_error, fill_solutions, parse_request
from ik_nn_ros.ros.parameters import ServerParameters, descriptors
from ik_nn_ros.solver import IKSolver, Solutions

LATCHED = QoSProfile(
    depth=1,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
    reliability=ReliabilityPolicy.RELIABLE,
)
LINK_LENGTHS = ParameterDescriptor(description="The arm's links [m].", read_only=True)


class IKServer(Node):
    """The server. Requests queue: one at a time reaches the networks.

    Raises:
        InvalidParameterError: a parameter that is unknown or not allowed.
        ModelNotFoundError: no weights for the model and the number of joints.
        CheckpointError: the weights cannot be read.
    """

    def __init__(self) -> None:
        super().__init__("ik_server")
        self._settings = _declare_parameters(self)
        self._solvers: dict[str, IKSolver] = {}
        arm = self._solver(self._settings.model).arm
        self.declare_parameter(
            "link_lengths", list(arm.link_lengths), LINK_LENGTHS, ignore_override=True
        )

        # A guard condition runs after the answer that triggered it has left. A new viewer triggers
        # it too: nothing is drawn while nobody looks.
        self._undrawn: tuple[IKSolver, Solutions] | None = None
        self._draw_soon = self.create_guard_condition(self._draw)
        viewer_came_or_went = PublisherEventCallbacks(matched=lambda _: self._draw_soon.trigger())
        self._markers = self.create_publisher(
            MarkerArray, "posterior_markers", LATCHED, event_callbacks=viewer_came_or_went
        )
        self._best = self.create_publisher(JointState, "best_joint_state", 10)
        self.create_subscription(PointStamped, "clicked_point", self._on_click, 10)
        # Last: the service's appearance says that the server is ready.
        self.create_service(SolveIK, "solve_ik", self._answer)
        self.get_logger().info(
            f"ready: {self._settings.model}, {self._settings.dof} joints, "
            f"on {self._settings.device}"
        )

    def _solver(self, model: str) -> IKSolver:
        """The solver of a model, loaded at its first use."""
        if model not in self._solvers:
            parameters = self._settings
            self._solvers[model] = IKSolver.from_pretrained(
                parameters.dof, model, parameters.device
            )
        return self._solvers[model]

    def _answer(self, request: SolveIK.Request, response: SolveIK.Response) -> SolveIK.Response:
        arrival = time.monotonic()
        try:
            arguments = parse_request(request, self._settings)
            solver = self._solver(arguments.model)
            _require_time(arrival, arguments.timeout)
            start = time.monotonic()
            solutions = arguments.solve_with(solver)
            response.solve_time = time.monotonic() - start
            fill_solutions(response, solutions)
            response.best.header.stamp = self.get_clock().now().to_msg()
            response.best.header.frame_id = self._settings.base_frame
            self._undrawn = (solver, solutions)
            self._best.publish(response.best)
            self._draw_soon.trigger()
            _require_time(arrival, arguments.timeout)
        except IKError as error:
            fill_error(response, error)
        except Exception as error:
            self.get_logger().error(traceback.format_exc())
            fill_error(response, error)
        return response

    def _on_click(self, click: PointStamped) -> None:
        # RViz gives the point on the surface of what was clicked: a little above the plane.
        click.point.z = 0.0
        response = self._answer(SolveIK.Request(target=click), SolveIK.Response())
        if response.error_code != SolveIK.Response.SUCCESS:
            self.get_logger().warning(f"clicked point refused: {response.message}")

    def _draw(self) -> None:
        if self._undrawn is None or self._markers.get_subscription_count() == 0:
            return
        solver, solutions = self._undrawn
        self._undrawn = None
        frame, max_arms = self._settings.base_frame, self._settings.max_marker_arms
        self._markers.publish(posterior_markers(solver.arm, solutions, frame, max_arms))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM: 0; or 1 with one line where the server cannot start."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _initialize(arguments)
        rclpy.spin(IKServer())
    except IKError as error:
        print(f"ik_server: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    finally:
        rclpy.try_shutdown()


def _initialize(arguments: Sequence[str] | None) -> None:
    # Our line says it; rcl would log a second one.
    set_logger_level("rcl", LoggingSeverity.FATAL)
    try:
        rclpy.init(args=arguments)
    except RuntimeError as error:
        reason = re.sub(r",\s+at \S+:\d+", "", str(error))
        raise StartError(" ".join(reason.split())) from None
    set_logger_level("rcl", LoggingSeverity.UNSET)


def _declare_parameters(node: Node) -> ServerParameters:
    # rclpy has no public view of values given for parameters that nobody declared.
    given = {name: value.value for name, value in node._parameter_overrides.items()}
    own = {name: value for name, value in given.items() if not node.has_parameter(name)}
    parameters = ServerParameters.from_values(own)
    for name, descriptor in descriptors().items():
        value = getattr(parameters, name)
        node.declare_parameter(name, value, descriptor, ignore_override=True)
    return parameters


def _require_time(start: float, timeout: float) -> None:
    elapsed = time.monotonic() - start
    if elapsed > timeout:
        raise TimedOutError(elapsed, timeout)


if __name__ == "__main__":
    sys.exit(main())
