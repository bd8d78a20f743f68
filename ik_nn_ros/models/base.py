"""What every posterior sampler offers, networks and the exact one alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.backends import AUTO


@dataclass(frozen=True)
class RawSamples:
    """Joint positions as a model draws them, before any projection.

    Attributes:
        positions: (b, n, dof) float64 [rad].
        position_errors: (b, n) float64 [m], see `PlanarArm.position_errors`.
        density: computes `log_densities`; None where the model has no tractable density.
    """

    positions: np.ndarray
    position_errors: np.ndarray
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
            np.concatenate([samples.position_errors for samples in each]),
            (lambda: np.concatenate([samples.log_densities for samples in each]))
            if has_density
            else None,
        )
