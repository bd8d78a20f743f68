"""Coordinates of a target in which the posterior varies smoothly up to full reach."""

from __future__ import annotations

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arrays import Array, namespace


def rim_coordinates(arm: PlanarArm, targets: Array, min_slack: float) -> Array:
    """sqrt(L - distance) and shift of targets (b, 2) [m], with L the full reach: (b, 2).

    Distance and shift are the base joint's coordinates. Near full reach all angles shrink with this
    root: in these coordinates the posterior varies smoothly up to the rim, where millimetres of the
    target decide about it. ``min_slack`` bounds L - distance [m] from below.
    """
    distance, shift = arm.base_joint.coordinates(targets)
    xp = namespace(targets)
    root = xp.sqrt(xp.clip(arm.reach[1] - distance, min_slack, None))
    return xp.stack((root, shift), -1)


def log_rim_area(arm: PlanarArm, root: Array) -> Array:
    """Log of a point's area per root and shift, at roots (b,): with distance = L - root^2,
    |d distance| = 2 root d root."""
    xp = namespace(root)
    distance = xp.abs(arm.reach[1] - xp.square(root))
    return arm.base_joint.log_area(distance) + xp.log(2.0 * root)
