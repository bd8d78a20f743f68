"""The decoder of a cVAE in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ik_nn_ros.backends.array_layers import MLP, Context

if TYPE_CHECKING:
    from ik_nn_ros.models.cvae import CVAE


class CVAEKernel:
    """See `backends.arrays.Kernel`."""

    def __init__(self, network: CVAE) -> None:
        self._network = network
        self._context = Context(network)
        self._decoder = MLP(network.decoder)

    def positions(self, targets: np.ndarray, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Kernel.positions`."""
        context = self._context(targets)[:, which]
        output = torch.from_numpy(self._decoder(np.concatenate((latents.T, context))).T)
        return self._network.angles.write(output, self._network.joint_scale).numpy()
