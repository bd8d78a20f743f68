"""A cinn: its flow in float32, its rays in float64."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ik_nn_ros.backends.kernels.arithmetic import TILE
from ik_nn_ros.backends.kernels.layers import MLP, Features, floats, joined
from ik_nn_ros.backends.kernels.rays import Rays, RayTargets
from ik_nn_ros.backends.kernels.spline import LOG_SLOPE, SplineCoupling, forward, inverse
from ik_nn_ros.compilation import compiled
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
        self._features = Features(model)
        self._rays = Rays(RayChart(model.arm, np.array(tensors["to_joints"], np.float64)))
        self._scaling = MLP(tensors, f"{scaling}.hyper")
        self._couplings = tuple(
            SplineCoupling.of(tensors, layer, config.bins) for layer in couplings
        )
        self._quadrature = tuple(map(floats, length_quadrature(config.latent_dim(model.arm))))

    def context(self, targets: np.ndarray) -> _Context:
        """See `Kernel.context`."""
        seen = self._features(targets)
        shift, scale = self._scaling(seen).reshape(-1, 2, len(targets)).swapaxes(0, 1)
        log_scale = scale / (1.0 + np.abs(scale) / LOG_SLOPE)
        return _Context(
            _FlowContext(seen, shift.copy(), np.exp(log_scale), log_scale.sum(0)),
            self._rays.targets(targets),
        )

    def positions(self, context: _Context, which: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """See `Kernel.positions`."""
        vectors = _vectors(latents, context.flow, which, self._couplings)
        return self._rays.solve(vectors, context.rays, which)

    def log_densities(
        self, context: _Context, which: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """See `Kernel.log_densities`."""
        directions, log_volumes = self._rays.volumes(positions, context.rays, which)
        on_sphere = _log_densities(
            directions, context.flow, which, self._couplings, *self._quadrature
        )
        return np.logaddexp.reduce(on_sphere) - log_volumes


class _Context(NamedTuple):
    """What a cinn knows of targets."""

    flow: _FlowContext
    rays: RayTargets


class _FlowContext(NamedTuple):
    """What its flow knows of u targets.

    Attributes:
        seen: (2, u) the features that networks see.
        shift, scale: (n, u) of the layer that reads nothing else.
        log_det: (u,) of that layer.
    """

    seen: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    log_det: np.ndarray


@compiled
def _vectors(
    latents: np.ndarray,
    context: _FlowContext,
    which: np.ndarray,
    couplings: tuple[SplineCoupling, ...],
) -> np.ndarray:
    """(n, m) of latents (m, n)."""
    m, n = latents.shape
    vectors = np.empty((n, m), np.float32)
    for start in range(0, m, TILE):
        of = which[start : start + TILE]
        tile = joined(latents[start : start + TILE], context.seen, of)
        for layer in range(len(couplings) - 1, -1, -1):
            inverse(tile, couplings[layer])
        for j in range(n):
            for i in range(len(of)):
                moved = tile[j, i] - context.shift[j, of[i]]
                vectors[j, start + i] = moved / context.scale[j, of[i]]
    return vectors


@compiled
def _log_densities(
    directions: np.ndarray,
    context: _FlowContext,
    which: np.ndarray,
    couplings: tuple[SplineCoupling, ...],
    lengths: np.ndarray,
    log_weights: np.ndarray,
) -> np.ndarray:
    """(k, m) [nats] that directions (m, n) have by each of k lengths; see `models.lengths`."""
    m, n = directions.shape
    log_densities = np.empty((len(lengths), m), np.float32)
    for start in range(0, m, TILE):
        of = which[start : start + TILE]
        for k in range(len(lengths)):
            tile = joined(directions[start : start + TILE], context.seen, of)
            log_density = log_densities[k, start : start + TILE]
            for i in range(len(of)):
                log_density[i] = log_weights[k] + context.log_det[of[i]]
                for j in range(n):
                    scale = lengths[k] * context.scale[j, of[i]]
                    tile[j, i] = scale * tile[j, i] + context.shift[j, of[i]]
            for layer in range(len(couplings)):
                forward(tile, log_density, couplings[layer])
            _add_normal(tile[:n], log_density)
    return log_densities


@compiled
def _add_normal(values: np.ndarray, log_density: np.ndarray) -> None:
    """Add to (m,) the log density of standard normal values (n, m)."""
    for row in range(len(values)):
        for i in range(values.shape[1]):
            log_density[i] -= np.float32(0.5) * values[row, i] * values[row, i]
    log_density -= np.float32(0.5 * math.log(2.0 * math.pi) * len(values))
