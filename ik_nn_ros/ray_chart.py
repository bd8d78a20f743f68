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

from typing import NamedTuple

import torch

from ik_nn_ros.kinematics import PlanarArm

MAX_ITERATIONS = 20  # of Newton's method; 3 or 4 are usual
MAX_CHANGE = 0.5  # of rho in one step, as a share of it
DISTANCE_TOLERANCE = 1e-10  # [m] per metre of reach; the next step would leave roundings only


class RayPoint(NamedTuple):
    """Where rays meet their targets' distance.

    Attributes:
        theta: (b, dof) float64 [rad]; where no crossing was found an arm beside the target, bent as
            much as most arms that are on it.
        log_volume: (b,) float64 log dS / dOmega [nats]; infinite where no crossing was found, so
            that the density there is zero.
    """

    theta: torch.Tensor
    log_volume: torch.Tensor


class RayChart:
    """Directions (b, dof - 1) to configurations on their targets, and back."""

    def __init__(self, arm: PlanarArm) -> None:
        self.arm = arm
        self.dimension = arm.dof - 1
        lengths = torch.tensor(arm.link_lengths, dtype=torch.float64)
        # Headings of all links by theta'; those of a revolute base's own link stay zero.
        links = len(lengths)
        headings = torch.ones(links, links, dtype=torch.float64).tril()[:, -self.dimension :]
        stiffness = arm.base_joint.stiffness(lengths)
        values, vectors = torch.linalg.eigh(headings.T @ stiffness @ headings)
        self._to_joints = (vectors / values.sqrt()).T  # rows: bends, the softest first
        self._from_joints = vectors * values.sqrt()
        self._log_det = -0.5 * float(values.log().sum())

    def directions(self, theta: torch.Tensor) -> torch.Tensor:
        """Unit vectors (b, n) of the rays on which configurations (b, dof) [rad] lie."""
        bends = theta[:, 1:].double() @ self._from_joints.to(theta.device)
        return bends / torch.linalg.vector_norm(bends, dim=1, keepdim=True)

    def solve(self, directions: torch.Tensor, targets: torch.Tensor) -> RayPoint:
        """Where rays meet their targets' distance: unit vectors (b, n), targets (b, 2) [m]."""
        bends = directions.double() @ self._to_joints.to(targets.device)
        base = self.arm.base_joint
        distance, shift = base.coordinates(targets.double())
        rho, slope, found = self._crossing(bends, distance)
        theta = torch.cat((torch.zeros_like(rho)[:, None], rho[:, None] * bends), dim=1)
        theta[:, 0] = base.difference(shift, base.coordinates(self.arm.forward(theta))[1])
        log_volume = (
            self._log_det
            + (self.dimension - 1) * rho.log()
            - base.log_area(distance)
            - slope.abs().log()
        )
        return RayPoint(theta, torch.where(found, log_volume, torch.inf))

    def _crossing(
        self, bends: torch.Tensor, distance: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """rho (b,) of the rays rho * bends (b, n), R_rho there, and whether it was found."""
        reach = self.arm.reach[1]
        tolerance = DISTANCE_TOLERANCE * reach
        start = rho = torch.sqrt(2.0 * (reach - distance).clamp_min(0.0))
        for _ in range(MAX_ITERATIONS):
            reached, slope = self._distance_along(rho, bends)
            excess = reached - distance
            if (excess.abs() <= tolerance).all():
                break
            # slope vanishes with rho: at full reach there is nothing left to correct.
            change = excess / slope.clamp_max(-torch.finfo(slope.dtype).tiny)
            rho = rho - change.clamp(-MAX_CHANGE * rho, MAX_CHANGE * rho)
        found = excess.abs() <= tolerance
        return torch.where(found, rho, start), slope, found

    def _distance_along(
        self, rho: torch.Tensor, bends: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """R and R_rho (b,) of the rays rho * bends (b, n), with the base joint at zero."""
        lengths = bends.new_tensor(self.arm.link_lengths)
        # A revolute base's own link keeps the heading zero.
        lead = len(lengths) - self.dimension
        headings = torch.nn.functional.pad(torch.cumsum(bends, dim=1), (lead, 0))
        angles = rho[:, None] * headings
        links = torch.stack((torch.cos(angles), torch.sin(angles)), dim=-1) * lengths[:, None]
        tcp = links.sum(1)
        velocity = torch.stack(
            (-(links[..., 1] * headings).sum(1), (links[..., 0] * headings).sum(1)), dim=-1
        )
        base = self.arm.base_joint
        return base.coordinates(tcp)[0], base.rate(tcp, velocity)
