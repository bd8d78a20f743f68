"""The path service's messages in the core's terms and back: pure functions, no node needed."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Duration
from trajectory_msgs.msg import JointTrajectoryPoint

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.options import SolveOptions
from ik_nn_ros.path import DEFAULT_MAX_JOINT_STEP
from ik_nn_ros.ros.answer import PathAnswer
from ik_nn_ros.ros.errors import RequestRefusedError
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.requests import (
    parse_num_samples,
    parse_timeout,
    plane_seed_state,
    requested_task,
    require_affordable,
)
from ik_nn_ros.ros.targets import parse_targets
from ik_nn_ros.trajectory import Trajectory, timed

DEFAULT_TIME_STEP = 0.1  # [s]
MIN_TIME_STEP = 1e-9  # [s], what a Duration tells apart
MAX_DURATION = 2.0**31 - 1.0  # [s], whose seconds are an int32
SAME_TARGET = 1e-9  # [arm's units] or [rad], what is left of a circle's end that was computed
MAX_TARGETS = 1000  # a path keeps all other requests waiting


@dataclass(frozen=True)
class PathArguments:
    """A path request with the server's defaults filled in.

    Attributes:
        model: the model's name.
        task: what the targets prescribe.
        targets: (k, size) see `Task`, in order; of a closed path the first one again.
        closed: whether the path is to end with the joint positions that it began with.
        num_samples: samples to draw for the first target.
        seed: None: fresh randomness.
        options: how near to the targets solutions are.
        seed_state: (dof,) [rad], the path starts nearest to it; or None.
        max_joint_step: most that a joint may turn between two targets [rad], see `path.follow`.
        joint_steps: (dof,) the same of each joint [rad], of a rail [m].
        max_velocities: (dof,) largest speeds of the joints [rad/s]; infinite for none.
        time_step: between two points of the trajectory, if it need not be stretched [s].
        timeout: [s]; infinite where there is none.
    """

    model: str
    task: Task
    targets: np.ndarray
    closed: bool
    num_samples: int
    seed: int | None
    options: SolveOptions
    seed_state: tuple[float, ...] | None
    max_joint_step: float
    joint_steps: np.ndarray
    max_velocities: np.ndarray
    time_step: float
    timeout: float

    def timed(self, positions: np.ndarray) -> Trajectory:
        """Positions (k, dof) in time, the first after the way from the seed state; see `timed`."""
        first = positions[0]
        lead_in = first - (first if self.seed_state is None else np.array(self.seed_state))
        return timed(positions, self.time_step, self.max_velocities, lead_in, self.joint_steps)


def parse_path_request(
    request: SolveIKPath.Request,
    parameters: ServerParameters,
    arm: PlanarArm,
    frames: Frames,
) -> PathArguments:
    """Check what ROS adds to a request, and fill in the defaults.

    Raises:
        FrameError: the targets are in a frame that cannot be transformed to the arm's.
        InvalidRequestError: too many targets, one that is not in the plane, too many samples, or
            too many for the arm's joints, a seed state or velocities that do not fit the arm, a
            negative time.
    """
    if len(request.targets) > MAX_TARGETS:
        raise InvalidRequestError(
            "targets", f"must be at most {MAX_TARGETS}, got {len(request.targets)}"
        )
    num_samples = parse_num_samples(request.num_samples, parameters)
    require_affordable(num_samples, arm.dof, 0, parameters.max_cost)
    task = requested_task(request, arm)
    timeout = parse_timeout(request.timeout)
    wait = min(parameters.transform_timeout, timeout)
    targets = parse_targets(request.header, request.targets, frames, task, arm, wait)
    gap = np.abs(targets[-1:] - targets[:1]) / task.units(arm)
    if request.closed and (gap > SAME_TARGET).any():
        targets = np.concatenate((targets, targets[:1]))
    max_joint_step = request.max_joint_step or DEFAULT_MAX_JOINT_STEP
    return PathArguments(
        model=request.model or parameters.model,
        task=task,
        targets=targets,
        closed=request.closed,
        num_samples=num_samples,
        seed=request.random_seed or None,
        options=SolveOptions(
            position_tolerance=request.position_tolerance or parameters.position_tolerance or None,
            heading_tolerance=request.heading_tolerance or parameters.heading_tolerance,
        ),
        seed_state=plane_seed_state(request.seed_state, arm),
        max_joint_step=max_joint_step,
        joint_steps=max_joint_step * arm.joint_units,
        max_velocities=_parse_velocities(request.max_joint_velocities, arm),
        time_step=_parse_time_step(request.time_step, len(targets)),
        timeout=timeout,
    )


def fill_trajectory(
    response: SolveIKPath.Response,
    positions: Sequence[np.ndarray],
    arguments: PathArguments,
    arm: PlanarArm,
    frame: str,
) -> None:
    """Write joint positions, one after the other, into a response.

    Args:
        response: a success, unless an error is written after this.
        positions: (dof,) each [rad]; none at all is no success.
        arguments: of the path.
        arm: that follows it.
        frame: the arm's base frame.

    Raises:
        InvalidRequestError: with such small velocities, or from so far away, it takes longer than a
            message can say.
    """
    response.error_code = SolveIK.Response.SUCCESS
    response.message = f"{len(positions)} points on one branch"
    response.trajectory.header.frame_id = frame
    if not positions:
        return
    trajectory = arguments.timed(np.stack(positions))
    if trajectory.times[-1] >= MAX_DURATION:
        raise InvalidRequestError(
            "max_joint_velocities",
            f"so small, or seed_state so far away, that it takes {trajectory.times[-1]:.3g} s; "
            f"less than {MAX_DURATION:.3g} s are allowed",
        )
    if trajectory.time_step > arguments.time_step:
        response.message += (
            f", time_step stretched from {arguments.time_step:g} to {trajectory.time_step:.4g} s"
        )
    response.trajectory.joint_names = list(arm.joint_names)
    response.trajectory.points = _points(trajectory, arm.mount)
    steps = np.abs(np.diff(trajectory.positions, axis=0))
    response.largest_joint_step = float(steps.max(initial=0.0))
    if arguments.closed and len(positions) == len(arguments.targets):
        gap = arm.joint_differences(positions[-1], positions[0])
        response.closing_gap = float(np.abs(gap).max())


def parse_path_response(response: SolveIKPath.Response) -> PathAnswer:
    """Read a response.

    Raises:
        RequestRefusedError: it carries an error code.
    """
    trajectory = response.trajectory
    shape = len(trajectory.points), len(trajectory.joint_names)
    due = [point.time_from_start for point in trajectory.points]
    answer = PathAnswer(
        joint_names=tuple(trajectory.joint_names),
        positions=np.reshape([point.positions for point in trajectory.points], shape),
        velocities=np.reshape([point.velocities for point in trajectory.points], shape),
        times=np.array([time.sec + 1e-9 * time.nanosec for time in due]),
        trajectory=trajectory,
        largest_joint_step=response.largest_joint_step,
        closing_gap=response.closing_gap,
        message=response.message,
        solve_time=response.solve_time,
    )
    if response.error_code != SolveIK.Response.SUCCESS:
        ready = answer if trajectory.points else None
        raise RequestRefusedError(response.error_code, response.message, ready)
    return answer


def _points(trajectory: Trajectory, mount: Mount) -> list[JointTrajectoryPoint]:
    values = mount.robot_values(trajectory.positions)
    rows = zip(values, mount.robot_velocities(trajectory.velocities), trajectory.times, strict=True)
    return [
        JointTrajectoryPoint(
            positions=array("d", positions.tobytes()),
            velocities=array("d", velocities.tobytes()),
            time_from_start=_duration(time),
        )
        for positions, velocities, time in rows
    ]


def _parse_velocities(velocities: Sequence[float], arm: PlanarArm) -> np.ndarray:
    """As given, and never above the robot's own limits."""
    count = len(velocities)
    wanted = f"must be positive [rad/s], {arm.dof} or one for all joints or none"
    if count not in (0, 1, arm.dof):
        raise InvalidRequestError("max_joint_velocities", f"{wanted}, got {count}")
    given = np.array(velocities) if count > 0 else np.array((np.inf,))
    if not (given > 0.0).all():
        raise InvalidRequestError("max_joint_velocities", f"{wanted}, got {given.tolist()}")
    limits = arm.mount.velocity_limits or (None,) * arm.dof
    return np.minimum(given, [np.inf if limit is None else limit for limit in limits])


def _parse_time_step(seconds: float, num_targets: int) -> float:
    seconds = seconds or DEFAULT_TIME_STEP
    most = MAX_DURATION / (num_targets + 2)  # from rest and to rest it takes twice the time
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
