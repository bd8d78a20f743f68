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
TCP comes back. Under the paper's prior such arms are too rare to matter; the tests look for them.
"""

from __future__ import annotations

from typing import Generic, NamedTuple

import numpy as np

from ik_nn_ros.arrays import Array, matching, namespace
from ik_nn_ros.kinematics import PlanarArm

MAX_ITERATIONS = 20  # of Newton's method; 3 or 4 are usual
MAX_CHANGE = 0.5  # of rho in one step, as a share of it
DISTANCE_TOLERANCE = 1e-10  # [m] per metre of reach; the next step would leave roundings only


class RayPoint(NamedTuple, Generic[Array]):
    """Where rays meet their targets' distance.

    Attributes:
        theta: (b, dof) float64 [rad]; where no crossing was found an arm beside the target, bent as
            much as most arms that are on it.
        log_volume: (b,) float64 log dS / dOmega [nats]; infinite where no crossing was found, so
            that the density there is zero.
    """

    theta: Array
    log_volume: Array


class RayChart:
    """Directions (b, dof - 1) to configurations on their targets, and back; all float64.

    Args:
        arm: the arm.
        to_joints: (dof - 1, dof - 1) B^T, the bend of each component; None: computed. Its rows
            are eigenvectors, which come with either sign: keep it where directions are kept.
    """

    def __init__(self, arm: PlanarArm, to_joints: np.ndarray | None = None) -> None:
        self.arm = arm
        self.dimension = arm.dof - 1
        self.to_joints = self._bends() if to_joints is None else to_joints
        self._from_joints = np.linalg.inv(self.to_joints)
        self._log_det = float(np.linalg.slogdet(self.to_joints).logabsdet)

    def _bends(self) -> np.ndarray:
        """B^T, the softest bend first."""
        lengths = np.asarray(self.arm.link_lengths)
        # Headings of all links by theta'; those of a revolute base's own link stay zero.
        links = len(lengths)
        headings = np.tri(links)[:, -self.dimension :]
        stiffness = self.arm.base_joint.stiffness(lengths)
        values, vectors = np.linalg.eigh(headings.T @ stiffness @ headings)
        return (vectors / np.sqrt(values)).T

    def directions(self, theta: Array) -> Array:
        """Unit vectors (b, n) of the rays on which configurations (b, dof) [rad] lie."""
        bends = theta[:, 1:] @ matching(self._from_joints, theta)
        return bends / namespace(bends).sqrt((bends * bends).sum(1))[:, None]

    def solve(self, directions: Array, targets: Array) -> RayPoint[Array]:
        """Where rays meet their targets' distance: unit vectors (b, n), targets (b, 2) [m]."""
        xp = namespace(directions)
        bends = directions @ matching(self.to_joints, directions)
        base = self.arm.base_joint
        distance, shift = base.coordinates(targets)
        rho, slope, found = self._crossing(bends, distance)
        theta = xp.concatenate((xp.zeros_like(rho)[:, None], rho[:, None] * bends), 1)
        theta[:, 0] = base.difference(shift, base.coordinates(self.arm.forward(theta))[1])
        with np.errstate(divide="ignore"):  # at full reach rho and its slope are zero
            log_volume = (
                self._log_det
                + (self.dimension - 1) * xp.log(rho)
                - base.log_area(distance)
                - xp.log(xp.abs(slope))
            )
        return RayPoint(theta, xp.where(found, log_volume, xp.inf))

    def _crossing(self, bends: Array, distance: Array) -> tuple[Array, Array, Array]:
        """rho (b,) of the rays rho * bends (b, n), R_rho there, and whether it was found."""
        xp = namespace(bends)
        reach = self.arm.reach[1]
        tolerance = DISTANCE_TOLERANCE * reach
        start = rho = xp.sqrt(2.0 * xp.clip(reach - distance, 0.0, None))
        for _ in range(MAX_ITERATIONS):
            reached, slope = self._distance_along(rho, bends)
            excess = reached - distance
            if (xp.abs(excess) <= tolerance).all():
                break
            # slope vanishes with rho: at full reach there is nothing left to correct.
            change = excess / xp.clip(slope, None, -xp.finfo(slope.dtype).tiny)
            rho = rho - xp.clip(change, -MAX_CHANGE * rho, MAX_CHANGE * rho)
        found = xp.abs(excess) <= tolerance
        return xp.where(found, rho, start), slope, found

    def _distance_along(self, rho: Array, bends: Array) -> tuple[Array, Array]:
        """R and R_rho (b,) of the rays rho * bends (b, n), with the base joint at zero."""
        xp = namespace(bends)
        # A revolute base's own link keeps the heading zero.
        fixed, lengths = np.split(self.arm.link_lengths, [-self.dimension])
        lengths = matching(lengths, bends)
        headings = xp.cumsum(bends, 1)
        angles = rho[:, None] * headings
        along, across = lengths * xp.cos(angles), lengths * xp.sin(angles)
        tcp = xp.stack((along.sum(1) + fixed.sum(), across.sum(1)), -1)
        velocity = xp.stack((-(across * headings).sum(1), (along * headings).sum(1)), -1)
        base = self.arm.base_joint
        return base.distance(tcp), base.rate(tcp, velocity)
