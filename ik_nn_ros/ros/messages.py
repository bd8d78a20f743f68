"""The service's responses, from the core's terms and back: pure functions, no node needed."""

from __future__ import annotations

from array import array
from functools import cache
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.errors import (
    InvalidRequestError,
    MissingPackageError,
    ModelNotFoundError,
    NoSolutionError,
    PathBreakError,
    PathOpenError,
    TimedOutError,
    UnreachableTargetError,
)
from ik_nn_ros.ros.answer import Answer
from ik_nn_ros.ros.errors import FrameError, RequestRefusedError, ShutdownError
from ik_nn_ros.solutions import Solutions
from ik_nn_ros.texts import LONGEST_MESSAGE, shown

ERROR_CODES = {
    InvalidRequestError: SolveIK.Response.INVALID_REQUEST,
    UnreachableTargetError: SolveIK.Response.NO_IK_SOLUTION,
    NoSolutionError: SolveIK.Response.NO_IK_SOLUTION,
    PathBreakError: SolveIK.Response.NO_IK_SOLUTION,
    PathOpenError: SolveIK.Response.NO_IK_SOLUTION,
    ModelNotFoundError: SolveIK.Response.MODEL_NOT_FOUND,
    FrameError: SolveIK.Response.FRAME_TRANSFORM_FAILURE,
    TimedOutError: SolveIK.Response.TIMED_OUT,
    ShutdownError: SolveIK.Response.TIMED_OUT,
}


def fill_solutions(response: SolveIK.Response, solutions: Solutions) -> None:
    """Write solutions into a response."""
    response.error_code = SolveIK.Response.SUCCESS
    response.message = _describe(solutions)
    response.joint_names = list(solutions.arm.joint_names)
    response.positions = _flat(solutions.robot_values)
    response.position_errors = _flat(solutions.position_errors)
    response.heading_errors = _flat(solutions.heading_errors)
    response.weights = _flat(solutions.weights)
    response.effective_share = solutions.effective_share or 0.0
    response.log_densities = _flat(solutions.log_densities)
    response.off_distribution = solutions.off_distribution
    response.best = joint_state(solutions.arm, solutions.positions[0])


def joint_state(arm: PlanarArm, position: np.ndarray) -> JointState:
    """A joint position (dof,) as the robot's, with the joints that are carried along.

    Whoever shows or checks the robot needs these, too.
    """
    values = arm.mount.robot_values(position).tolist()
    return JointState(
        name=[*arm.joint_names, *arm.mount.held], position=[*values, *arm.mount.held.values()]
    )


def fill_representatives(
    response: SolveIK.Response, solutions: Solutions, num_representatives: int
) -> None:
    """Write which solutions stand for the posterior's regions into a response.

    Raises:
        InvalidRequestError: more representatives than solutions.
    """
    chosen = solutions.representatives(num_representatives)
    response.representatives = array("I", chosen.indices.tolist())
    response.representative_shares = _flat(chosen.shares)


def require_declared_types(message: Any) -> None:
    """Let a message travel only where its fields have the types that it declares.

    rclpy does not look: a whole number for a real one would travel as another number.

    Raises:
        InvalidRequestError: a field has a value of another type.
    """
    checking = _checking(type(message))
    try:
        for name, declared in message.get_fields_and_field_types().items():
            value = getattr(message, name)
            is_message = "/" in declared and not isinstance(value, list)
            # The setter of a field that is a message imports its module each time.
            if not (is_message and type(value) is type(getattr(checking, name))):
                setattr(checking, name, value)
            if "/" in declared:
                for part in (value,) if is_message else value:
                    require_declared_types(part)
    except (AssertionError, TypeError, ValueError, OverflowError) as error:
        raise InvalidRequestError(type(message).__name__, str(error)) from None


@cache
def _checking(kind: type) -> Any:
    """A message of a kind whose fields take nothing but what they declare."""
    return kind(check_fields=True)


def fill_error(response: SolveIK.Response | SolveIKPath.Response, error: Exception) -> None:
    """Write what went wrong into a response; solutions that it already has stay."""
    response.error_code = error_code(error)
    message = str(error)
    told = isinstance(error, MissingPackageError)
    if response.error_code == SolveIK.Response.FAILURE and not told:
        message = f"internal error: {type(error).__name__}: {error}"
    response.message = shown(message, LONGEST_MESSAGE)


def error_code(error: Exception) -> int:
    """The constant of SolveIK.Response for an error; FAILURE for one that is not the client's."""
    if isinstance(error, InvalidRequestError) and error.field == "seed_state":
        return SolveIK.Response.INVALID_ROBOT_STATE
    return ERROR_CODES.get(type(error), SolveIK.Response.FAILURE)


def parse_response(response: SolveIK.Response) -> Answer:
    """Read a response.

    Raises:
        RequestRefusedError: it carries an error code.
    """
    answer = _answer(response) if response.positions else None
    if response.error_code != SolveIK.Response.SUCCESS:
        raise RequestRefusedError(response.error_code, response.message, answer)
    return answer


def _answer(response: SolveIK.Response) -> Answer:
    return Answer(
        joint_names=tuple(response.joint_names),
        positions=np.asarray(response.positions).reshape(-1, len(response.joint_names)),
        position_errors=np.asarray(response.position_errors),
        heading_errors=_optional(response.heading_errors),
        weights=_optional(response.weights),
        effective_share=response.effective_share if response.weights else None,
        log_densities=_optional(response.log_densities),
        representatives=np.asarray(response.representatives),
        representative_shares=np.asarray(response.representative_shares),
        off_distribution=response.off_distribution,
        message=response.message,
        solve_time=response.solve_time,
    )


def _describe(solutions: Solutions) -> str:
    text = f"{len(solutions)} solutions, {solutions.num_rejected} samples rejected"
    if solutions.shortfall is not None:
        text += f" ({solutions.shortfall})"
    if solutions.approximate_distance > 0.0:
        text += (
            f", for the nearest reachable point {solutions.arm.mount.place(solutions.target)}, "
            f"{solutions.approximate_distance:.5g} m from the target"
        )
    if solutions.off_distribution:
        text += _describe_off_distribution(solutions)
    return text


def _describe_off_distribution(solutions: Solutions) -> str:
    if solutions.effective_share is None:
        return ", for a target that the arm's prior hardly ever comes near"
    share = f"{solutions.effective_share:.3f} of them would weigh as much as all"
    return f", which do not represent the posterior: {share}"


def _flat(values: np.ndarray | None) -> array:
    # The message takes an array over as it is; a list would be checked number by number.
    return array("d", b"" if values is None else values.tobytes())


def _optional(values: array) -> np.ndarray | None:
    """What is empty where the model or the task has none."""
    return np.asarray(values) if values else None
