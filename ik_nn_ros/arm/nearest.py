"""The configuration within an arm's limits that comes nearest to a target."""

from __future__ import annotations

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.stopping import go_on

CANDIDATES = 1000  # draws of the prior, of which the nearest ones are the starts
TOLERANCE = 1e-15  # relative, of what ends a search: the edge of the limits is met exactly
STARTS = 8  # more than one: limits make local minima
SEED = 0  # of the draws: the same target has the same answer


def nearest_configuration(arm: PlanarArm, task: Task, target: np.ndarray) -> np.ndarray:
    """The configuration (N,) [rad], of a rail [m], that misses a target (size,) by the least.

    By least squares within the limits (SciPy) from several starts; what a pose's heading misses
    counts in radians beside distances in the arm's unit. Nothing tells that there is no nearer one.

    >>> from ik_nn_ros.arm.task import POSITION
    >>> arm = PlanarArm((0.4, 0.3), joint_limits=(0.0, 1.5))
    >>> nearest_configuration(arm, POSITION, np.array([0.8, -0.1])).round(6).tolist()
    [0.0, 0.0]
    """
    from scipy.optimize import least_squares  # here, because most processes never need it

    units, bounds = task.units(arm), np.array(arm.bounds)
    draws = arm.sample_prior(CANDIDATES, np.random.default_rng(SEED))
    missed = np.square(task.residual(arm, draws, target) / units).sum(axis=-1)
    found = []
    for start in draws[np.argsort(missed)[:STARTS]]:
        go_on()
        found.append(
            least_squares(
                lambda theta: task.residual(arm, theta, target) / units,
                start,
                lambda theta: -task.jacobian(arm, theta) / units[:, None],
                bounds,
                x_scale=arm.joint_units,
                method="dogbox",
                xtol=TOLERANCE,
                ftol=TOLERANCE,
                gtol=TOLERANCE,
            )
        )
    return min(found, key=lambda fit: fit.cost).x
