"""The service's requests in the core's terms: pure functions, no node needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import PointStamped, PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros.arguments import MAX_REPRESENTATIVES, require_representatives
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION, Task
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.options import SolveOptions
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.targets import parse_click, parse_targets, tip_pose
from ik_nn_ros.texts import listed

MOST_STATE_JOINTS = 1000  # of a seed state; a robot has some ten
CLICK_HEIGHT = 0.02  # of the reach: what is drawn, and so clicked, is that near to the plane


@dataclass(frozen=True)
class SolveArguments:
    """A request with the server's defaults filled in.

    Attributes:
        model: the model's name.
        task: what the target prescribes.
        target: (size,) see `Task`.
        num_samples: samples to draw.
        seed: None: fresh randomness.
        options: how to answer it.
        num_representatives: how many solutions are to stand for the posterior's regions.
        timeout: [s]; infinite where there is none.
    """

    model: str
    task: Task
    target: np.ndarray
    num_samples: int
    seed: int | None
    options: SolveOptions
    num_representatives: int
    timeout: float


def parse_request(
    request: SolveIK.Request,
    parameters: ServerParameters,
    arm: PlanarArm,
    frames: Frames,
) -> SolveArguments:
    """Check what ROS adds to a request, and fill in the defaults.

    Raises:
        FrameError: the target is in a frame that cannot be transformed to the arm's.
        InvalidRequestError: the target is not in the plane, too many samples or representatives,
            or too many for the arm's joints, a seed state that does not fit the arm, a negative
            timeout.
    """
    task = requested_task(request, arm)
    num_samples = parse_num_samples(request.num_samples, parameters)
    num_representatives = _parse_num_representatives(request.num_representatives)
    require_affordable(num_samples, arm.dof, num_representatives, parameters.max_cost)
    timeout = parse_timeout(request.timeout)
    header, pose = request.target.header, request.target.pose
    wait = min(parameters.transform_timeout, timeout)
    (target,) = parse_targets(header, [pose], frames, task, arm, wait)
    return SolveArguments(
        model=request.model or parameters.model,
        task=task,
        target=target,
        num_samples=num_samples,
        seed=request.random_seed or None,
        options=SolveOptions(
            refine=parameters.refine and not request.raw,
            position_tolerance=request.position_tolerance or parameters.position_tolerance or None,
            heading_tolerance=request.heading_tolerance or parameters.heading_tolerance,
            seed_state=plane_seed_state(request.seed_state, arm),
            allow_approximate=request.allow_approximate,
        ).of_arm(arm),
        num_representatives=num_representatives,
        timeout=timeout,
    )


def clicked_request(click: PointStamped, frames: Frames, arm: PlanarArm) -> SolveIK.Request:
    """The request behind a click: solve for where it was, at the latest time, with the defaults.

    Raises:
        FrameError: its frame cannot be transformed to the arm's.
        InvalidRequestError: it is further from the arm's plane than `CLICK_HEIGHT` of the reach.
    """
    latest = Header(frame_id=click.header.frame_id)
    height = CLICK_HEIGHT * arm.reach[1]
    point = parse_click(click.point, latest, frames, height, arm.mount)
    return SolveIK.Request(target=PoseStamped(pose=tip_pose(arm.mount, point)))


def requested_task(request: SolveIK.Request | SolveIKPath.Request, arm: PlanarArm) -> Task:
    """What the targets of a request prescribe.

    Raises:
        InvalidRequestError: a position, of an arm whose last joint turns the tip on the spot.
    """
    if arm.mount.lever and not request.match_heading:
        raise InvalidRequestError(
            "match_heading",
            f"must be true: {arm.joint_names[-1]} turns {arm.mount.tip_link} on the spot, so that "
            "poses alone are answered; for positions, serve the arm up to a tip_link before it",
        )
    return POSE if request.match_heading else POSITION


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


def require_affordable(
    num_samples: int, num_joints: int, num_representatives: int, max_cost: int
) -> None:
    """All others wait for the request in hand, and most of its time goes with this product.

    Raises:
        InvalidRequestError: it is more than the server allows.
    """
    cost = num_samples * num_joints * (1 + num_representatives)
    if cost > max_cost:
        regions = f" x (1 + {num_representatives} representatives)" if num_representatives else ""
        raise InvalidRequestError(
            "num_samples",
            f"{num_samples} samples x {num_joints} joints{regions} = {cost}, the server's max_cost "
            f"is {max_cost}: ask for fewer",
        )


def plane_seed_state(state: JointState, arm: PlanarArm) -> tuple[float, ...] | None:
    """A seed state in the robot's joint values, as the arm's; see `parse_seed_state`."""
    values = parse_seed_state(state, arm.joint_names)
    return None if values is None else tuple(arm.mount.plane_values(values).tolist())


def parse_seed_state(state: JointState, joint_names: Sequence[str]) -> tuple[float, ...] | None:
    """Positions in the order of the joints; None if the state is empty.

    By name where there are names, and then those of further joints, as a gripper's, are ignored.

    Raises:
        InvalidRequestError: not one position for every joint, or more joints than any robot has.
    """
    if not state.name and not state.position:
        return None
    if max(len(state.name), len(state.position)) > MOST_STATE_JOINTS:
        raise InvalidRequestError(
            "seed_state",
            f"must have at most {MOST_STATE_JOINTS} joints, got {len(state.name)} names and "
            f"{len(state.position)} positions",
        )
    names = list(state.name) or list(joint_names)
    if len(state.position) != len(names):
        raise InvalidRequestError(
            "seed_state", f"must have {len(names)} positions, got {len(state.position)}"
        )
    wrong = [name for name in joint_names if names.count(name) != 1]
    if wrong:
        raise InvalidRequestError(
            "seed_state",
            f"must have one position for each of {listed(joint_names)}, not none or several for "
            f"{listed(wrong)}; got {listed(names)}",
        )
    return tuple(state.position[names.index(name)] for name in joint_names)


def parse_timeout(timeout: Duration) -> float:
    """The time allowed [s], infinite where the message says 0.

    Raises:
        InvalidRequestError: it is negative.
    """
    seconds = timeout.sec + timeout.nanosec * 1e-9
    if seconds < 0.0:
        raise InvalidRequestError("timeout", f"must not be negative, 0 is none, got {seconds} s")
    return seconds or math.inf
