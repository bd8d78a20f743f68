"""The solution set of a target as rays: one direction, one configuration, exactly on the target.

Two of an arm's N joints are spent on the target. The base joint turns the TCP to its bearing (or
carries it to its y), whatever the others do. The others, theta' = (theta_2 .. theta_N), bend the
arm until the TCP has its distance (or x): along a ray theta' = rho B u from the straight arm,
|u| = 1, the distance falls from full reach L, and the rho where it is right gives the
configuration. With B = A^(-1/2) and A the Hessian of L minus the distance at the straight arm, rho
is close to sqrt(2 (L - distance)) for every direction alike: within a few percent for nearly all of
the paper's configurations.

What remains of the posterior is a density over directions u in R^n, n = N - 1, on the sphere. With
delta(FK(theta) - target) the surface measure, R(theta') the distance, R_rho its slope, and a the
target's area element per distance and bearing (|target|; on a rail 1),

    dS = |det B| rho^(n-1) / (a |R_rho|) dOmega(u).

A configuration that its ray meets at a second crossing is not covered: an arm that curls until the
TCP comes back. `missed_share` measures how much of an arm's prior that is; of the paper's, nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arrays import Array, matching, namespace

MAX_ITERATIONS = 20  # of Newton's method; 3 or 4 are usual
MAX_CHANGE = 0.5  # of rho in one step, as a share of it
DISTANCE_TOLERANCE = 1e-10  # [m] per metre of reach; the next step would leave roundings only

TINY = float(np.finfo(np.float64).tiny)
MEASURED_DRAWS = 20_000  # of the prior: shares of 0.1 % are known within a quarter of them
MISSED = 1e-3  # [rad]; draws that are not missed come back within the roundings of a root
BESIDE = 1e-6  # [m] per metre of reach; rays without a crossing miss by far more


class RayChart:
    """Directions (b, dof - 1) to configurations on their targets; all float64.

    `ray_directions` leads back.

    Args:
        arm: the arm.
        to_joints: (dof - 1, dof - 1) B^T, the bend of each component; None: computed. Its rows
            are eigenvectors, which come with either sign: keep it where directions are kept.

    Attributes:
        arm, to_joints: as given.
        dimension: n, of the directions.
        from_joints: the inverse of ``to_joints``.
        log_det: log |det B|.
    """

    def __init__(self, arm: PlanarArm, to_joints: np.ndarray | None = None) -> None:
        self.arm = arm
        self.dimension = arm.dof - 1
        self.to_joints = self._bends() if to_joints is None else to_joints
        self.from_joints = np.linalg.inv(self.to_joints)
        self.log_det = float(np.linalg.slogdet(self.to_joints).logabsdet)

    def _bends(self) -> np.ndarray:
        """B^T, the softest bend first."""
        lengths = np.asarray(self.arm.link_lengths)
        # Headings of all links by theta'; those of a revolute base's own link stay zero.
        links = len(lengths)
        headings = np.tri(links)[:, -self.dimension :]
        stiffness = self.arm.base_joint.stiffness(lengths)
        values, vectors = np.linalg.eigh(headings.T @ stiffness @ headings)
        return (vectors / np.sqrt(values)).T

    def solve(self, directions: Array, targets: Array) -> Array:
        """Configurations (b, dof) [rad] where rays meet their targets' distance.

        Args:
            directions: (b, n) unit vectors.
            targets: (b, 2) [m].

        Returns:
            Where no crossing was found, an arm beside the target, bent as much as most arms that
            are on it.
        """
        # Joints first: sums over them then run along memory.
        bends = matching(self.to_joints, directions).T @ directions.T
        base = self.arm.base_joint
        distance, shift = base.coordinates(targets)
        rho, tcp = self._crossing(bends, distance)
        first = base.difference(shift, base.coordinates(tcp)[1])
        return namespace(bends).concatenate((first[None], rho * bends)).T

    def log_volume(self, theta: Array, targets: Array) -> Array:
        """Log dS / dOmega (b,) [nats] at configurations (b, dof) on targets (b, 2) [m].

        Infinite for a configuration beside its target, so that the density there is zero; minus
        infinite for the straight arm, the only one at full reach.
        """
        xp = namespace(theta)
        vectors = theta[:, 1:] @ matching(self.from_joints, theta)
        rho = xp.sqrt((vectors * vectors).sum(1))
        base = self.arm.base_joint
        distance = base.distance(targets)
        with np.errstate(divide="ignore", invalid="ignore"):  # at full reach rho is zero
            ray = self._along(rho, xp.cumsum(theta.T[1:] / xp.clip(rho, TINY, None), 0))
            log_volume = (
                self.log_det
                + (self.dimension - 1) * xp.log(rho)
                - base.log_area(distance)
                - xp.log(xp.abs(ray.slope))
            )
        beside = xp.abs(ray.distance - distance) > BESIDE * self.arm.reach[1]
        log_volume = xp.where(rho == 0.0, -xp.inf, log_volume)
        return xp.where(beside, xp.inf, log_volume)

    def _crossing(self, bends: Array, distance: Array) -> tuple[Array, Array]:
        """rho (b,) where rays rho * bends (n, b) have their distance, and the TCPs (b, 2) there.

        Where there is no such rho, that of most other rays. The base joint is at zero.
        """
        xp = namespace(bends)
        start = rho = xp.sqrt(2.0 * xp.clip(self.arm.reach[1] - distance, 0.0, None))
        headings = xp.cumsum(bends, 0)
        tolerance = DISTANCE_TOLERANCE * self.arm.reach[1]
        for _ in range(MAX_ITERATIONS):
            ray = self._along(rho, headings)
            excess = ray.distance - distance
            found = xp.abs(excess) <= tolerance
            if found.all():
                return rho, ray.tcp
            # slope vanishes with rho: at full reach there is nothing left to correct.
            change = excess / xp.clip(ray.slope, None, -TINY)
            most = MAX_CHANGE * rho
            rho = rho - xp.minimum(xp.maximum(change, -most), most)
        rho = xp.where(found, rho, start)
        return rho, self._along(rho, headings).tcp

    def _along(self, rho: Array, headings: Array) -> _Ray:
        """What rays (b,) are at, given their links' headings (n, b) per rho; base joint at zero."""
        xp = namespace(headings)
        # A revolute base's own link keeps the heading zero.
        fixed = sum(self.arm.link_lengths[: -self.dimension])
        lengths = matching(self.arm.link_lengths[-self.dimension :], headings)
        angles = rho * headings
        cosine, sine = xp.cos(angles), xp.sin(angles)
        tcp = xp.stack((lengths @ cosine + fixed, lengths @ sine)).T
        velocity = xp.stack((-(lengths @ (sine * headings)), lengths @ (cosine * headings))).T
        return _Ray(*self.arm.base_joint.distance_and_rate(tcp, velocity), tcp)


def ray_directions(theta: Array, from_joints: Array) -> Array:
    """Unit vectors (b, n) of the rays on which configurations (b, dof) [rad] lie.

    Zero for the straight arm, which is on every ray. ``from_joints`` is the chart's, as an array of
    the same kind.
    """
    xp = namespace(theta)
    bends = theta[:, 1:] @ from_joints
    return bends / xp.clip(xp.sqrt((bends * bends).sum(1)), TINY, None)[:, None]


@lru_cache(maxsize=64)
def missed_share(arm: PlanarArm) -> float:
    """Share of an arm's prior that its ray chart does not lead back to, measured on fixed draws.

    Of their whole turns, those of the base joint are not told apart.
    """
    chart = RayChart(arm)
    theta = arm.sample_prior(MEASURED_DRAWS, np.random.default_rng(0))
    directions = ray_directions(theta, chart.from_joints)
    found = chart.solve(directions, arm.forward(theta))
    # The base joint follows from the others.
    return float((np.abs(found - theta)[:, 1:] > MISSED).any(1).mean())


class _Ray(NamedTuple):
    """Distance R (b,) [m], its slope R_rho (b,) and the TCP (b, 2) [m] of rays."""

    distance: Any
    slope: Any
    tcp: Any
