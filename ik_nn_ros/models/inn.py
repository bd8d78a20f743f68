"""The paper's invertible network (Ardizzone et al. 2018, arXiv 1808.04730) on FrEIA."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.models.architectures import INNConfig
from ik_nn_ros.models.network import GenerativeNetwork, hidden_layers
from ik_nn_ros.models.rim import log_rim_area


class Forward(NamedTuple):
    """What the forward pass makes of configurations.

    Attributes:
        latents: (b, dof - 2), standard normal once trained.
        targets: (b, 2), the predicted TCP's features in standardised units.
        log_det: (b,) log |d [z, y] / d theta| with y in metres and theta in radians [nats].
    """

    latents: torch.Tensor
    targets: torch.Tensor
    log_det: torch.Tensor


class INN(GenerativeNetwork):
    """A bijection theta <-> [z, y] without padding; run backwards it samples the posterior."""

    def __init__(self, arm: PlanarArm, task: Task, config: INNConfig) -> None:
        # Here, because FrEIA takes as long to import as PyTorch, and only an INN needs it.
        from FrEIA.framework import SequenceINN
        from FrEIA.modules import PermuteRandom, RNVPCouplingBlock

        super().__init__(arm, task, config)
        self.flow = SequenceINN(arm.dof, force_tuple_output=False)
        for index in range(config.coupling_layers):
            if index > 0:
                with _numpy_state_kept():
                    self.flow.append(PermuteRandom, seed=index)
            self.flow.append(
                RNVPCouplingBlock, subnet_constructor=_subnet(config), clamp=config.clamp
            )

    def encode(self, theta: torch.Tensor) -> Forward:
        """Run configurations (b, dof) [rad] forward."""
        outputs, log_det = self.flow(theta / self.joint_scale)
        latents, predicted = outputs[:, :-2], outputs[:, -2:]
        return Forward(latents, predicted, log_det + self.log_volume(predicted))

    def invert(self, latents: torch.Tensor, standardised_targets: torch.Tensor) -> torch.Tensor:
        """Run backwards: latents (b, dof - 2) and standardised targets (b, 2) -> theta [rad]."""
        outputs = torch.cat((latents, standardised_targets), dim=1)
        theta, _ = self.flow(outputs, rev=True)
        return theta * self.joint_scale

    def decode(self, targets: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        return self.invert(latents, self.standardise(targets))

    def log_density(self, theta: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        forward = self.encode(theta.to(self.target_mean.dtype))
        return forward.log_det - 0.5 * (forward.latents.square() + math.log(2.0 * math.pi)).sum(1)

    def log_volume(self, standardised: torch.Tensor) -> torch.Tensor:
        """Log volume (b,) of targets [m] and joints [rad] per volume of what the flow maps."""
        root = (standardised[:, 0] * self.target_std[0] + self.target_mean[0]).abs()
        scales = self.target_std.log().sum() - self.joint_scale.log().sum()
        return log_rim_area(self.arm, root) + scales


def _subnet(config: INNConfig) -> Callable[[int, int], nn.Module]:
    def construct(width_in: int, width_out: int) -> nn.Module:
        hidden = hidden_layers(width_in, config.neurons, config.subnet_layers - 1)
        width = config.neurons if hidden else width_in
        return nn.Sequential(*hidden, nn.Linear(width, width_out))

    return construct


@contextmanager
def _numpy_state_kept() -> Iterator[None]:
    """FrEIA's PermuteRandom reseeds NumPy's global generator; put it back afterwards."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)
