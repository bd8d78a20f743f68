"""What a backend makes of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ik_nn_ros.arm.planar_arm import PlanarArm
    from ik_nn_ros.models.architectures import LatentArchitecture


REFERENCE = "torch"  # the backend that the others are compared with


class Decoded(NamedTuple):
    """What a network makes of latents.

    Attributes:
        positions: (b, n, dof) float64 [rad].
        position_errors: (b, n) float64 [m], see `PlanarArm.position_errors`.
    """

    positions: np.ndarray
    position_errors: np.ndarray


def chunks(num_targets: int, num_samples: int, size: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Cut a request of so many targets with so many samples each into at most ``size`` rows.

    Yields:
        Consecutive rows, and the place (m,) of each row's target.
    """
    total = num_targets * num_samples
    for start in range(0, total, size):
        rows = slice(start, min(start + size, total))
        yield rows, np.arange(rows.start, rows.stop) // num_samples


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

    def __init__(self, arm: PlanarArm, config: LatentArchitecture) -> None:
        self.arm = arm
        self.config = config
        self.latent_dim = config.latent_dim(arm)

    @abstractmethod
    def decode(self, targets: np.ndarray, latents: np.ndarray) -> Decoded:
        """Samples for targets (b, 2) [m] of float32 latents (b, n, latent_dim)."""

    @abstractmethod
    def log_densities(self, positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Decoded positions (b, n, dof) of targets (b, 2) -> (b, n) float64 [nats].

        Only where the configuration ``has_density``.
        """
