"""Networks compiled to machine code from the arithmetic in `kernels`, on a CPU.

Rows go in chunks that stay in a core's cache to NUMBA_NUM_THREADS threads, without Python's lock;
BLAS keeps to one thread in each of them. The threads are Python's: Numba's own, which
`numba.set_num_threads` is about, are never started.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import numba
import numpy as np
from threadpoolctl import ThreadpoolController

from ik_nn_ros.backends.base import Decoder, chunks
from ik_nn_ros.backends.kernels import KERNELS, Kernel
from ik_nn_ros.errors import InvalidRequestError

if TYPE_CHECKING:
    from ik_nn_ros.models.trained import TrainedModel

CHUNK_SIZE = 1024  # rows
WORTH_A_THREAD = 128  # rows; handing over fewer takes longer than it saves

_logger = logging.getLogger(__name__)


def compiled_decoder(model: TrainedModel, device: str) -> Decoder:
    """A network in machine code.

    Raises:
        InvalidRequestError: a device other than the CPU, or a kind of network without a kernel.
    """
    if device.partition(":")[0] != "cpu":
        raise InvalidRequestError("backend", f"numba runs on the cpu, not on '{device}'")
    kind = model.config.kind
    if kind not in KERNELS:
        offers = ", ".join(KERNELS)
        raise InvalidRequestError("backend", f"numba knows {offers}, not {kind}")
    return CompiledDecoder(model, KERNELS[kind](model))


class CompiledDecoder(Decoder):
    """Evaluates a kernel chunk by chunk.

    Args:
        model: what the kernel was made from.
        kernel: its arithmetic, compiled here and now, or loaded from where an earlier process has
            left it.
    """

    backend = "numba"

    def __init__(self, model: TrainedModel, kernel: Kernel) -> None:
        super().__init__(model.arm, model.config)
        self._kernel = kernel
        kind = self.config.kind
        _logger.info("%s: loading its machine code, or compiling it the first time", kind)
        targets = np.array([self.arm.forward(np.zeros(self.arm.dof))]) / 2.0
        positions = self.positions(targets, np.ones((1, 1, self.latent_dim), np.float32))
        if self.config.has_density:
            self.log_densities(positions, targets)

    def positions(self, targets: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Decoder.positions`."""
        positions = np.empty((*latents.shape[:2], self.arm.dof))
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
    threads = min(numba.config.NUMBA_NUM_THREADS, max(1, rows // WORTH_A_THREAD))
    # As many chunks for one thread as for the other.
    rounds = -(-rows // (threads * CHUNK_SIZE))
    size = -(-rows // (threads * rounds))

    todo = iter(list(chunks(targets, num_samples, size)))  # of which any thread takes the next one

    def work() -> None:
        for chunk in todo:
            output[chunk.rows] = function(chunk.targets, chunk.which, inputs[chunk.rows])

    with _blas().limit(limits=1):
        helpers = [_pool(threads - 1).submit(work) for _ in range(threads - 1)]
        work()
        # One that has not begun, on a machine with other things to do, has nothing left to do.
        for helper in helpers:
            if not helper.cancel():
                helper.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="ik_nn_ros")


os.register_at_fork(after_in_child=_pool.cache_clear)  # a child process has none of the threads


@cache
def _blas() -> ThreadpoolController:
    """The BLAS of NumPy and SciPy; looking for it takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
