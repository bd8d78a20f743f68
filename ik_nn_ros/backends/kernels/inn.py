"""The RNVP coupling blocks of an INN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ik_nn_ros.backends.kernels.compiler import compiled, exp
from ik_nn_ros.backends.kernels.layers import MLP, Context, Weights, as_array, joined, mlp

if TYPE_CHECKING:
    from ik_nn_ros.models.inn import INN

ATAN_SCALE = 0.636  # of FrEIA's soft clamp


class _Affine(NamedTuple):
    """Log scale and shift of one half of a block, read off the other by two networks."""

    scale_weights: Weights
    scale_biases: Weights
    shift_weights: Weights
    shift_biases: Weights
    clamp: np.float32  # with FrEIA's scale

    @classmethod
    def of(cls, scale: torch.nn.Sequential, shift: torch.nn.Sequential, clamp: float) -> _Affine:
        scale, shift = MLP(scale), MLP(shift)
        clamp = np.float32(clamp * ATAN_SCALE)
        return cls(scale.weights, scale.biases, shift.weights, shift.biases, clamp)


class _Block:
    """An `RNVPCouplingBlock`: the first half moves by the second, then the second by the first."""

    def __init__(self, block: torch.nn.Module) -> None:
        self._split = block.split_len1
        self._of_first = _Affine.of(block.subnet_s1, block.subnet_t1, block.clamp)
        self._of_second = _Affine.of(block.subnet_s2, block.subnet_t2, block.clamp)

    def inverse(self, values: np.ndarray) -> np.ndarray:
        first, second = values[: self._split], values[self._split :]
        _undo(second, first, self._of_first)
        _undo(first, second, self._of_second)
        return values

    def forward(self, values: np.ndarray, log_det: np.ndarray) -> np.ndarray:
        first, second = values[: self._split], values[self._split :]
        _move(first, second, self._of_second, log_det)
        _move(second, first, self._of_first, log_det)
        return values


class _Permutation:
    """A `PermuteRandom`."""

    def __init__(self, permutation: torch.nn.Module) -> None:
        self._order = permutation.perm.cpu().numpy()
        self._back = permutation.perm_inv.cpu().numpy()

    def inverse(self, values: np.ndarray) -> np.ndarray:
        return values[self._back]

    def forward(self, values: np.ndarray, log_det: np.ndarray) -> np.ndarray:
        return values[self._order]


class INNKernel:
    """See `backends.kernels.Kernel`."""

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
        values = joined(latents, self._context(targets), which)
        for layer in reversed(self._layers):
            values = layer.inverse(values)
        return (values * self._scale).T

    def log_densities(
        self, targets: np.ndarray, which: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """See `Kernel.log_densities`."""
        values = np.ascontiguousarray(positions.T.astype(np.float32) / self._scale)
        log_det = np.zeros(len(positions), dtype=np.float32)
        for layer in self._layers:
            values = layer.forward(values, log_det)
        latents, predicted = values[:-2], torch.from_numpy(values[-2:].T)
        with torch.inference_mode():
            log_det += self._network.log_volume(predicted).numpy()
        return log_det - 0.5 * (latents * latents + math.log(2.0 * math.pi)).sum(0)


@compiled
def _read(other: np.ndarray, affine: _Affine) -> tuple[np.ndarray, np.ndarray]:
    """Log scale and shift of one half, from the other."""
    log_scale = mlp(other, affine.scale_weights, affine.scale_biases)
    for row in range(log_scale.shape[0]):
        for i in range(log_scale.shape[1]):
            log_scale[row, i] = affine.clamp * math.atan(log_scale[row, i])
    return log_scale, mlp(other, affine.shift_weights, affine.shift_biases)


@compiled
def _undo(half: np.ndarray, other: np.ndarray, affine: _Affine) -> None:
    log_scale, shift = _read(other, affine)
    for row in range(half.shape[0]):
        for i in range(half.shape[1]):
            half[row, i] = (half[row, i] - shift[row, i]) * exp(-log_scale[row, i])


@compiled
def _move(half: np.ndarray, other: np.ndarray, affine: _Affine, log_det: np.ndarray) -> None:
    log_scale, shift = _read(other, affine)
    for row in range(half.shape[0]):
        for i in range(half.shape[1]):
            log_det[i] += log_scale[row, i]
            half[row, i] = half[row, i] * exp(log_scale[row, i]) + shift[row, i]
