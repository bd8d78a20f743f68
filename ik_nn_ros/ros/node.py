"""`ik_server`: answers /solve_ik, shows the latest answer and tells how it fares."""

from __future__ import annotations

import gc
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PointStamped
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.parameter import Parameter
from rclpy.signals import (
    SignalHandlerOptions,
    install_signal_handlers,
    uninstall_signal_handlers,
)
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.backends import REFERENCE
from ik_nn_ros.errors import IKError
from ik_nn_ros.ros import moveit, qos
from ik_nn_ros.ros.afterwards import Afterwards
from ik_nn_ros.ros.answering import Answering, Solved
from ik_nn_ros.ros.delivery import DeliveringNode
from ik_nn_ros.ros.diagnostics import RequestStatistics, diagnostic_array
from ik_nn_ros.ros.errors import InvalidParameterError, ShutdownError, StartError
from ik_nn_ros.ros.faults import LINES_PERIOD, GuardedExecutor, described
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.logs import ForwardingHandler
from ik_nn_ros.ros.markers import posterior_markers, start_markers
from ik_nn_ros.ros.parameter_files import shared_names
from ik_nn_ros.ros.parameters import ServerParameters, descriptors
from ik_nn_ros.ros.requests import clicked_request
from ik_nn_ros.ros.solvers import Solvers
from ik_nn_ros.ros.starting import initialize, node_refusals, own_arguments
from ik_nn_ros.ros.transforms import TransformListening
from ik_nn_ros.stopping import stopped_by
from ik_nn_ros.texts import LONGEST_MESSAGE, listed, shown

DERIVED = {  # from the arm, for others to read
    "base": ParameterDescriptor(description="The arm's first joint.", read_only=True),
    "link_lengths": ParameterDescriptor(description="The arm's links [m].", read_only=True),
    "mount": ParameterDescriptor(
        description="How the arm stands in its robot, the fields of a Mount as JSON.",
        read_only=True,
    ),
}
DIAGNOSTICS_PERIOD = 1.0  # [s]
SIGNALS = (signal.SIGINT, signal.SIGTERM)  # that end the server


