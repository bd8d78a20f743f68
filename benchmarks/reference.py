"""The reference path: a network in eager PyTorch, and a plain projection in NumPy."""

from __future__ import annotations

import numpy as np
import torch

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.models.network import GenerativeNetwork

MAX_ITERATIONS = 30


@torch.inference_mode()
def reference_solve(
    network: GenerativeNetwork,
    target: np.ndarray,
    num_samples: int,
    rng: np.random.Generator,
    tolerance: float,
    densities: bool = True,
) -> np.ndarray:
    """Solutions (m, dof) [rad] of one target (2,) [m] within a tolerance [m], likeliest first.

    Args:
        network: the trained network.
        target: [m].
        num_samples: samples to draw; m of them converge.
        rng: of the latents.
        tolerance: largest position error [m].
        densities: whether the network also says how likely each sample is, where it can.
    """
    latents = torch.from_numpy(
        rng.standard_normal((num_samples, network.latent_dim), dtype=np.float32)
    )
    targets = torch.from_numpy(np.tile(target, (num_samples, 1)))
    decoded = network.decode(targets, latents)
    if densities and network.config.has_density:
        network.log_density(decoded, targets)
    positions = plain_projection(network.arm, decoded.double().numpy(), target, tolerance)
    return positions[np.argsort(-network.arm.joint_log_priors(positions).sum(1))]


def plain_projection(
    arm: PlanarArm, positions: np.ndarray, target: np.ndarray, tolerance: float
) -> np.ndarray:
    """Gauss-Newton on all configurations (n, dof) until each is on the target (2,): (m, dof)."""
    for _ in range(MAX_ITERATIONS):
        residual = target - arm.forward(positions)
        if (np.linalg.norm(residual, axis=1) <= tolerance).all():
            break
        jacobian = arm.jacobian(positions)
        transposed = jacobian.transpose(0, 2, 1)
        step = transposed @ np.linalg.solve(jacobian @ transposed, residual[..., None])
        positions = positions + step[..., 0]
    errors = np.linalg.norm(target - arm.forward(positions), axis=1)
    return positions[errors <= tolerance]
