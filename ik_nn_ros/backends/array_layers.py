"""Layers of networks in NumPy, features first: (features, samples), float32."""

from __future__ import annotations

import numpy as np
import torch


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


@torch.inference_mode()
def standardised(network: torch.nn.Module, targets: np.ndarray) -> np.ndarray:
    """What a network sees (2, u) of targets (u, 2) [m]."""
    seen = network.standardise(torch.from_numpy(targets))
    return np.ascontiguousarray(seen.float().numpy().T)
