"""Networks in NumPy: their weights, float32, and no graph between them.

NumPy's products are those of a tuned BLAS, as PyTorch's are; what is saved are the passes over
memory and the calls between them. Arrays have features first and samples last, so that everything
elementwise runs along memory, in chunks that stay in a core's cache. Chunks go to as many threads
as PyTorch may use, BLAS to one in each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from ik_nn_ros.backends.array_cinn import CINNKernel
from ik_nn_ros.backends.array_cvae import CVAEKernel
from ik_nn_ros.backends.array_inn import INNKernel
from ik_nn_ros.backends.base import Chunk, Decoder, chunks
from ik_nn_ros.errors import InvalidRequestError

if TYPE_CHECKING:
    from ik_nn_ros.models.base import GenerativeNetwork

CHUNK_SIZE = 2048  # rows


class Kernel(Protocol):
    """One kind of network in NumPy; made from the trained network, whose weights it copies."""

    def positions(self, targets: np.ndarray, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """(m, dof) [rad] of latents (m, latent_dim), each for a target of (u, 2) [m]."""

    def log_densities(
        self, targets: np.ndarray, which: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """(m,) [nats] of decoded positions (m, dof), each for a target of (u, 2) [m]."""


KERNELS: dict[str, Callable[[GenerativeNetwork], Kernel]] = {
    "cinn": CINNKernel,
    "cvae": CVAEKernel,
    "inn": INNKernel,
}


def array_decoder(network: GenerativeNetwork, device: str) -> Decoder:
    """A network in NumPy.

    Raises:
        InvalidRequestError: a device other than the CPU, or a kind of network without a kernel.
    """
    if torch.device(device).type != "cpu":
        raise InvalidRequestError("backend", f"numpy runs on the cpu, not on '{device}'")
    if network.kind not in KERNELS:
        offers = ", ".join(KERNELS)
        raise InvalidRequestError("backend", f"numpy knows {offers}, not {network.kind}")
    return ArrayDecoder(network, KERNELS[network.kind](network))


class ArrayDecoder(Decoder):
    """Evaluates a kernel chunk by chunk.

    Args:
        network: what the kernel was made from.
        kernel: its arithmetic.
    """

    backend = "numpy"

    def __init__(self, network: GenerativeNetwork, kernel: Kernel) -> None:
        self.latent_dim = network.latent_dim
        self.has_density = network.has_density
        self._dof = network.arm.dof
        self._kernel = kernel

    def positions(self, targets: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Decoder.positions`."""
        positions = np.empty((*latents.shape[:2], self._dof))
        _fill(positions, self._kernel.positions, targets, latents)
        return positions

    def log_densities(self, positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """See `Decoder.log_densities`."""
        densities = np.empty(positions.shape[:2])
        _fill(densities, self._kernel.log_densities, targets, positions)
        return densities


def _fill(
    output: np.ndarray,
    function: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    targets: np.ndarray,
    inputs: np.ndarray,
) -> None:
    """Write a function of the targets and of each of the inputs (b, n, ...) into (b, n, ...)."""
    rows, num_samples = output.shape[0] * output.shape[1], output.shape[1]
    output, inputs = output.reshape(rows, *output.shape[2:]), inputs.reshape(rows, -1)
    threads = torch.get_num_threads() if rows > CHUNK_SIZE else 1
    # As many chunks for one thread as for the other.
    rounds = -(-rows // (threads * CHUNK_SIZE))
    size = -(-rows // (threads * rounds))

    def fill(chunk: Chunk) -> None:
        output[chunk.rows] = function(chunk.targets, chunk.which, inputs[chunk.rows])

    todo = chunks(targets, num_samples, size)
    with _blas().limit(limits=1):
        if threads == 1:
            for chunk in todo:
                fill(chunk)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(fill, todo))


@cache
def _blas() -> ThreadpoolController:
    """NumPy's BLAS; looking for it takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
