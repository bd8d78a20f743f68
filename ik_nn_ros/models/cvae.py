"""The paper's conditional variational autoencoder (Sohn et al. 2015)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.models.angles import ANGLE_REPRESENTATIONS
from ik_nn_ros.models.architectures import CVAEConfig
from ik_nn_ros.models.network import GenerativeNetwork, hidden_layers


class LatentGaussian(NamedTuple):
    """The encoder's q(z | theta, target): mean and log variance, (b, latent_dim) each."""

    mean: torch.Tensor
    log_variance: torch.Tensor


class CVAE(GenerativeNetwork):
    """Encoder q(z | theta, target) and decoder theta(z, target), with N - 2 latents."""

    def __init__(self, arm: PlanarArm, task: Task, config: CVAEConfig) -> None:
        super().__init__(arm, task, config)
        self.angles = ANGLE_REPRESENTATIONS[config.angles]
        width = self.angles.width_per_joint * arm.dof
        self.encoder = nn.Sequential(*hidden_layers(width + 2, config.neurons, config.layers))
        self.latent_mean = nn.Linear(config.neurons, self.latent_dim)
        self.latent_log_variance = nn.Linear(config.neurons, self.latent_dim)
        self.decoder = nn.Sequential(
            *hidden_layers(self.latent_dim + 2, config.neurons, config.layers),
            nn.Linear(config.neurons, width),
        )

    def encode(self, theta: torch.Tensor, targets: torch.Tensor) -> LatentGaussian:
        """q(z | theta, target) of configurations (b, dof) [rad] and targets (b, 2) [m]."""
        angles = self.angles.read(theta, self.joint_scale)
        features = self.encoder(torch.cat((angles, self.standardise(targets)), dim=1))
        return LatentGaussian(self.latent_mean(features), self.latent_log_variance(features))

    def decode(self, targets: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        return self.angles.write(self._decoder_output(targets, latents), self.joint_scale)

    def reconstruction_error(
        self, theta: torch.Tensor, targets: torch.Tensor, latents: torch.Tensor
    ) -> torch.Tensor:
        """What the decoder misses of configurations (b, dof), per entry of its output.

        In the joints' units, see `PlanarArm.joint_units`.
        """
        output = self._decoder_output(targets, latents)
        error = self.angles.error(output, theta, self.joint_scale)
        return error / self.joint_units if self.arm.base == "rail" else error

    def _decoder_output(self, targets: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        return self.decoder(torch.cat((latents, self.standardise(targets)), dim=1))
