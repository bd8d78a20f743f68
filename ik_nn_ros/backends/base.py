"""What a backend makes of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ik_nn_ros.kinematics import PlanarArm
    from ik_nn_ros.models.architectures import Architecture


class Chunk(NamedTuple):
    """Consecutive rows of a request of b targets with n samples each, b * n rows in all.

    Attributes:
        rows: which.
        targets: (u, 2) [m], those of these rows.
        which: (m,) the place in ``targets`` of each row's.
    """

    rows: slice
    targets: np.ndarray
    which: np.ndarray


def chunks(targets: np.ndarray, num_samples: int, size: int) -> Iterator[Chunk]:
    """Cut a request of targets (b, 2) [m] into chunks of at most so many rows."""
    for start in range(0, len(targets) * num_samples, size):
        stop = min(start + size, len(targets) * num_samples)
        which = np.arange(start, stop) // num_samples
        first, last = which[0], which[-1]
        yield Chunk(slice(start, stop), targets[first : last + 1], which - first)


class Decoder(ABC):
    """A trained network, ready to be evaluated. Rows are independent of one another.

    Args:
        arm: the arm that the network was trained for.
        config: what the network is made of.

    Attributes:
        backend: the name of the backend that made it.
        arm, config: as given.
        latent_dim: width of a latent.
    """

    backend: str

    def __init__(self, arm: PlanarArm, config: Architecture) -> None:
        self.arm = arm
        self.config = config
        self.latent_dim = config.latent_dim(arm)

    @abstractmethod
    def positions(self, targets: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """Targets (b, 2) [m], float32 latents (b, n, latent_dim) -> (b, n, dof) float64 [rad]."""

    @abstractmethod
    def log_densities(self, positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Decoded positions (b, n, dof) of targets (b, 2) -> (b, n) float64 [nats].

        Only where the configuration ``has_density``.
        """
