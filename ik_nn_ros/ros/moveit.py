"""MoveIt's service GetPositionIK in terms of ours: pure functions, without MoveIt's messages.

MoveIt's service kinematics plugin asks a service of this type for one solution near a seed state.
"""

from __future__ import annotations

from typing import Any

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.texts import LONGEST_MESSAGE, shown

NAME = "get_position_ik"
SOURCE = "ik_nn_ros"
# moveit_msgs/MoveItErrorCodes
INVALID_GOAL_CONSTRAINTS = -16
COLLISION_CHECKING_UNAVAILABLE = -22
CODES = {
    SolveIK.Response.INVALID_REQUEST: INVALID_GOAL_CONSTRAINTS,
    SolveIK.Response.MODEL_NOT_FOUND: SolveIK.Response.FAILURE,
}  # of what MoveIt has no code for


def service_type() -> type | None:
    """`moveit_msgs/srv/GetPositionIK`, or None where MoveIt's messages are not installed."""
    try:
        from moveit_msgs.srv import GetPositionIK
    except ImportError:
        return None
    return GetPositionIK


def parse_position_ik(request: Any, ignore_collisions: bool) -> SolveIK.Request:
    """The same request to our service: the pose is met, heading included, near the seed state.

    The server has one arm, so that group and link are not looked at.

    Args:
        request: GetPositionIK.Request.
        ignore_collisions: whether to answer although collisions are to be avoided.

    Raises:
        InvalidRequestError: several poses, constraints, or collisions that are to be avoided.
    """
    asked = request.ik_request
    if asked.avoid_collisions and not ignore_collisions:
        raise InvalidRequestError(
            "avoid_collisions",
            "collisions are not checked here, it must be false; MoveIt's plugin always asks for it "
            "and checks the answer itself: for that, set the parameter ignore_collisions",
        )
    if len(asked.pose_stamped_vector) > 0:
        raise InvalidRequestError("pose_stamped_vector", "must be empty, the arm has one TCP")
    if constraints := _constraint_names(asked.constraints):
        raise InvalidRequestError("constraints", f"must be empty, got {', '.join(constraints)}")
    return SolveIK.Request(
        target=asked.pose_stamped,
        match_heading=True,
        seed_state=asked.robot_state.joint_state,
        timeout=asked.timeout,
    )


def fill_position_ik(response: Any, answer: SolveIK.Response) -> None:
    """Write our answer's best solution, or why there is none, into GetPositionIK.Response."""
    code = answer.error_code
    if code == SolveIK.Response.SUCCESS:
        response.solution.joint_state = answer.best
    _fill_code(response, CODES.get(code, code), answer.message)


def fill_refusal(response: Any, error: InvalidRequestError) -> None:
    """Write why a request is not even asked into GetPositionIK.Response."""
    avoiding = error.field == "avoid_collisions"
    code = COLLISION_CHECKING_UNAVAILABLE if avoiding else INVALID_GOAL_CONSTRAINTS
    _fill_code(response, code, shown(str(error), LONGEST_MESSAGE))


def _fill_code(response: Any, code: int, message: str) -> None:
    response.error_code.val = code
    # Texts came to MoveIt's codes with Jazzy, and have had two names since.
    for name, text in (("message", message), ("source", SOURCE)):
        for field in (name, f"error_{name}"):
            if hasattr(response.error_code, field):
                setattr(response.error_code, field, text)


def _constraint_names(constraints: Any) -> list[str]:
    kinds = ("joint", "position", "orientation", "visibility")
    names = [f"{kind}_constraints" for kind in kinds]
    return [name for name in names if len(getattr(constraints, name)) > 0]
