"""The RNVP coupling blocks of an INN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ik_nn_ros.backends.kernels.layers import MLP, Features, Weights, floats, joined, mlp
from ik_nn_ros.chain.arithmetic import exp
from ik_nn_ros.compilation import compiled
from ik_nn_ros.models.rim import log_rim_area

if TYPE_CHECKING:
    from ik_nn_ros.models.architectures import Tensors
    from ik_nn_ros.models.trained import TrainedModel

ATAN_SCALE = 0.636  # of FrEIA's soft clamp


class _Affine(NamedTuple):
    """Log scale and shift of one half of a block, read off the other by two networks."""

    scale_weights: Weights
    scale_biases: Weights
    shift_weights: Weights
    shift_biases: Weights
    clamp: np.float32  # with FrEIA's scale

    @classmethod
    def of(cls, scale: MLP, shift: MLP, clamp: float) -> _Affine:
        clamp = np.float32(clamp * ATAN_SCALE)
        return cls(scale.weights, scale.biases, shift.weights, shift.biases, clamp)


class _Block:
    """An `RNVPCouplingBlock`: the first half moves by the second, then the second by the first."""

    def __init__(self, tensors: Tensors, prefix: str, clamp: float) -> None:
        scale1, shift1, scale2, shift2 = (
            MLP(tensors, f"{prefix}.subnet_{name}") for name in ("s1", "t1", "s2", "t2")
        )
        self._split = scale1.weights[0].shape[1]
        self._of_first = _Affine.of(scale1, shift1, clamp)
        self._of_second = _Affine.of(scale2, shift2, clamp)

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

    def __init__(self, tensors: Tensors, prefix: str) -> None:
        self._order, self._back = tensors[f"{prefix}.perm"], tensors[f"{prefix}.perm_inv"]

    def inverse(self, values: np.ndarray) -> np.ndarray:
        return values[self._back]

    def forward(self, values: np.ndarray, log_det: np.ndarray) -> np.ndarray:
        return values[self._order]


class INNKernel:
    """See `backends.kernels.Kernel`."""

    def __init__(self, model: TrainedModel) -> None:
        self._arm = model.arm
        self._features = Features(model)
        self._scale = floats(model.arm.joint_scale)[:, None]
        self._log_scales = np.log(self._features.std).sum() - np.log(self._scale).sum()
        self._layers: list[_Block | _Permutation] = []
        for index in range(2 * model.config.coupling_layers - 1):
            prefix = f"flow.module_list.{index}"
            self._layers.append(
                _Block(model.tensors, prefix, model.config.clamp)
                if index % 2 == 0
                else _Permutation(model.tensors, prefix)
            )

    def context(self, targets: np.ndarray) -> np.ndarray:
        """See `Kernel.context`."""
        return self._features(targets)

    def positions(self, context: np.ndarray, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Kernel.positions`."""
        values = joined(latents, context, which)
        for layer in reversed(self._layers):
            values = layer.inverse(values)
        return (values * self._scale).T

    def log_densities(
        self, context: np.ndarray, which: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """See `Kernel.log_densities`."""
        values = np.ascontiguousarray(positions.T.astype(np.float32) / self._scale)
        log_det = np.zeros(len(positions), dtype=np.float32)
        for layer in self._layers:
            values = layer.forward(values, log_det)
        latents, roots = values[:-2], values[-2] * self._features.std[0] + self._features.mean[0]
        with np.errstate(divide="ignore"):  # at full reach
            log_det += log_rim_area(self._arm, np.abs(roots)) + self._log_scales
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
