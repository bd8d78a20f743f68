"""Layers of networks: (features, samples), float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.backends.kernels.compiler import compiled

if TYPE_CHECKING:
    import torch

    from ik_nn_ros.models.base import GenerativeNetwork

Weights = tuple[np.ndarray, ...]


class MLP:
    """Linear layers with ReLUs between them.

    Args:
        layers: the modules; those with a weight are the linear ones.

    Attributes:
        weights, biases: of each linear layer, (out, in) and (out,).
    """

    def __init__(self, layers: torch.nn.Sequential) -> None:
        linear = [layer for layer in layers if hasattr(layer, "weight")]
        self.weights: Weights = tuple(as_array(layer.weight) for layer in linear)
        self.biases: Weights = tuple(as_array(layer.bias) for layer in linear)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """(width_in, m) -> (width_out, m)."""
        return mlp(inputs, self.weights, self.biases)


@compiled
def mlp(inputs: np.ndarray, weights: Weights, biases: Weights) -> np.ndarray:
    """See `MLP`."""
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


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """A copy of a tensor, float32."""
    return tensor.detach().float().cpu().numpy().copy()


class Context:
    """What a network sees of targets; see `GenerativeNetwork.standardise`."""

    def __init__(self, network: GenerativeNetwork) -> None:
        self._features = network.features
        self._mean, self._std = as_array(network.target_mean), as_array(network.target_std)

    def __call__(self, targets: np.ndarray) -> np.ndarray:
        """(u, 2) [m] -> (2, u)."""
        features = self._features(targets.astype(np.float32))
        return np.ascontiguousarray(((features - self._mean) / self._std).T)


def joined(samples: np.ndarray, seen: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Samples (m, n) above what is seen (2, u) of each one's target: (n + 2, m)."""
    size = samples.shape[1]
    values = np.empty((size + 2, len(samples)), dtype=np.float32)
    values[:size] = samples.T
    values[size:] = seen[:, which]
    return values
