"""The solution set of a target as rays: one direction, one configuration, exactly on the target.

Two of an arm's N joints are spent on the target. The base joint turns the TCP to its bearing,
whatever the others do. The others, theta' = (theta_2 .. theta_N), bend the arm until the TCP has
its distance: along a ray theta' = rho B u from the straight arm, |u| = 1, the distance falls from
full reach L, and the rho where it is right gives the configuration. With B = A^(-1/2) and A the
Hessian of L minus the distance at the straight arm, rho is close to sqrt(2 (L - |target|)) for
every direction alike: within a few percent for nearly all of the paper's configurations.

What remains of the posterior is a density over directions u in R^n, n = N - 1, on the sphere. With
delta(FK(theta) - target) the surface measure, R(theta') the distance and R_rho its slope,

    dS = |det B| rho^(n-1) / (|target| |R_rho|) dOmega(u).

A configuration that its ray meets at a second crossing is not covered: an arm that curls until the
TCP comes back. Under the paper's prior such arms are too rare to matter; the tests look for them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from ik_nn_ros.kinematics import PlanarArm, wrapped

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
        # Headings of all links by theta', with the base link along x.
        headings = torch.ones(arm.dof, arm.dof, dtype=torch.float64).tril()[:, 1:]
        stiffness = torch.diag(lengths) - torch.outer(lengths, lengths) / lengths.sum()
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
        targets = targets.double()
        bends = directions.double() @ self._to_joints.to(targets.device)
        distance = torch.linalg.vector_norm(targets, dim=1)
        rho, slope, found = self._crossing(bends, distance)
        theta = torch.cat((torch.zeros_like(rho)[:, None], rho[:, None] * bends), dim=1)
        tcp = self.arm.forward(theta)
        turn = torch.atan2(targets[:, 1], targets[:, 0]) - torch.atan2(tcp[:, 1], tcp[:, 0])
        theta[:, 0] = wrapped(turn)
        log_volume = (
            self._log_det + (self.dimension - 1) * rho.log() - distance.log() - slope.abs().log()
        )
        return RayPoint(theta, torch.where(found, log_volume, torch.inf))

    def _crossing(
        self, bends: torch.Tensor, distance: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """rho (b,) of the rays rho * bends (b, n), R_rho there, and whether it was found."""
        reach = self.arm.reach[1]
        tolerance = DISTANCE_TOLERANCE * reach
        headings = torch.cumsum(bends, dim=1)
        lengths = headings.new_tensor(self.arm.link_lengths)
        start = rho = torch.sqrt(2.0 * (reach - distance).clamp_min(0.0))
        for _ in range(MAX_ITERATIONS):
            reached, slope = _distance_along(rho, headings, lengths)
            excess = reached - distance
            if (excess.abs() <= tolerance).all():
                break
            # slope vanishes with rho: at full reach there is nothing left to correct.
            change = excess / slope.clamp_max(-torch.finfo(slope.dtype).tiny)
            rho = rho - change.clamp(-MAX_CHANGE * rho, MAX_CHANGE * rho)
        found = excess.abs() <= tolerance
        return torch.where(found, rho, start), slope, found


def _distance_along(
    rho: torch.Tensor, headings: torch.Tensor, lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """R and R_rho (b,) of arms whose links, but the first, have the headings rho * (b, n)."""
    angles = rho[:, None] * headings
    cosines, sines = torch.cos(angles) * lengths[1:], torch.sin(angles) * lengths[1:]
    x, y = lengths[0] + cosines.sum(1), sines.sum(1)
    x_rho, y_rho = -(sines * headings).sum(1), (cosines * headings).sum(1)
    reached = torch.hypot(x, y)
    return reached, (x * x_rho + y * y_rho) / reached