class IKServer(DeliveringNode):
    """The server. Requests queue: one at a time reaches the networks.

    Args:
        command: the command line, whose parameter files tell what is meant for every node.

    Raises:
        InvalidParameterError: a parameter that is unknown or not allowed.
        StartError: a parameter that every node has, of another type.
        ModelNotFoundError: no weights for the model and the number of joints.
        CheckpointError: the weights cannot be read.
    """

    def __init__(self, command: Sequence[str] = ()) -> None:
        with node_refusals():
            super().__init__("ik_server")
        ForwardingHandler(self.get_logger()).install()
        given = self._given_values(command)
        derived = {name: given.pop(name) for name in DERIVED if name in given}
        self._solvers = Solvers(ServerParameters.from_values(given))
        _require_agreement(derived, self._solvers.arm)
        self._statistics = RequestStatistics()
        self._transforms = TransformListening(self.record_fault)
        self._frames = Frames(self._solvers.settings.base_frame, self._transforms.buffer)
        self._answering = Answering(self._solvers, self._frames, self.get_logger())
        self._servers = 1  # that offer this service
        self._declare_parameters()
        self._advertise()
        self.create_subscription(PointStamped, "clicked_point", self._on_click, 10)
        # Last: their appearance says that the server is ready.
        if position_ik := moveit.service_type():
            self.offer(position_ik, moveit.NAME, self._on_position_ik, qos_profile=qos.SERVICE)
        self.offer(SolveIKPath, "solve_ik_path", self._on_path, qos_profile=qos.SERVICE)
        self.offer(SolveIK, "solve_ik", self._on_request, qos_profile=qos.SERVICE)
        settings = self._answering.settings
        self.get_logger().info(
            f"ready: {settings.model}, {settings.dof} joints, {_evaluator(settings)}"
        )
        if self._solvers.arm.mount != Mount():
            self.get_logger().info(_describe_mount(self._solvers.arm))

    def _given_values(self, command: Sequence[str]) -> dict[str, Any]:
        """The values that were given for parameters, but those that are meant for other nodes."""
        # rclpy has no public view of values given for parameters that nobody declared.
        given = {
            value.name: value.value
            for value in self._parameter_overrides.values()
            if not self.has_parameter(value.name)
        }
        unknown = given.keys() - descriptors().keys() - DERIVED.keys()
        if others := unknown & shared_names(command, self.get_name()):
            self.get_logger().warning(
                "parameters that a file gives to every node, and that this one does not have: "
                f"{listed(sorted(others))}"
            )
        return {name: value for name, value in given.items() if name not in others}

    def _declare_parameters(self) -> None:
        settings = self._answering.settings
        for name, descriptor in descriptors().items():
            self.declare_parameter(name, getattr(settings, name), descriptor, ignore_override=True)
        derived = _derived_values(self._solvers.arm)
        for name, descriptor in DERIVED.items():
            self.declare_parameter(name, derived[name], descriptor, ignore_override=True)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._take_parameters)

    def _check_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            settings = self._answering.settings.changed(_own_values(changes))
            self._solvers.of(
                settings.model, self._solvers.task
            )  # loads its weights, or says why it cannot
        except IKError as error:
            return _refusal(str(error))
        except Exception as error:
            self.record_fault(error)
            return _refusal(f"internal error: {type(error).__name__}: {error}")
        return SetParametersResult(successful=True)

    def _take_parameters(self, changes: list[Parameter]) -> None:
        values = _own_values(changes)
        self._answering.settings = self._answering.settings.changed(values)
        if values:
            said = ", ".join(f"{name} = {shown(value)}" for name, value in values.items())
            self.get_logger().info(f"now {said}", throttle_duration_sec=LINES_PERIOD)

    def _advertise(self) -> None:
        # A new viewer asks for a drawing, too: nothing is drawn while nobody looks.
        self._undrawn: Callable[[], bytes] | None = self._start_markers
        self._drawing = Afterwards(self, self._draw)
        viewer_came_or_went = PublisherEventCallbacks(matched=lambda _: self._drawing.ask())
        self._markers = self.create_publisher(
            MarkerArray, "posterior_markers", qos.LATCHED, event_callbacks=viewer_came_or_went
        )
        self._best = self.create_publisher(JointState, "best_joint_state", qos.LATCHED)
        self._description = self.create_publisher(String, "robot_description", qos.LATCHED)
        self._description.publish(String(data=self._solvers.description))
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self.create_timer(DIAGNOSTICS_PERIOD, self._tell_how_it_fares, clock=steady)

    def _on_request(
        self, request: SolveIK.Request, response: SolveIK.Response, arrival: float
    ) -> SolveIK.Response:
        self.when_sent(self._answer(request, response, arrival))
        return response

    def _on_path(
        self, request: SolveIKPath.Request, response: SolveIKPath.Response, arrival: float
    ) -> SolveIKPath.Response:
        start = time.monotonic()
        self._answering.solve_ik_path(request, response, arrival)
        self.when_sent(partial(self._record, response, time.monotonic() - start))
        return response

    def _on_position_ik(self, request: Any, response: Any, arrival: float) -> Any:
        """Not shown: MoveIt asks hundreds of times while it plans."""
        start = time.monotonic()
        answer = self._answering.get_position_ik(request, response, arrival)
        self.when_sent(partial(self._record, answer, time.monotonic() - start))
        return response

    def _answer(
        self, request: SolveIK.Request, response: SolveIK.Response, arrival: float | None = None
    ) -> Callable[[], None]:
        """Fill the response; what remains to be done, of which its client needs nothing."""
        start = time.monotonic()
        solved = self._answering.solve_ik(request, response, arrival)
        if solved is not None:
            response.best.header.stamp = self.get_clock().now().to_msg()
        return partial(self._tell, response, solved, time.monotonic() - start)

    def _tell(self, response: SolveIK.Response, solved: Solved | None, seconds: float) -> None:
        if solved is not None:
            self._best.publish(response.best)
            self._undrawn = partial(self._posterior_markers, solved)
            self._drawing.ask()
        self._record(response, seconds)

    def _record(self, response: SolveIK.Response | SolveIKPath.Response, seconds: float) -> None:
        self._statistics.record(response.error_code, seconds)
        if response.error_code == SolveIK.Response.SUCCESS:
            self.get_logger().debug(response.message)
        else:
            self.get_logger().warning(
                f"refused with {response.error_code}: {response.message}",
                throttle_duration_sec=LINES_PERIOD,
            )

    def record_fault(self, error: Exception) -> None:
        """Log and count what ended a callback; the node goes on."""
        self._statistics.record_fault()
        self.get_logger().error(described(error), throttle_duration_sec=LINES_PERIOD)

    def _on_click(self, click: PointStamped) -> None:
        try:
            request = clicked_request(click, self._frames, self._solvers.arm)
        except IKError as error:
            self.get_logger().warning(
                f"clicked point refused: {shown(str(error), LONGEST_MESSAGE)}",
                throttle_duration_sec=LINES_PERIOD,
            )
        else:
            self._answer(request, SolveIK.Response())()

    def _draw(self) -> None:
        if self._undrawn is None or self._markers.get_subscription_count() == 0:
            return
        draw, self._undrawn = self._undrawn, None
        self._markers.publish(draw())

    def _start_markers(self) -> bytes:
        settings, service = self._answering.settings, self.resolve_service_name("solve_ik")
        todo = f"click on the plane with Publish Point, or ask {service}"
        if self._solvers.arm.mount.lever:
            todo = f"ask {service} for a pose"
        label = f"{settings.model}, {settings.dof} joints: {todo}"
        return start_markers(self._solvers.arm, label, self._frames.base_frame)

    def _posterior_markers(self, solved: Solved) -> bytes:
        return posterior_markers(
            self._solvers.arm,
            solved.solutions,
            solved.describe(),
            self._frames.base_frame,
            self._answering.settings.max_marker_arms,
        )

    def _tell_how_it_fares(self) -> None:
        name, stamp = self.get_fully_qualified_name(), self.get_clock().now().to_msg()
        settings = self._answering.settings
        self._diagnostics.publish(diagnostic_array(name, stamp, settings, self._statistics))
        self._look_for_others()

    def _look_for_others(self) -> None:
        known, self._servers = self._servers, self.count_services("solve_ik")
        if self._servers > max(known, 1):
            self.get_logger().warning(
                f"{self._servers} servers offer {self.resolve_service_name('solve_ik')}: each "
                "answers some requests (one that was killed is counted for up to 20 s)",
                throttle_duration_sec=LINES_PERIOD,
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM: 0; or 1 with one line where the server cannot start."""
    started = False
    try:
        for number in SIGNALS:
            signal.signal(number, signal.default_int_handler)
        initialize(arguments, signal_handler_options=SignalHandlerOptions.NO)
        started = True
        command = sys.argv if arguments is None else arguments
        _refuse_own_arguments(command)
        _end_on_signals()
        with stopped_by(_require_running):
            server = IKServer(command)
            executor = GuardedExecutor(server.record_fault)
            executor.add_node(server)
            gc.freeze()  # collections need not look through all that was imported
            executor.spin()
    except ShutdownError:
        pass
    except IKError as error:
        print(f"ik_server: {shown(str(error), LONGEST_MESSAGE)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass  # before the signals were rclpy's
    except Exception:
        # While the server starts, a shutdown makes rclpy fail in many ways.
        if rclpy.ok() or not started:
            raise
    finally:
        rclpy.try_shutdown()
        uninstall_signal_handlers()  # their thread would wake executors that are being destroyed
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # a second one, while Python ends
    return 0


def _require_running() -> None:
    """What work that lasts asks.

    Raises:
        ShutdownError: the server was told to end.
    """
    if not rclpy.ok():
        raise ShutdownError


def _refuse_own_arguments(command: Sequence[str]) -> None:
    left = own_arguments(command)
    if left:
        raise StartError(
            f"takes no arguments but ROS's, got {' '.join(left)}; "
            "parameters are given as in: ik_server --ros-args -p dof:=6"
        )


def _end_on_signals() -> None:
    # A signal shuts rclpy down and does nothing else: a KeyboardInterrupt beside it could come
    # anywhere, also in the midst of rclpy's own clearing up.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    install_signal_handlers()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _require_agreement(given: dict[str, Any], arm: PlanarArm) -> None:
    """A dump of all parameters can be given again, but not of another arm."""
    own = _derived_values(arm)
    for name, value in given.items():
        wanted = own[name]
        if not np.array_equal(value, wanted):
            raise InvalidParameterError(name, f"is the model's own, {wanted}, got {value}")


def _derived_values(arm: PlanarArm) -> dict[str, Any]:
    """The values of `DERIVED`."""
    return {
        "base": arm.base,
        "link_lengths": list(arm.link_lengths),
        "mount": json.dumps(asdict(arm.mount)),
    }


def _describe_mount(arm: PlanarArm) -> str:
    """A line about the robot that an arm is part of."""
    mount = arm.mount
    line = f"{listed(arm.joint_names)} bring {shown(mount.tip_link)}"
    line = f"{line} to targets in {shown(mount.base_link)}"
    held = [f"{shown(name)} = {value:g}" for name, value in mount.held.items()]
    return f"{line}, with {', '.join(held)} held" if held else line


def _refusal(reason: str) -> SetParametersResult:
    return SetParametersResult(successful=False, reason=shown(reason, LONGEST_MESSAGE))


def _evaluator(settings: ServerParameters) -> str:
    """What computes the default model's answers."""
    on = f"PyTorch on {settings.device}" if settings.backend == REFERENCE else "machine code"
    return f"answers by {on}"


def _own_values(changes: list[Parameter]) -> dict[str, Any]:
    names = descriptors()
    return {change.name: change.value for change in changes if change.name in names}


if __name__ == "__main__":
    sys.exit(main())
