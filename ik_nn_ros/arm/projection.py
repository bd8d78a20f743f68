"""Gauss-Newton projection of configurations onto FK(theta) = target."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import CHUNK_SIZE, PlanarArm
from ik_nn_ros.stopping import go_on

MAX_ITERATIONS = 30
MAX_STEP = 0.5  # [joints' units], norm of one step: far away the linear model is no guide
STRETCHES = 3  # of an arm that is to reach as far as a target; each makes up for the last one
DAMPING = 1e-2  # relative to the error: vanishes at the target, so convergence stays quadratic


class Projection(NamedTuple):
    """The configurations after projection.

    Attributes:
        positions: (..., dof) [rad]; where nothing had to move, the array that was given.
        errors: (...) |FK(position) - target| [m]; where nothing had to move, as they were given.
        converged: (...) bool, whether the error is within the tolerance.
    """

    positions: np.ndarray
    errors: np.ndarray
    converged: np.ndarray


def project(
    arm: PlanarArm,
    positions: np.ndarray,
    targets: np.ndarray,
    tolerance: float,
    errors: np.ndarray | None = None,
) -> Projection:
    """Move each configuration the short way onto its target.

    Every step is the smallest that removes the linearised error, damped in proportion to the
    error (Levenberg 1944) so that a nearly singular Jacobian cannot throw the arm about. Towards
    full reach, where a stretched arm's Jacobian is singular, such steps become too small: what has
    not converged by then is stretched as a whole, and projected from there.

    Args:
        arm: the arm.
        positions: (..., dof) start configurations [rad].
        targets: (..., 2) [m]; the arrays broadcast.
        tolerance: largest position error that counts as converged [m].
        errors: (...) those of the start configurations [m], where they have been measured already.
    """
    if errors is None:
        errors = arm.position_errors(positions, targets)
    # One step beyond the tolerance costs little and leaves errors near the rounding limit.
    goal = 1e-3 * tolerance
    if (errors <= goal).all():
        return Projection(positions, errors, errors <= tolerance)
    shape = positions.shape[:-1]
    positions = positions.reshape(-1, arm.dof).copy()
    targets = np.broadcast_to(targets, (*shape, 2)).reshape(-1, 2)
    errors = errors.reshape(-1).copy()
    for start in range(0, len(positions), CHUNK_SIZE):
        rows = slice(start, start + CHUNK_SIZE)
        _project_in_place(arm, positions[rows], errors[rows], targets[rows], goal)
    missed = np.flatnonzero(errors > tolerance)
    if missed.size > 0:
        starts, aims = _stretched(arm, positions[missed], targets[missed]), targets[missed]
        missed_errors = arm.position_errors(starts, aims)
        _project_in_place(arm, starts, missed_errors, aims, goal)
        nearer = missed_errors < errors[missed]
        positions[missed[nearer]] = starts[nearer]
        errors[missed[nearer]] = missed_errors[nearer]
    positions, errors = positions.reshape(*shape, arm.dof), errors.reshape(shape)
    return Projection(positions, errors, errors <= tolerance)


def _project_in_place(
    arm: PlanarArm, positions: np.ndarray, errors: np.ndarray, targets: np.ndarray, goal: float
) -> None:
    for _ in range(MAX_ITERATIONS):
        go_on()
        active = np.flatnonzero(errors > goal)
        if active.size == 0:
            break
        positions[active] += _step(arm, positions[active], targets[active])
        errors[active] = arm.position_errors(positions[active], targets[active])


def _stretched(arm: PlanarArm, positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Configurations (n, dof) bent less, until they reach as far as their targets (n, 2) [m].

    All joints but the first are scaled alike: what an arm lacks to full reach goes with the square.
    The first one then brings the TCP to where it is to be.
    """
    wanted, shift = arm.base_joint.coordinates(targets)
    positions = positions.copy()
    for _ in range(STRETCHES):
        lacking = arm.reach[1] - arm.base_joint.distance(arm.forward(positions))
        share = (arm.reach[1] - wanted).clip(0.0) / lacking.clip(np.finfo(float).tiny)
        positions[:, 1:] *= np.sqrt(share.clip(0.0, 1.0))[:, None]
    _, reached = arm.base_joint.coordinates(arm.forward(positions))
    positions[:, 0] += arm.base_joint.difference(shift, reached)
    return positions


def _step(arm: PlanarArm, positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    residual = targets - arm.forward(positions)
    jacobian = arm.jacobian(positions) * arm.joint_units
    damping = DAMPING * np.linalg.norm(residual, axis=1) * sum(arm.link_lengths)
    # J J^T + damping is 2 x 2: its inverse in closed form.
    xx, xy, yy = (
        np.einsum("nj,nj->n", jacobian[:, a], jacobian[:, b]) for a, b in ((0, 0), (0, 1), (1, 1))
    )
    xx, yy = xx + damping, yy + damping
    determinant = xx * yy - xy * xy
    force = np.stack(
        (yy * residual[:, 0] - xy * residual[:, 1], xx * residual[:, 1] - xy * residual[:, 0]),
        axis=1,
    )
    force /= determinant[:, None]
    step = np.einsum("ncj,nc->nj", jacobian, force)
    norm = np.linalg.norm(step, axis=1, keepdims=True)
    return arm.joint_units * step * np.minimum(1.0, MAX_STEP / np.maximum(norm, MAX_STEP))
