"""A network of the posterior's conditionals, joint by joint.

Given what remains of the target, see `ik_nn_ros.chain`, each free joint has a small network of its
own that says the quantile function of its angle; the last joints close the chain exactly. So every
sample is on the target, and its density is known.
"""

from __future__ import annotations

import torch
from torch import nn

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.models.architectures import CINNConfig

FIRST_SCALE = 1.5**0.5  # of weights, over the root of how many inputs they sum
LEAST_DEVIATION = 1e-3  # of a feature: one that hardly varies is not magnified
ALL_JOINTS = slice(None)
LAST_SCALE = 0.02  # of the last layer's weights: a network begins with nearly even densities


class CINN(nn.Module):
    """The networks of all free joints, evaluated together.

    Args:
        arm: the arm.
        task: what its targets prescribe.
        config: what the networks are made of.

    Attributes:
        arm, task, config: as given.
    """

    def __init__(self, arm: PlanarArm, task: Task, config: CINNConfig) -> None:
        super().__init__()
        self.arm, self.task, self.config = arm, task, config
        shapes = config.shapes(arm, task)
        self.register_buffer("mean", torch.zeros(shapes["mean"]))
        self.register_buffer("std", torch.ones(shapes["std"]))
        layers = range(config.hidden_layers + 1)
        weights = [torch.randn(shapes[f"weights.{layer}"]) for layer in layers]
        for one in weights[:-1]:
            one *= FIRST_SCALE / one.shape[1] ** 0.5
        weights[-1] *= LAST_SCALE
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList(torch.zeros(shapes[f"biases.{layer}"]) for layer in layers)

    @property
    def num_parameters(self) -> int:
        """How many numbers training adjusts."""
        return sum(p.numel() for p in self.parameters())

    @property
    def hidden_weights(self) -> list[nn.Parameter]:
        """(F, inputs, outputs) each: the weights of all layers but the last."""
        return list(self.weights[:-1])

    def fit_scale(self, features: torch.Tensor) -> None:
        """Store mean and deviation of features (F, m, f) of the free joints' states."""
        self.mean.copy_(features.mean(1))
        deviations = features.std(1)
        self.std.copy_(torch.where(deviations > LEAST_DEVIATION, deviations, 1.0))

    def forward(self, features: torch.Tensor, joints: slice = ALL_JOINTS) -> torch.Tensor:
        """Features (j, m, f) of states of some free joints -> what their networks say: (j, m, o).

        Of each state: log masses of its slots, up to a constant; then for each slot the logs of its
        quantile function's rises from knot to knot, beside an even density's, and of its rates.
        """
        bound = self.config.most_deviations
        mean, std = self.mean[joints, None], self.std[joints, None]
        values = ((features - mean) / std).clamp(-bound, bound)
        last = len(self.weights) - 1
        for layer, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = torch.baddbmm(biases[joints, None], values, weights[joints])
            if layer < last:
                values = nn.functional.silu(values)
        return values
