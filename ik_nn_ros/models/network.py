"""What networks from a target and a latent to a configuration offer, in PyTorch."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.models.architectures import LatentArchitecture


class GenerativeNetwork(nn.Module, ABC):
    """A trainable map from a target and a normal latent to joint positions.

    The network sees its configuration's `features` of the target, standardised by their mean and
    deviation over the training targets, which `fit_target_scale` stores with the weights; angles
    are in units of the prior's deviation, `PlanarArm.joint_scale`.

    Attributes:
        arm: the arm that the network is built for.
        task: a position.
        config: what it is made of.
        latent_dim: width of the latent z ~ N(0, I).
    """

    def __init__(self, arm: PlanarArm, task: Task, config: LatentArchitecture) -> None:
        super().__init__()
        config.require_task(task)
        self.arm, self.task, self.config = arm, task, config
        self.latent_dim = config.latent_dim(arm)
        self.register_buffer("target_mean", torch.zeros(2))
        self.register_buffer("target_std", torch.ones(2))
        self.register_buffer("joint_scale", torch.tensor(arm.joint_scale), persistent=False)
        units = torch.tensor(arm.joint_units, dtype=torch.float32)
        self.register_buffer("joint_units", units, persistent=False)

    @property
    def num_parameters(self) -> int:
        """How many numbers training adjusts."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def fit_target_scale(self, targets: torch.Tensor) -> None:
        """Store mean and deviation of the features of the training targets (m, 2) [m]."""
        features = self.config.features(self.arm, targets)
        self.target_mean.copy_(features.mean(0))
        self.target_std.copy_(features.std(0))

    def standardise(self, targets: torch.Tensor) -> torch.Tensor:
        """Features of targets (b, 2) [m] in units of their deviation over the training targets."""
        features = self.config.features(self.arm, targets.to(self.target_mean.dtype))
        return (features - self.target_mean) / self.target_std

    @abstractmethod
    def decode(self, targets: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Joint positions (b, dof) [rad] of targets (b, 2) [m] and latents (b, latent_dim)."""

    def log_density(self, theta: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Log density (b,) [nats] of decoded configurations (b, dof) [rad] on targets (b, 2) [m].

        As in `Samples`; only where the configuration ``has_density``.
        """
        raise NotImplementedError(f"{self.config.kind} has no density")


def hidden_layers(width_in: int, width: int, count: int) -> list[nn.Module]:
    """``count`` linear layers of a width, each followed by a ReLU."""
    layers: list[nn.Module] = []
    for _ in range(count):
        layers += [nn.Linear(width_in, width), nn.ReLU()]
        width_in = width
    return layers
