"""Layers of networks: (features, samples), float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.compilation import compiled

if TYPE_CHECKING:
    from ik_nn_ros.models.architectures import Tensors
    from ik_nn_ros.models.trained import TrainedModel

Weights = tuple[np.ndarray, ...]


class MLP:
    """Linear layers with ReLUs between them.

    Args:
        tensors: of a trained model.
        prefix: of the names of those that are meant.

    Attributes:
        weights, biases: of each linear layer, (out, in) and (out,).
    """

    def __init__(self, tensors: Tensors, prefix: str) -> None:
        start, end = f"{prefix}.", ".weight"
        places = [
            name.removeprefix(start).removesuffix(end)
            for name in tensors
            if name.startswith(start) and name.endswith(end)
        ]
        places.sort(key=int)
        self.weights: Weights = tuple(floats(tensors[f"{start}{i}.weight"]) for i in places)
        self.biases: Weights = tuple(floats(tensors[f"{start}{i}.bias"]) for i in places)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """(width_in, m) -> (width_out, m)."""
        return _tile_by_tile(inputs, self.weights, self.biases)


@compiled
def mlp(inputs: np.ndarray, weights: Weights, biases: Weights) -> np.ndarray:
    """See `MLP`; all at once."""
    for layer in range(len(weights) - 1):
        inputs = np.dot(weights[layer], inputs)
        for row in range(inputs.shape[0]):
            bias = biases[layer][row]
            for i in range(inputs.shape[1]):
                inputs[row, i] = max(inputs[row, i] + bias, np.float32(0.0))
    outputs = np.dot(weights[-1], inputs)
    for row in range(outputs.shape[0]):
        bias = biases[-1][row]
        for i in range(outputs.shape[1]):
            outputs[row, i] += bias
    return outputs


@compiled
def _tile_by_tile(inputs: np.ndarray, weights: Weights, biases: Weights) -> np.ndarray:
    outputs = np.empty((len(biases[-1]), inputs.shape[1]), np.float32)
    for start in range(0, inputs.shape[1], TILE):
        tile = mlp(inputs[:, start : start + TILE].copy(), weights, biases)
        for row in range(tile.shape[0]):
            for i in range(tile.shape[1]):
                outputs[row, start + i] = tile[row, i]
    return outputs


def floats(tensor: np.ndarray) -> np.ndarray:
    """A copy in float32, aligned, as machine code wants it."""
    return np.array(tensor, np.float32)


class Features:
    """What a network sees of targets; see `GenerativeNetwork.standardise`.

    Attributes:
        mean, std: (2,) of the features over the training targets.
    """

    def __init__(self, model: TrainedModel) -> None:
        self._arm, self._config = model.arm, model.config
        self.mean, self.std = (floats(model.tensors[f"target_{name}"]) for name in ("mean", "std"))

    def __call__(self, targets: np.ndarray) -> np.ndarray:
        """(u, 2) [m] -> (2, u)."""
        features = self._config.features(self._arm, targets.astype(np.float32))
        return np.ascontiguousarray(((features - self.mean) / self.std).T)


@compiled
def joined(samples: np.ndarray, seen: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Samples (m, n) above what is seen (2, u) of each one's target: (n + 2, m)."""
    m, n = samples.shape
    values = np.empty((n + 2, m), np.float32)
    for i in range(m):
        for j in range(n):
            values[j, i] = samples[i, j]
        for j in range(2):
            values[n + j, i] = seen[j, which[i]]
    return values
