"""A cinn in NumPy: its flow in float32, its rays in float64."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.backends.array_layers import MLP, Context, as_array
from ik_nn_ros.backends.array_spline import LOG_SLOPE, SplineCoupling

if TYPE_CHECKING:
    from ik_nn_ros.models.cinn import CINN


class CINNKernel:
    """See `backends.arrays.Kernel`."""

    def __init__(self, network: CINN) -> None:
        scaling, *couplings = network.flow.transform.transforms
        self._context = Context(network)
        self._chart = network.chart
        self._scaling = MLP(scaling.hyper)
        self._couplings = [SplineCoupling(layer, network.config.bins) for layer in couplings]
        self._nodes = list(
            zip(as_array(network.lengths), as_array(network.log_weights), strict=True)
        )

    def positions(self, targets: np.ndarray, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Kernel.positions`."""
        seen = self._context(targets)
        context = seen[:, which]
        vectors = latents.T.copy()
        for coupling in reversed(self._couplings):
            coupling.inverse(vectors, context)
        shift, log_scale = self._shift_and_log_scale(seen)
        vectors -= shift[:, which]
        vectors *= np.exp(-log_scale)[:, which]
        directions = vectors.T.astype(np.float64)
        directions /= np.sqrt(np.square(directions).sum(1))[:, None]
        return self._chart.solve(directions, targets[which])

    def log_densities(
        self, targets: np.ndarray, which: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """See `Kernel.log_densities`."""
        seen = self._context(targets)
        context = seen[:, which]
        shift, log_scale = self._shift_and_log_scale(seen)
        log_det = log_scale.sum(0)[which]
        shift, scale = shift[:, which], np.exp(log_scale)[:, which]
        directions = self._chart.directions(positions).T.astype(np.float32)
        scaled = directions * scale
        on_sphere = np.full(len(positions), -np.inf, dtype=np.float32)
        for length, log_weight in self._nodes:
            vectors = length * scaled
            vectors += shift
            log_density = log_det + log_weight
            for coupling in self._couplings:
                log_density += coupling.forward(vectors, context)
            log_density -= 0.5 * (vectors * vectors + math.log(2.0 * math.pi)).sum(0)
            np.logaddexp(on_sphere, log_density, out=on_sphere)
        return on_sphere - self._chart.log_volume(positions, targets[which])

    def _shift_and_log_scale(self, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the layer that reads the context (2, u) alone: (n, u) each."""
        shift, scale = self._scaling(seen).reshape(self._chart.dimension, 2, -1).swapaxes(0, 1)
        return shift, scale / (1.0 + np.abs(scale) / LOG_SLOPE)
