"""A network that decodes latents as a sampler."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.posterior.sampler import Sampler, Samples, Seed

if TYPE_CHECKING:
    from ik_nn_ros.backends.base import Decoder


class NetworkSampler(Sampler):
    """Serves a trained network as a sampler; latents come from the caller's generator.

    Equal latents give equal samples with every backend, up to float32's rounding.

    Args:
        decoder: what a backend has made of the network, see `Decoder`.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.name = decoder.config.kind
        self.arm = decoder.arm
        self.backend = decoder.backend

    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> Samples:
        """See `Sampler.sample`."""
        return self._decode(targets, self._latents(len(targets), num_samples, rng))

    def sample_alike(self, targets: np.ndarray, num_samples: int, seed: Seed = None) -> Samples:
        """See `Sampler.sample_alike`; one pass for all targets."""
        latents = [self._latents(1, num_samples, np.random.default_rng(seed)) for _ in targets]
        return self._decode(targets, np.concatenate(latents))

    def _latents(self, count: int, num_samples: int, rng: np.random.Generator) -> np.ndarray:
        shape = (count, num_samples, self._decoder.latent_dim)
        return rng.standard_normal(shape, dtype=np.float32)

    def _decode(self, targets: np.ndarray, latents: np.ndarray) -> Samples:
        positions, errors = self._decoder.decode(targets, latents)
        if not self._decoder.config.has_density:
            return Samples(positions, errors)
        density = partial(self._decoder.log_densities, positions, targets)
        return Samples(positions, errors, density=density)
