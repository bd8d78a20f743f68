"""What every posterior sampler offers, networks and the exact one alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.kinematics import PlanarArm

CHUNK_SIZE = 65_536  # rows per network pass: bounds the memory of large requests


class RawSamples(NamedTuple):
    """Joint positions as a model draws them, before any projection.

    Attributes:
        positions: (b, n, dof) float64 [rad].
        log_densities: (b, n) float64 [nats], the model's own density of each sample given its
            target, with respect to the surface measure delta(FK(theta) - target); None where the
            model has no tractable density.
    """

    positions: np.ndarray
    log_densities: np.ndarray | None


class Sampler(ABC):
    """Draws joint positions for targets.

    Attributes:
        name: the model's name in the registry.
        arm: the arm it was made for.
    """

    name: str
    arm: PlanarArm

    @abstractmethod
    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> RawSamples:
        """Draw ``num_samples`` configurations for each of the targets (b, 2) [m]."""


class GenerativeNetwork(nn.Module, ABC):
    """A trainable map from a target and a normal latent to joint positions.

    The network sees `features` of the target, standardised by their mean and deviation over the
    training targets, which `fit_target_scale` stores with the weights; angles are in units of the
    prior's deviation.

    Attributes:
        kind: the model's name in the registry.
        arm: the arm that the network is built for.
        latent_dim: width of the latent z ~ N(0, I).
    """

    kind: str

    def __init__(self, arm: PlanarArm, latent_dim: int) -> None:
        super().__init__()
        self.arm = arm
        self.latent_dim = latent_dim
        self.register_buffer("target_mean", torch.zeros(2))
        self.register_buffer("target_std", torch.ones(2))
        self.register_buffer("joint_scale", torch.tensor(arm.prior_std), persistent=False)

    @property
    def num_parameters(self) -> int:
        """How many numbers training adjusts."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def fit_target_scale(self, targets: torch.Tensor) -> None:
        """Store mean and deviation of the features of the training targets (m, 2) [m]."""
        features = self.features(targets)
        self.target_mean.copy_(features.mean(0))
        self.target_std.copy_(features.std(0))

    def features(self, targets: torch.Tensor) -> torch.Tensor:
        """What the network sees (b, 2) of targets (b, 2) [m]; themselves unless overridden."""
        return targets

    def standardise(self, targets: torch.Tensor) -> torch.Tensor:
        """Features of targets (b, 2) [m] in units of their deviation over the training targets."""
        features = self.features(targets.to(self.target_mean.dtype))
        return (features - self.target_mean) / self.target_std

    @abstractmethod
    def decode(
        self, targets: torch.Tensor, latents: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Joint positions (b, dof) [rad] of targets (b, 2) [m] and latents (b, latent_dim).

        The second value is their log density (b,) [nats], as in `RawSamples`, or None.
        """


class NetworkSampler(Sampler):
    """Serves a trained network as a sampler; latents come from the caller's generator.

    Args:
        network: the network, with its trained weights.
        device: where it runs, as torch names it.

    Raises:
        InvalidRequestError: this machine has no such device.
    """

    def __init__(self, network: GenerativeNetwork, device: str = "cpu") -> None:
        require_device(device)
        self.name = network.kind
        self.arm = network.arm
        self.network = network.to(device).eval()
        self._device = device

    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> RawSamples:
        shape = (len(targets), num_samples)
        latents = rng.standard_normal((*shape, self.network.latent_dim), dtype=np.float32)
        latents = latents.reshape(-1, self.network.latent_dim)
        repeated = np.repeat(targets, num_samples, axis=0)
        positions, log_densities = self._decode_in_chunks(repeated, latents)
        if log_densities is not None:
            log_densities = log_densities.reshape(shape)
        return RawSamples(positions.reshape(*shape, self.arm.dof), log_densities)

    @torch.inference_mode()
    def _decode_in_chunks(
        self, targets: np.ndarray, latents: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        chunks = [
            self.network.decode(
                torch.from_numpy(targets[start : start + CHUNK_SIZE]).to(self._device),
                torch.from_numpy(latents[start : start + CHUNK_SIZE]).to(self._device),
            )
            for start in range(0, len(targets), CHUNK_SIZE)
        ]
        positions, log_densities = zip(*chunks, strict=True)
        has_density = log_densities[0] is not None
        return _to_numpy(positions), _to_numpy(log_densities) if has_density else None


def rim_coordinates(arm: PlanarArm, targets: torch.Tensor, min_slack: float) -> torch.Tensor:
    """sqrt(L - distance) and shift of targets (b, 2) [m], with L the full reach: (b, 2).

    Distance and shift are the base joint's coordinates. Near full reach all angles shrink with this
    root: in these coordinates the posterior varies smoothly up to the rim, where millimetres of the
    target decide about it. ``min_slack`` bounds L - distance [m] from below.
    """
    distance, shift = arm.base_joint.coordinates(targets)
    root = (arm.reach[1] - distance).clamp_min(min_slack).sqrt()
    return torch.stack((root, shift), dim=1)


def hidden_layers(width_in: int, width: int, count: int) -> list[nn.Module]:
    """``count`` linear layers of a width, each followed by a ReLU."""
    layers: list[nn.Module] = []
    for _ in range(count):
        layers += [nn.Linear(width_in, width), nn.ReLU()]
        width_in = width
    return layers


def require_device(device: str) -> None:
    """Raise InvalidRequestError unless torch can use a device, such as cpu or cuda:0, here."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):  # torch asserts that it was built with CUDA
        reason = f"must be a device of this machine, such as cpu, got '{device}'"
        raise InvalidRequestError("device", reason) from None


def require_positive_integers(config: object, *names: str) -> None:
    """Raise ValueError unless the named fields of a configuration are integers from 1 up."""
    for name in names:
        value = getattr(config, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")


def _to_numpy(chunks: tuple[torch.Tensor, ...]) -> np.ndarray:
    return torch.cat(chunks).double().cpu().numpy()
