"""A configuration carried on to a nearby target within the joint limits.

Gauss-Newton steps as in `projection`, of one configuration and of any task, in which a joint that
would leave its limits stops there and the others make up for it (saturation in the null space,
Flacco, De Luca and Khatib 2012). As long as the arm has joints to spare, a limit bars no way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.projection import DAMPING, MAX_ITERATIONS, MAX_STEP
from ik_nn_ros.arm.task import Task
from ik_nn_ros.stopping import go_on

ACCURACY = 1e-3  # of the tolerance: one step beyond it costs little, and the next target gains


class Continuation(NamedTuple):
    """Where a configuration came to.

    Attributes:
        position: (dof,) [rad], within the limits.
        converged: whether it meets the target.
        at_limit: (dof,) -1 or 1 for joints that a lower or an upper limit stopped on the way,
            else 0.
    """

    position: np.ndarray
    converged: bool
    at_limit: np.ndarray


def carry_on(
    arm: PlanarArm,
    task: Task,
    position: np.ndarray,
    target: np.ndarray,
    position_tolerance: float,
    heading_tolerance: float,
) -> Continuation:
    """Move a configuration (dof,) [rad] the short way onto a target (size,), within the limits.

    Where such steps do not lead there, as to full reach, `projection` may, if no limit is in its
    way.
    """
    tolerances = np.full(task.size, position_tolerance)
    tolerances[2:] = heading_tolerance
    start, position = position, position.copy()
    at_limit = np.zeros(arm.dof, dtype=int)
    for _ in range(MAX_ITERATIONS):
        go_on()
        residual = task.residual(arm, position, target)
        if (np.abs(residual) <= ACCURACY * tolerances).all():
            break
        step, stopped = _step_within_limits(arm, task, position, residual)
        at_limit = np.where(stopped == 0, at_limit, stopped)
        position += step
        position = np.clip(position, *arm.bounds)  # rounding
    converged = _meets(arm, task, position, target, tolerances)
    if not converged:
        errors = task.position_errors(arm, start, target)
        projected = task.project(arm, start, target, position_tolerance, errors).positions
        if arm.within_limits(projected) and _meets(arm, task, projected, target, tolerances):
            return Continuation(projected, True, np.zeros(arm.dof, dtype=int))
    return Continuation(position, converged, at_limit)


def _meets(
    arm: PlanarArm, task: Task, position: np.ndarray, target: np.ndarray, tolerances: np.ndarray
) -> bool:
    residual = task.residual(arm, position, target)
    near = np.hypot(*residual[:2]) <= tolerances[0]
    return bool(near and (np.abs(residual) <= tolerances).all())


def _step_within_limits(
    arm: PlanarArm, task: Task, position: np.ndarray, residual: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest step (dof,) that removes the linearised error, and which joints it stops.

    Joints are stopped one after the other, the one that would go furthest beyond its limit first.
    All of it is in the arm's units: metres, radians and the two kinds of joints are compared.
    """
    units = task.units(arm)
    residual = residual / units
    jacobian = task.jacobian(arm, position) * arm.joint_units / units[:, None]
    lower, upper = ((bound - position) / arm.joint_units for bound in arm.bounds)
    step, at_limit = np.zeros(arm.dof), np.zeros(arm.dof, dtype=int)
    free = np.ones(arm.dof, dtype=bool)
    while free.any():
        left = residual - jacobian[:, ~free] @ step[~free]
        step[free] = _damped_step(jacobian[:, free], left, sum(arm.link_lengths) / arm.unit)
        beyond = np.where(free, np.maximum(step - upper, lower - step), 0.0)
        joint = int(beyond.argmax())
        if beyond[joint] <= 0.0:
            break
        at_limit[joint] = 1 if step[joint] > upper[joint] else -1
        step[joint] = upper[joint] if at_limit[joint] > 0 else lower[joint]
        free[joint] = False
    return step * arm.joint_units, at_limit


def _damped_step(jacobian: np.ndarray, residual: np.ndarray, reach: float) -> np.ndarray:
    """See `projection.project`."""
    damping = DAMPING * np.hypot(*residual[:2]) * reach
    matrix = jacobian @ jacobian.T
    matrix[np.diag_indices(len(matrix))] += damping + np.finfo(float).tiny
    step = jacobian.T @ np.linalg.lstsq(matrix, residual, rcond=None)[0]
    return step * min(1.0, MAX_STEP / max(np.linalg.norm(step), MAX_STEP))
