"""The service's requests in the core's terms: pure functions, no node needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, PointStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.arguments import MAX_REPRESENTATIVES, require_representatives
from ik_nn_ros.arm.joints import joint_names
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.options import SolveOptions
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.solutions import Solutions
from ik_nn_ros.solver import IKSolver

PLANE_TOLERANCE = SolveOptions.position_tolerance  # [m], for what a transform leaves of z = 0


@dataclass(frozen=True)
class SolveArguments:
    """A request with the server's defaults filled in.

    Attributes:
        model: the model's name.
        target: (x, y) [m].
        num_samples: samples to draw.
        seed: None: fresh randomness.
        options: how to answer it.
        num_representatives: how many solutions are to stand for the posterior's regions.
        timeout: [s]; infinite where there is none.
    """

    model: str
    target: tuple[float, float]
    num_samples: int
    seed: int | None
    options: SolveOptions
    num_representatives: int
    timeout: float

    def solve_with(self, solver: IKSolver) -> Solutions:
        """The solver's answer; its errors are those of `IKSolver.solve`."""
        return solver.solve(self.target, self.num_samples, self.seed, self.options)


def parse_request(
    request: SolveIK.Request, parameters: ServerParameters, frames: Frames
) -> SolveArguments:
    """Check what ROS adds to a request, and fill in the defaults.

    Raises:
        FrameError: the target is in a frame that cannot be transformed to the arm's.
        InvalidRequestError: the target is not in the plane, too many samples or representatives,
            a seed state that does not fit the arm, a negative timeout.
    """
    ((x, y),) = parse_targets(request.target.header, [request.target.point], frames)
    return SolveArguments(
        model=request.model or parameters.model,
        target=(x, y),
        num_samples=parse_num_samples(request.num_samples, parameters),
        seed=request.random_seed or None,
        options=SolveOptions(
            refine=parameters.refine and not request.raw,
            position_tolerance=request.position_tolerance or parameters.position_tolerance,
            seed_state=parse_seed_state(request.seed_state, parameters.dof),
            allow_approximate=request.allow_approximate,
        ),
        num_representatives=_parse_num_representatives(request.num_representatives),
        timeout=parse_timeout(request.timeout),
    )


def clicked_request(click: PointStamped, frames: Frames) -> SolveIK.Request:
    """The request behind a click: solve for where it was, at the latest time, with the defaults.

    Raises:
        FrameError: its frame cannot be transformed to the arm's.
    """
    point = np.array([[click.point.x, click.point.y, click.point.z]])
    ((x, y, _),) = frames.to_base(point, Header(frame_id=click.header.frame_id)).tolist()
    # RViz gives the point on the surface of what was clicked: a little above the plane.
    return SolveIK.Request(target=PointStamped(point=Point(x=x, y=y)))


def parse_targets(
    header: Header, points: Sequence[Point], frames: Frames
) -> list[tuple[float, float]]:
    """Points of a frame as (x, y) in the arm's plane [m].

    Raises:
        FrameError: the frame cannot be transformed to the arm's.
        InvalidRequestError: a point is not in the arm's plane.
    """
    given = np.array([(point.x, point.y, point.z) for point in points]).reshape(-1, 3)
    targets = frames.to_base(given, header)
    for x, y, z in targets.tolist():
        if not abs(z) <= PLANE_TOLERANCE:
            raise InvalidRequestError(
                "target",
                f"z must be 0 m in {frames.base_frame}, the arm is planar, got ({x}, {y}, {z})",
            )
    return [(x, y) for x, y, _ in targets.tolist()]


def parse_num_samples(num_samples: int, parameters: ServerParameters) -> int:
    """The samples to draw.

    Raises:
        InvalidRequestError: more than the server allows.
    """
    if num_samples > parameters.max_samples:
        raise InvalidRequestError(
            "num_samples",
            f"must be at most {parameters.max_samples}, or 0 for {parameters.num_samples}, "
            f"got {num_samples}",
        )
    return num_samples or parameters.num_samples


def _parse_num_representatives(num_representatives: int) -> int:
    """None at all, or how many; compared with the solutions once there are some."""
    if num_representatives > 0:
        require_representatives(num_representatives, MAX_REPRESENTATIVES)
    return num_representatives


def parse_seed_state(state: JointState, dof: int) -> tuple[float, ...] | None:
    """Positions in the order of the joints, by name where there are names; None if it is empty.

    Raises:
        InvalidRequestError: not one position for every joint.
    """
    if not state.name and not state.position:
        return None
    if not state.name:
        if len(state.position) != dof:
            raise InvalidRequestError(
                "seed_state", f"must have {dof} positions, got {len(state.position)}"
            )
        return tuple(state.position)
    names = joint_names(dof)
    if sorted(state.name) != sorted(names) or len(state.position) != dof:
        raise InvalidRequestError(
            "seed_state",
            f"must have one position for each of {', '.join(names)}, got "
            f"{len(state.position)} for {', '.join(state.name)}",
        )
    by_name = dict(zip(state.name, state.position, strict=True))
    return tuple(by_name[name] for name in names)


def parse_timeout(timeout: Duration) -> float:
    """The time allowed [s], infinite where the message says 0.

    Raises:
        InvalidRequestError: it is negative.
    """
    seconds = timeout.sec + timeout.nanosec * 1e-9
    if seconds < 0.0:
        raise InvalidRequestError("timeout", f"must not be negative, 0 is none, got {seconds} s")
    return seconds or math.inf
