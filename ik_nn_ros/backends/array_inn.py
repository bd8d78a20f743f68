"""The RNVP coupling blocks of an INN in NumPy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ik_nn_ros.backends.array_layers import MLP, Context, as_array

if TYPE_CHECKING:
    from ik_nn_ros.models.inn import INN

ATAN_SCALE = 0.636  # of FrEIA's soft clamp


class _Affine(NamedTuple):
    """Log scale and shift of one half of a block, from the other."""

    scale: MLP
    shift: MLP
    clamp: float

    def __call__(self, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        log_scale = np.arctan(self.scale(other))
        log_scale *= self.clamp * ATAN_SCALE
        return log_scale, self.shift(other)


class _Block:
    """An `RNVPCouplingBlock`: the first half moves by the second, then the second by the first."""

    def __init__(self, block: torch.nn.Module) -> None:
        self._split = block.split_len1
        self._of_first = _Affine(MLP(block.subnet_s1), MLP(block.subnet_t1), block.clamp)
        self._of_second = _Affine(MLP(block.subnet_s2), MLP(block.subnet_t2), block.clamp)

    def inverse(self, values: np.ndarray) -> np.ndarray:
        first, second = values[: self._split], values[self._split :]
        log_scale, shift = self._of_first(first)
        second = (second - shift) * np.exp(-log_scale)
        log_scale, shift = self._of_second(second)
        return np.concatenate(((first - shift) * np.exp(-log_scale), second))

    def forward(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first, second = values[: self._split], values[self._split :]
        log_scale, shift = self._of_second(second)
        first, log_det = first * np.exp(log_scale) + shift, log_scale.sum(0)
        log_scale, shift = self._of_first(first)
        second = second * np.exp(log_scale) + shift
        return np.concatenate((first, second)), log_det + log_scale.sum(0)


class _Permutation:
    """A `PermuteRandom`."""

    def __init__(self, permutation: torch.nn.Module) -> None:
        self._order = permutation.perm.cpu().numpy()
        self._back = permutation.perm_inv.cpu().numpy()

    def inverse(self, values: np.ndarray) -> np.ndarray:
        return values[self._back]

    def forward(self, values: np.ndarray) -> tuple[np.ndarray, float]:
        return values[self._order], 0.0


class INNKernel:
    """See `backends.arrays.Kernel`."""

    def __init__(self, network: INN) -> None:
        self._network = network
        self._context = Context(network)
        self._scale = as_array(network.joint_scale)[:, None]
        self._layers = [
            _Permutation(layer) if hasattr(layer, "perm") else _Block(layer)
            for layer in network.flow.module_list
        ]

    def positions(self, targets: np.ndarray, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Kernel.positions`."""
        values = np.concatenate((latents.T, self._context(targets)[:, which]))
        for layer in reversed(self._layers):
            values = layer.inverse(values)
        return (values * self._scale).T

    def log_densities(
        self, targets: np.ndarray, which: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """See `Kernel.log_densities`."""
        values = positions.T.astype(np.float32) / self._scale
        log_det = np.zeros(len(positions), dtype=np.float32)
        for layer in self._layers:
            values, change = layer.forward(values)
            log_det += change
        latents, predicted = values[:-2], torch.from_numpy(values[-2:].T)
        with torch.inference_mode():
            log_det += self._network.log_volume(predicted).numpy()
        return log_det - 0.5 * (latents * latents + math.log(2.0 * math.pi)).sum(0)
