"""One file for each kind of network, and those for what they are made of.

Arrays have features first and samples last, so that loops over samples run along memory, where a
compiler makes vector instructions of them. Matrix products go to SciPy's BLAS, which PyTorch's is
no faster than; what is saved are the passes over memory and the calls between them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ik_nn_ros.backends.kernels.cinn import CINNKernel
from ik_nn_ros.backends.kernels.cvae import CVAEKernel
from ik_nn_ros.backends.kernels.inn import INNKernel
from ik_nn_ros.models.architectures import CINNConfig, CVAEConfig, INNConfig

if TYPE_CHECKING:
    import numpy as np

    from ik_nn_ros.models.trained import TrainedModel

__all__ = ["KERNELS", "Kernel"]


class Kernel(Protocol):
    """One kind of network, compiled; made from a trained model, whose weights it copies."""

    def positions(self, targets: np.ndarray, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """(m, dof) [rad] of latents (m, latent_dim), each for a target of (u, 2) [m]."""

    def log_densities(
        self, targets: np.ndarray, which: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """(m,) [nats] of decoded positions (m, dof), each for a target of (u, 2) [m]."""


KERNELS: dict[str, Callable[[TrainedModel], Kernel]] = {
    CINNConfig.kind: CINNKernel,
    CVAEConfig.kind: CVAEKernel,
    INNConfig.kind: INNKernel,
}
