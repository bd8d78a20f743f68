"""The paper's conditional variational autoencoder (Sohn et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from ik_nn_ros.kinematics import PlanarArm
from ik_nn_ros.models.base import GenerativeNetwork, hidden_layers, require_positive_integers


@dataclass(frozen=True)
class CVAEConfig:
    """Table III of the paper.

    Attributes:
        layers: hidden layers of the encoder, and of the decoder.
        neurons: width of each.
    """

    layers: int
    neurons: int

    def __post_init__(self) -> None:
        require_positive_integers(self, "layers", "neurons")


class LatentGaussian(NamedTuple):
    """The encoder's q(z | theta, target): mean and log variance, (b, latent_dim) each."""

    mean: torch.Tensor
    log_variance: torch.Tensor


class CVAE(GenerativeNetwork):
    """Encoder q(z | theta, target) and decoder theta(z, target), with N - 2 latents."""

    kind = "cvae"

    def __init__(self, arm: PlanarArm, config: CVAEConfig) -> None:
        super().__init__(arm, latent_dim=arm.dof - 2)
        self.config = config
        self.encoder = nn.Sequential(*hidden_layers(arm.dof + 2, config.neurons, config.layers))
        self.latent_mean = nn.Linear(config.neurons, self.latent_dim)
        self.latent_log_variance = nn.Linear(config.neurons, self.latent_dim)
        self.decoder = nn.Sequential(
            *hidden_layers(self.latent_dim + 2, config.neurons, config.layers),
            nn.Linear(config.neurons, arm.dof),
        )

    def encode(self, theta: torch.Tensor, targets: torch.Tensor) -> LatentGaussian:
        """q(z | theta, target) of configurations (b, dof) [rad] and targets (b, 2) [m]."""
        inputs = torch.cat((theta / self.joint_scale, self.standardise(targets)), dim=1)
        features = self.encoder(inputs)
        return LatentGaussian(self.latent_mean(features), self.latent_log_variance(features))

    def decode(self, targets: torch.Tensor, latents: torch.Tensor) -> tuple[torch.Tensor, None]:
        inputs = torch.cat((latents, self.standardise(targets)), dim=1)
        return self.decoder(inputs) * self.joint_scale, None
