"""A cinn: its flow in float32, its rays in float64."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.backends.kernels.compiler import compiled
from ik_nn_ros.backends.kernels.layers import MLP, Context, floats, joined
from ik_nn_ros.backends.kernels.rays import Rays
from ik_nn_ros.backends.kernels.spline import LOG_SLOPE, SplineCoupling
from ik_nn_ros.models.lengths import length_quadrature
from ik_nn_ros.ray_chart import RayChart

if TYPE_CHECKING:
    from ik_nn_ros.models.trained import TrainedModel


class CINNKernel:
    """See `backends.kernels.Kernel`."""

    def __init__(self, model: TrainedModel) -> None:
        config, tensors = model.config, model.tensors
        scaling, *couplings = (
            f"flow.transform.transforms.{index}" for index in range(1 + config.coupling_layers)
        )
        self._dimension = config.latent_dim(model.arm)
        self._context = Context(model)
        self._rays = Rays(RayChart(model.arm, np.array(tensors["to_joints"], np.float64)))
        self._scaling = MLP(tensors, f"{scaling}.hyper")
        self._couplings = [SplineCoupling(tensors, layer, config.bins) for layer in couplings]
        self._lengths, self._log_weights = map(floats, length_quadrature(self._dimension))

    def positions(self, targets: np.ndarray, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Kernel.positions`."""
        seen = self._context(targets)
        values = joined(latents, seen, which)
        for coupling in reversed(self._couplings):
            coupling.inverse(values)
        shift, log_scale = self._shift_and_log_scale(seen)
        return self._rays.solve(
            values[: self._dimension], shift, np.exp(-log_scale), targets, which
        )

    def log_densities(
        self, targets: np.ndarray, which: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """See `Kernel.log_densities`."""
        directions, log_volumes = self._rays.volumes(positions, targets, which)
        seen = self._context(targets)
        shift, log_scale = self._shift_and_log_scale(seen)
        directions *= np.exp(log_scale)[:, which]
        log_det = log_scale.sum(0)[which]
        values = joined(directions.T, seen, which)
        on_sphere = np.empty((len(self._lengths), len(positions)), np.float32)
        for log_density, length, log_weight in zip(
            on_sphere, self._lengths, self._log_weights, strict=True
        ):
            values[: self._dimension] = length * directions + shift[:, which]
            log_density[:] = log_det + log_weight
            for coupling in self._couplings:
                coupling.forward(values, log_density)
            _add_normal(values[: self._dimension], log_density)
        return np.logaddexp.reduce(on_sphere) - log_volumes

    def _shift_and_log_scale(self, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the layer that reads the context (2, u) alone: (n, u) each."""
        parameters = self._scaling(seen)
        shift, scale = parameters.reshape(self._dimension, 2, -1).swapaxes(0, 1)
        return shift, scale / (1.0 + np.abs(scale) / LOG_SLOPE)


@compiled
def _add_normal(values: np.ndarray, log_density: np.ndarray) -> None:
    """Add to (m,) the log density of standard normal values (n, m)."""
    for row in range(len(values)):
        for i in range(values.shape[1]):
            log_density[i] -= np.float32(0.5) * values[row, i] * values[row, i]
    log_density -= np.float32(0.5 * math.log(2.0 * math.pi) * len(values))
