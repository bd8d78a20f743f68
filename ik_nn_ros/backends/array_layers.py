"""Layers of networks in NumPy, features first: (features, samples), float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from ik_nn_ros.models.base import GenerativeNetwork


class MLP:
    """Linear layers with ReLUs between them.

    Args:
        layers: the modules; those with a weight are the linear ones.
    """

    def __init__(self, layers: torch.nn.Sequential) -> None:
        linear = [layer for layer in layers if hasattr(layer, "weight")]
        self.weights = [as_array(layer.weight) for layer in linear]
        self.biases = [as_array(layer.bias)[:, None] for layer in linear]

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """(width_in, m) -> (width_out, m)."""
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for weight, bias in hidden:
            inputs = weight @ inputs
            inputs += bias
            np.maximum(inputs, 0.0, out=inputs)
        outputs = last[0] @ inputs
        outputs += last[1]
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
