"""The decoder of a cVAE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.backends.kernels.layers import MLP, Features, floats, joined
from ik_nn_ros.models.angles import ANGLE_REPRESENTATIONS

if TYPE_CHECKING:
    from ik_nn_ros.models.trained import TrainedModel


class CVAEKernel:
    """See `backends.kernels.Kernel`."""

    def __init__(self, model: TrainedModel) -> None:
        self._angles = ANGLE_REPRESENTATIONS[model.config.angles]
        self._scale = floats(model.arm.joint_scale)
        self._features = Features(model)
        self._decoder = MLP(model.tensors, "decoder")

    def context(self, targets: np.ndarray) -> np.ndarray:
        """See `Kernel.context`."""
        return self._features(targets)

    def positions(self, context: np.ndarray, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Kernel.positions`."""
        output = self._decoder(joined(latents, context, which))
        return self._angles.write(output.T, self._scale)
