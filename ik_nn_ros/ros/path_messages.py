"""The path service's messages in the core's terms and back: pure functions, no node needed."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Duration
from trajectory_msgs.msg import JointTrajectoryPoint

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros.arm.task import Task
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.path import DEFAULT_MAX_JOINT_STEP, follow
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.requests import (
    parse_num_samples,
    parse_seed_state,
    parse_timeout,
    requested_task,
)
from ik_nn_ros.ros.targets import parse_targets
from ik_nn_ros.solver import IKSolver

DEFAULT_TIME_STEP = 0.1  # [s]
MIN_TIME_STEP = 1e-9  # [s], what a Duration tells apart
MAX_DURATION = 2.0**31 - 1.0  # [s], whose seconds are an int32
MAX_TARGETS = 1000  # a path keeps all other requests waiting


@dataclass(frozen=True)
class PathArguments:
    """A path request with the server's defaults filled in.

    Attributes:
        model: the model's name.
        task: what the targets prescribe.
        targets: (k, size) see `Task`, in order.
        num_samples: samples to draw for a target that is sampled.
        seed: None: fresh randomness.
        position_tolerance: largest error of a solution [m].
        heading_tolerance: largest error of a solution's heading [rad].
        seed_state: (dof,) [rad], the path starts nearest to it; or None.
        max_joint_step: most that a joint may turn between two targets [rad].
        time_step: between two points of the trajectory [s].
        timeout: [s]; infinite where there is none.
    """

    model: str
    task: Task
    targets: np.ndarray
    num_samples: int
    seed: int | None
    position_tolerance: float
    heading_tolerance: float
    seed_state: tuple[float, ...] | None
    max_joint_step: float
    time_step: float
    timeout: float

    def follow_with(self, solver: IKSolver) -> Iterator[np.ndarray]:
        """The solver's positions, as `path.follow` finds them; its errors are the same."""
        return follow(
            solver,
            self.targets,
            self.num_samples,
            seed=self.seed,
            position_tolerance=self.position_tolerance,
            heading_tolerance=self.heading_tolerance,
            seed_state=self.seed_state,
            max_joint_step=self.max_joint_step,
        )


def parse_path_request(
    request: SolveIKPath.Request,
    parameters: ServerParameters,
    joint_names: Sequence[str],
    frames: Frames,
) -> PathArguments:
    """Check what ROS adds to a request, and fill in the defaults.

    Raises:
        FrameError: the targets are in a frame that cannot be transformed to the arm's.
        InvalidRequestError: too many targets, one that is not in the plane, too many samples, a
            seed state that does not fit the arm, a negative time.
    """
    if len(request.targets) > MAX_TARGETS:
        raise InvalidRequestError(
            "targets", f"must be at most {MAX_TARGETS}, got {len(request.targets)}"
        )
    task = requested_task(request)
    return PathArguments(
        model=request.model or parameters.model,
        task=task,
        targets=parse_targets(request.header, request.targets, frames, task),
        num_samples=parse_num_samples(request.num_samples, parameters),
        seed=request.random_seed or None,
        position_tolerance=request.position_tolerance or parameters.position_tolerance,
        heading_tolerance=request.heading_tolerance or parameters.heading_tolerance,
        seed_state=parse_seed_state(request.seed_state, joint_names),
        max_joint_step=request.max_joint_step or DEFAULT_MAX_JOINT_STEP,
        time_step=_parse_time_step(request.time_step, len(request.targets)),
        timeout=parse_timeout(request.timeout),
    )


def fill_trajectory(
    response: SolveIKPath.Response,
    positions: Sequence[np.ndarray],
    time_step: float,
    joint_names: Sequence[str],
    frame: str,
) -> None:
    """Write joint positions, one after the other, into a response.

    Args:
        response: a success, unless an error is written after this.
        positions: (dof,) each [rad]; none at all is no success.
        time_step: between two of them [s]; the first is due at once.
        joint_names: the arm's.
        frame: the arm's base frame.
    """
    response.error_code = SolveIK.Response.SUCCESS
    response.message = f"{len(positions)} points on one branch"
    response.trajectory.header.frame_id = frame
    response.trajectory.points = [
        JointTrajectoryPoint(
            positions=array("d", position.tobytes()), time_from_start=_duration(index * time_step)
        )
        for index, position in enumerate(positions)
    ]
    if positions:
        response.trajectory.joint_names = list(joint_names)
        steps = np.abs(np.diff(positions, axis=0))
        response.largest_joint_step = float(steps.max(initial=0.0))


def _parse_time_step(seconds: float, num_targets: int) -> float:
    seconds = seconds or DEFAULT_TIME_STEP
    most = MAX_DURATION / max(1, num_targets - 1)
    if not MIN_TIME_STEP <= seconds < most:
        raise InvalidRequestError(
            "time_step",
            f"must be from {MIN_TIME_STEP:g} to {most:g} s for {num_targets} targets, "
            f"or 0 for {DEFAULT_TIME_STEP} s, got {seconds}",
        )
    return seconds


def _duration(seconds: float) -> Duration:
    nanoseconds = round(1e9 * seconds)
    return Duration(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
