"""The authors' own architectures (Tables III and IV) in eager PyTorch, and a plain projection.

Untrained weights take as long as trained ones. The projection does not: it starts from samples of
the posterior that are disturbed until they miss the target as much as the authors' published
samples do. mmd2 is that of the weights that the authors released, where there are any.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from benchmarks.peers.base import TOLERANCE, Peer
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.posterior.exact import ExactPosterior
from training.paper.published import PUBLISHED
from training.train.config import load_config

MAX_ITERATIONS = 30
CONFIGS = Path(__file__).resolve().parents[2] / "config" / "train" / "paper"


class Authors(Peer):
    """One of the two networks.

    Args:
        arm: the arm.
        model: "cvae" or "inn".
    """

    trained = False

    def __init__(self, arm: PlanarArm, model: str) -> None:
        super().__init__(arm)
        published = PUBLISHED[model, arm.dof]
        self.name = f"the authors' {model}"
        self.released_mmd2 = published.mmd2_refined
        self._network = load_config(CONFIGS / f"{model}_{arm.dof}.yaml").build_network().eval()
        self._e_resim = published.e_resim
        self._samples = np.empty((0, arm.dof))

    def prepare(self, target: np.ndarray, count: int) -> None:
        """Draw what the projection starts from."""
        rng = np.random.default_rng(0)
        samples = ExactPosterior(self.arm).sample(target[None], count, rng).positions[0]
        # e_resim = std^2 |J|^2 / 2, to first order
        squared_norm = np.square(self.arm.jacobian(samples)).sum((1, 2)).mean()
        std = np.sqrt(2.0 * self._e_resim / squared_norm)
        self._samples = samples + std * rng.standard_normal(samples.shape)

    @torch.inference_mode()
    def solutions(self, target: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `Peer.solutions`; `prepare` must have been called for the target."""
        latents = rng.standard_normal((count, self._network.latent_dim), dtype=np.float32)
        targets = torch.from_numpy(np.tile(target, (count, 1)))
        self._network.decode(targets, torch.from_numpy(latents)).double().numpy()
        return plain_projection(self.arm, self._samples[:count], target, TOLERANCE)


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
