"""Charts of the solution set: all joints but two are given, and those two are solved.

A configuration's density over the target [per m^2] is its density over the joints that are given,
times |J_ik|, the determinant of the Jacobian's columns of the two others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arrays import wrapped


def both_roots(
    arm: PlanarArm, theta: np.ndarray, charts: Sequence[int], targets: np.ndarray
) -> np.ndarray:
    """Both configurations with the TCP at the target that each chart has for the other joints.

    Joint k is solved so that the TCP has the target's distance, joint 0 turns it into its bearing
    (on a rail: solved for x, and moved along y).

    Args:
        theta: (c, b, m, N) [rad]; joints 0 and k are not looked at.
        charts: the c charts' joints k.
        targets: (b, 2) [m].

    Returns:
        (2, c, b, m, N) [rad], the solved angles in [-pi, pi); NaN where there is no root.
    """
    joints = np.arange(arm.dof)
    of_chart = joints == np.asarray(charts)[:, None, None, None]
    theta = np.where((joints == 0) | of_chart, 0.0, theta)
    tcp = _as_complex(arm.forward(theta))
    inner = _as_complex(arm.joint_positions(theta)[np.arange(len(charts)), ..., charts, :])
    outer = tcp - inner
    distance, shift = (values[:, None] for values in arm.base_joint.coordinates(targets))
    if arm.base == "rail":
        # Re(inner + e^{i angle} outer) = distance
        between = _arccos((distance - inner.real) / np.abs(outer))
        straight = -np.angle(outer)
    else:
        # |inner + e^{i angle} outer| = distance, solved for the angle between the two.
        between = _angle_between(distance, np.abs(inner), np.abs(outer))
        straight = np.angle(inner) - np.angle(outer)
    angles = wrapped(np.stack((straight + between, straight - between)))
    roots = np.where(of_chart, angles[..., None], theta)
    reached = arm.base_joint.coordinates(arm.forward(roots))[1]
    roots[..., 0] = arm.base_joint.difference(shift, reached)
    return roots


def pair_roots(
    arm: PlanarArm, theta: np.ndarray, pair: tuple[int, int], target: np.ndarray
) -> np.ndarray:
    """As `both_roots`, for any two joints i < k of one chart: (m, N) -> (2, m, N) [rad].

    Joint k is solved for the distance between joint i and the target, joint i for its bearing.
    """
    first, second = pair
    if first == 0 and arm.base == "rail":
        return both_roots(arm, theta[None, None], [second], target[None])[:, 0, 0]
    theta = theta.copy()
    theta[:, pair] = 0.0
    points = _as_complex(arm.joint_positions(theta))
    inner, outer = points[:, second] - points[:, first], points[:, -1] - points[:, second]
    wanted = _as_complex(target) - points[:, first]
    between = _angle_between(np.abs(wanted), np.abs(inner), np.abs(outer))
    straight = np.angle(inner) - np.angle(outer)
    roots = np.stack((theta, theta))
    roots[..., second] = wrapped(np.stack((straight + between, straight - between)))
    reached = inner + np.exp(1j * roots[..., second]) * outer
    roots[..., first] = wrapped(np.angle(wanted) - np.angle(reached))
    return roots


def volumes(
    arm: PlanarArm, theta: np.ndarray, first: int | Sequence[int], second: int | Sequence[int]
) -> np.ndarray:
    """|J_ik| (..., p) [m^2 / rad^2] of p pairs of joints, one for a pair alone.

    Args:
        theta: (..., N) [rad].
        first, second: (p,) or one each, the joints i and k; they broadcast.
    """
    x, y = np.moveaxis(arm.jacobian(theta), -2, 0)
    return np.abs(x[..., first] * y[..., second] - y[..., first] * x[..., second])


def _as_complex(points: np.ndarray) -> np.ndarray:
    return points[..., 0] + 1j * points[..., 1]


def _angle_between(distance: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """At which two lengths lead so far, by the law of cosines; NaN if at none."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a length of 0
        return _arccos((distance**2 - inner**2 - outer**2) / (2.0 * inner * outer))


def _arccos(cosine: np.ndarray) -> np.ndarray:
    """arccos, NaN outside [-1, 1]."""
    return np.arccos(np.where(np.abs(cosine) <= 1.0, cosine, np.nan))
