"""The posterior by rejection: prior draws whose TCP comes very close to the target.

The plainest reference there is: it needs the prior's draws and forward kinematics alone. Its bias:
draws are off the target by up to the radius, and stand for the posteriors of all targets within it.
Projected onto the target, their density is the posterior's but for terms of second order in the
radius over the scale on which the prior and the Jacobian change; that scale shrinks towards
singular configurations, near full reach above all, where the bias is first to be seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.spatial import cKDTree

from ik_nn_ros.arm.task import TASKS

if TYPE_CHECKING:
    from ik_nn_ros.arm.planar_arm import PlanarArm
    from ik_nn_ros.arm.task import Task

POOL_SIZE = 1_000_000  # prior draws at a time, shared by all targets
NEWTON_STEPS = 6  # quadratic convergence: from a few millimetres to rounding in three or four
CONVERGED = 1e-10  # [m and rad]


def tight_rejection(
    arm: PlanarArm,
    targets: np.ndarray,
    num_samples: int,
    rng: np.random.Generator,
    radius: float,
    task: Literal["position", "pose"] = "position",
    projected: bool = True,
    most_pools: int = 50,
) -> list[np.ndarray]:
    """Up to ``num_samples`` samples of each target's posterior: a list of (n, N) [rad].

    Args:
        arm: the arm, whose prior is sampled within its limits.
        targets: (b, 2) [m], or (b, 3) [m, m, rad].
        num_samples: samples to accept for each target.
        rng: of the prior's draws.
        radius: largest distance from the target [m]; a heading counts a metre for a radian.
        task: "position" or "pose".
        projected: move every accepted draw onto the target, the shortest way.
        most_pools: when to stop, whatever is missing then.
    """
    asked = TASKS[task]
    accepted = [np.empty((0, arm.dof)) for _ in targets]
    for _ in range(most_pools):
        pending = [row for row, samples in enumerate(accepted) if len(samples) < num_samples]
        if not pending:
            break
        pool = arm.sample_prior(POOL_SIZE, rng)
        neighbours = cKDTree(arm.forward(pool)).query_ball_point(targets[pending, :2], radius)
        for row, indices in zip(pending, neighbours, strict=True):
            near = pool[np.asarray(indices, dtype=int)]
            residuals = asked.residual(arm, near, targets[row])
            near = near[np.linalg.norm(residuals, axis=1) <= radius]
            if projected:
                near = _onto_target(arm, near, targets[row], asked)
            accepted[row] = np.concatenate((accepted[row], near))[:num_samples]
    return accepted


def _onto_target(arm: PlanarArm, theta: np.ndarray, target: np.ndarray, task: Task) -> np.ndarray:
    """The configurations (m, N) moved onto the target by Newton steps of least length.

    Those that do not converge, or leave the prior's limits, are left out.
    """
    for _ in range(NEWTON_STEPS):
        residual = task.residual(arm, theta, target)[..., None]
        theta = theta + (np.linalg.pinv(task.jacobian(arm, theta)) @ residual)[..., 0]
    errors = np.linalg.norm(task.residual(arm, theta, target), axis=1)
    return theta[(errors <= CONVERGED) & arm.within_limits(theta)]
