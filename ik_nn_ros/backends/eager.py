"""The reference: networks as PyTorch evaluates them, on any of its devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ik_nn_ros.backends.base import Decoder, chunks

if TYPE_CHECKING:
    from ik_nn_ros.models.base import GenerativeNetwork

CHUNK_SIZE = 65_536  # rows per network pass: bounds the memory of large requests


class EagerDecoder(Decoder):
    """Evaluates the network itself.

    Args:
        network: moved to the device, for good.
        device: as torch names it.
    """

    backend = "torch"

    def __init__(self, network: GenerativeNetwork, device: str) -> None:
        self.latent_dim = network.latent_dim
        self.has_density = network.has_density
        self._network = network.to(device)
        self._device = device

    @torch.inference_mode()
    def positions(self, targets: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Decoder.positions`."""
        shape = latents.shape[:2]
        latents = latents.reshape(-1, self.latent_dim)
        positions = np.empty((len(latents), self._network.arm.dof))
        for rows, some, which in chunks(targets, shape[1], CHUNK_SIZE):
            decoded = self._network.decode(self._tensor(some[which]), self._tensor(latents[rows]))
            positions[rows] = decoded.cpu().numpy()
        return positions.reshape(*shape, -1)

    @torch.inference_mode()
    def log_densities(self, positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """See `Decoder.log_densities`."""
        shape = positions.shape[:2]
        positions = positions.reshape(-1, self._network.arm.dof)
        densities = np.empty(len(positions))
        for rows, some, which in chunks(targets, shape[1], CHUNK_SIZE):
            theta, points = self._tensor(positions[rows]), self._tensor(some[which])
            densities[rows] = self._network.log_density(theta, points).cpu().numpy()
        return densities.reshape(shape)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device)
