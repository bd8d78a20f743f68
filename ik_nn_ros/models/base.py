"""What every posterior sampler offers, networks and the exact one alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import nn

from ik_nn_ros.arrays import Array, namespace
from ik_nn_ros.backends import AUTO
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.kinematics import PlanarArm


@dataclass(frozen=True)
class RawSamples:
    """Joint positions as a model draws them, before any projection.

    Attributes:
        positions: (b, n, dof) float64 [rad].
        density: computes `log_densities`; None where the model has no tractable density.
    """

    positions: np.ndarray
    density: Callable[[], np.ndarray] | None = None

    @cached_property
    def log_densities(self) -> np.ndarray | None:
        """(b, n) float64 [nats], computed when first asked for.

        The model's own density of each sample given its target, with respect to the surface measure
        delta(FK(theta) - target); None where the model has none.
        """
        return None if self.density is None else self.density()


class Sampler(ABC):
    """Draws joint positions for targets.

    Attributes:
        name: the model's name in the registry.
        arm: the arm it was made for.
        backend: what evaluates its network, see `ik_nn_ros.backends`; "auto" where it has none.
    """

    name: str
    arm: PlanarArm
    backend: str = AUTO

    @abstractmethod
    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> RawSamples:
        """Draw ``num_samples`` configurations for each of the targets (b, 2) [m]."""

    def sample_alike(
        self, targets: np.ndarray, num_samples: int, seed: int | None = None
    ) -> RawSamples:
        """Draw for each of the targets (b, 2) [m] what `sample` draws for it alone with a seed.

        Without a seed the targets' samples are independent of one another.
        """
        each = [
            self.sample(target[None], num_samples, np.random.default_rng(seed))
            for target in targets
        ]
        has_density = all(samples.density is not None for samples in each)
        return RawSamples(
            np.concatenate([samples.positions for samples in each]),
            (lambda: np.concatenate([samples.log_densities for samples in each]))
            if has_density
            else None,
        )


class GenerativeNetwork(nn.Module, ABC):
    """A trainable map from a target and a normal latent to joint positions.

    The network sees `features` of the target, standardised by their mean and deviation over the
    training targets, which `fit_target_scale` stores with the weights; angles are in units of the
    prior's deviation.

    Attributes:
        kind: the model's name in the registry.
        has_density: whether there is a `log_density`.
        arm: the arm that the network is built for.
        latent_dim: width of the latent z ~ N(0, I).
    """

    kind: str
    has_density = False

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

    def features(self, targets: Array) -> Array:
        """What the network sees (b, 2) of targets (b, 2) [m]; themselves unless overridden.

        Arrays and tensors alike.
        """
        return targets

    def standardise(self, targets: torch.Tensor) -> torch.Tensor:
        """Features of targets (b, 2) [m] in units of their deviation over the training targets."""
        features = self.features(targets.to(self.target_mean.dtype))
        return (features - self.target_mean) / self.target_std

    @abstractmethod
    def decode(self, targets: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Joint positions (b, dof) [rad] of targets (b, 2) [m] and latents (b, latent_dim)."""

    def log_density(self, theta: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Log density (b,) [nats] of decoded configurations (b, dof) [rad] on targets (b, 2) [m].

        As in `RawSamples`; only where ``has_density``.
        """
        raise NotImplementedError(f"{self.kind} has no density")


def rim_coordinates(arm: PlanarArm, targets: Array, min_slack: float) -> Array:
    """sqrt(L - distance) and shift of targets (b, 2) [m], with L the full reach: (b, 2).

    Distance and shift are the base joint's coordinates. Near full reach all angles shrink with this
    root: in these coordinates the posterior varies smoothly up to the rim, where millimetres of the
    target decide about it. ``min_slack`` bounds L - distance [m] from below.
    """
    distance, shift = arm.base_joint.coordinates(targets)
    xp = namespace(targets)
    root = xp.sqrt(xp.clip(arm.reach[1] - distance, min_slack, None))
    return xp.stack((root, shift), -1)


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
