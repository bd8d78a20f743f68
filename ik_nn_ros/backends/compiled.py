"""Networks compiled to machine code from the arithmetic in `kernels`, on a CPU.

Rows go in chunks to NUMBA_NUM_THREADS threads, which work on them without Python's lock; BLAS keeps
to one thread in each of them. The threads are Python's: Numba's own, which
`numba.set_num_threads` is about, are never started.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ik_nn_ros.backends.base import Decoded, Decoder, chunks
from ik_nn_ros.backends.chain_sampler import ChainSampler
from ik_nn_ros.backends.kernels import KERNELS, Kernel
from ik_nn_ros.backends.kernels.conditionals import Networks, draw
from ik_nn_ros.backends.kernels.kinematics import Links, position_errors
from ik_nn_ros.backends.network_sampler import NetworkSampler
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.models.architectures import CINNConfig
from ik_nn_ros.posterior.sampler import Sampler
from ik_nn_ros.posterior.weighted import DrawRows, Draws
from ik_nn_ros.threads import in_threads, num_threads, one_blas_thread

if TYPE_CHECKING:
    from ik_nn_ros.models.trained import TrainedModel

NUMBA = "numba"
CHUNK_SIZE = 1024  # rows
WORTH_A_THREAD = 128  # rows; handing over fewer takes longer than it saves


def compiled_sampler(model: TrainedModel, device: str) -> Sampler:
    """A network in machine code.

    Raises:
        InvalidRequestError: a device other than the CPU, or a kind of network without a kernel.
    """
    if device.partition(":")[0] != "cpu":
        raise InvalidRequestError("backend", f"numba runs on the cpu, not on '{device}'")
    kind = model.config.kind
    if kind == CINNConfig.kind:
        return CompiledChainSampler(model)
    if kind not in KERNELS:
        offers = ", ".join((*KERNELS, CINNConfig.kind))
        raise InvalidRequestError("backend", f"numba knows {offers}, not {kind}")
    return NetworkSampler(CompiledDecoder(model, KERNELS[kind](model)))


class CompiledChainSampler(ChainSampler):
    """Draws all joints in machine code, and keeps BLAS to one thread in each of those that draw."""

    def __init__(self, model: TrainedModel) -> None:
        self._networks = Networks.of(model)
        super().__init__(model, NUMBA)

    def draw(self, target: np.ndarray, num_draws: int, rng: np.random.Generator) -> Draws:
        """See `WeightedSampler.draw`."""
        with one_blas_thread():
            return super().draw(target, num_draws, rng)

    def _draw_rows(self, state: np.ndarray, carried: np.ndarray) -> DrawRows:
        made_of = self.chain, self._networks, self._rises

        def draw_rows(uniforms: np.ndarray, out: Draws) -> None:
            draw(*made_of, self._memory(), state, carried, uniforms, tuple(out))

        return draw_rows


class CompiledDecoder(Decoder):
    """Evaluates a kernel chunk by chunk.

    Args:
        model: what the kernel was made from.
        kernel: its arithmetic, compiled here and now, or loaded from where an earlier process has
            left it.
    """

    backend = NUMBA

    def __init__(self, model: TrainedModel, kernel: Kernel) -> None:
        super().__init__(model.arm, model.config)
        self._kernel = kernel
        self._links = Links.of(self.arm)
        targets = np.array([self.arm.forward(np.zeros(self.arm.dof))]) / 2.0
        positions = self.decode(targets, np.ones((1, 1, self.latent_dim), np.float32)).positions
        if self.config.has_density:
            self.log_densities(positions, targets)

    def decode(self, targets: np.ndarray, latents: np.ndarray) -> Decoded:
        """See `Decoder.decode`."""
        shape = latents.shape[:2]
        targets = np.array(targets, order="C")  # as all machine code is compiled for
        latents = latents.reshape(math.prod(shape), self.latent_dim)
        positions, errors = np.empty((len(latents), self.arm.dof)), np.empty(len(latents))

        def work(context: Any, which: np.ndarray, rows: slice) -> None:
            positions[rows] = self._kernel.positions(context, which, latents[rows])
            errors[rows] = position_errors(positions[rows], targets, which, self._links)

        self._in_threads(work, targets, shape[1])
        return Decoded(positions.reshape(*shape, -1), errors.reshape(shape))

    def log_densities(self, positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """See `Decoder.log_densities`."""
        shape = positions.shape[:2]
        positions = positions.reshape(math.prod(shape), self.arm.dof)
        densities = np.empty(len(positions))

        def work(context: Any, which: np.ndarray, rows: slice) -> None:
            densities[rows] = self._kernel.log_densities(context, which, positions[rows])

        self._in_threads(work, targets, shape[1])
        return densities.reshape(shape)

    def _in_threads(
        self,
        work: Callable[[Any, np.ndarray, slice], None],
        targets: np.ndarray,
        num_samples: int,
    ) -> None:
        """Work on chunks of rows, given the targets' context and which target is each row's."""
        total = len(targets) * num_samples
        threads = min(num_threads(), max(1, total // WORTH_A_THREAD))
        # Equal numbers of chunks per thread.
        rounds = -(-total // (threads * CHUNK_SIZE))
        size = -(-total // (threads * rounds))
        with one_blas_thread():
            context = self._kernel.context(targets)
            in_threads(
                lambda piece: work(context, piece[1], piece[0]),
                chunks(len(targets), num_samples, size),
                threads,
            )
