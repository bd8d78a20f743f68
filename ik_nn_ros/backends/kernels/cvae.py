"""The decoder of a cVAE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ik_nn_ros.backends.kernels.layers import MLP, Context, joined

if TYPE_CHECKING:
    from ik_nn_ros.models.cvae import CVAE


class CVAEKernel:
    """See `backends.kernels.Kernel`."""

    def __init__(self, network: CVAE) -> None:
        self._network = network
        self._context = Context(network)
        self._decoder = MLP(network.decoder)

    def positions(self, targets: np.ndarray, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Kernel.positions`."""
        output = self._decoder(joined(latents, self._context(targets), which))
        angles = self._network.angles
        return angles.write(torch.from_numpy(output.T), self._network.joint_scale).numpy()
