"""One file for each kind of network, and those for what they are made of.

Arrays have features first and samples last, so that loops over samples run along memory, where a
compiler makes vector instructions of them. Matrix products go to SciPy's OpenBLAS. The samples of a
cVAE and of a cinn go through in tiles that stay in the nearest caches and that OpenBLAS multiplies
without packing them first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ik_nn_ros.backends.kernels.cvae import CVAEKernel
from ik_nn_ros.backends.kernels.inn import INNKernel
from ik_nn_ros.models.architectures import CVAEConfig, INNConfig

if TYPE_CHECKING:
    import numpy as np

    from ik_nn_ros.models.trained import TrainedModel

__all__ = ["KERNELS", "Kernel"]


class Kernel(Protocol):
    """One kind of network, compiled; made from a trained model, whose weights it copies."""

    def context(self, targets: np.ndarray) -> Any:
        """What the rest needs to know of targets (u, 2) [m]."""

    def positions(self, context: Any, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """(m, dof) [rad] of latents (m, latent_dim); ``which`` (m,) are their targets' places."""

    def log_densities(self, context: Any, which: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """(m,) [nats] of decoded positions (m, dof); ``which`` (m,) are their targets' places."""


KERNELS: dict[str, Callable[[TrainedModel], Kernel]] = {
    CVAEConfig.kind: CVAEKernel,
    INNConfig.kind: INNKernel,
}
