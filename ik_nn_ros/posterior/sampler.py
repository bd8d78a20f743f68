"""What every sampler of posteriors offers, networks and the exact one alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSITION, Task
from ik_nn_ros.errors import InvalidRequestError

Seed = int | Sequence[int] | None


class LazyDensities:
    """Log densities that are computed when they are first asked for, or when they are pickled.

    Attributes:
        density: computes them; None where there are none.
    """

    density: Callable[[], np.ndarray] | None

    @cached_property
    def log_densities(self) -> np.ndarray | None:
        """(..., n) float64 [nats], the sampler's log density of each raw sample given its target.

        With respect to the surface measure delta(FK(theta) - target); None where it has none.
        """
        return None if self.density is None else self.density()

    def __getstate__(self) -> dict[str, object]:
        known = None if self.density is None else partial(np.asarray, self.log_densities)
        return self.__dict__ | {"density": known}


@dataclass(frozen=True)
class Samples(LazyDensities):
    """Joint positions for b targets as a sampler draws them, before any projection.

    Attributes:
        positions: (b, n, dof) float64 [rad], of a rail [m]; NaN where none could be had.
        position_errors: (b, n) float64 [m], see `PlanarArm.position_errors`.
        log_weights: (b, n) [nats], of the exact posterior; their exponentials' mean over all that
            was drawn is the evidence. None where the sampler has none.
        log_evidence: (b,) [nats, per m^2, of poses per m^2 rad]; None where it is not known.
        num_drawn: (b,) how many draws it took.
        density: computes `log_densities`; None where the sampler has no tractable density.
    """

    positions: np.ndarray
    position_errors: np.ndarray
    log_weights: np.ndarray | None = None
    log_evidence: np.ndarray | None = None
    num_drawn: np.ndarray | None = None
    density: Callable[[], np.ndarray] | None = None


class Sampler(ABC):
    """Draws joint positions for targets.

    Attributes:
        name: the model's name.
        arm: the arm it was made for.
        task: what its targets prescribe.
        backend: what evaluates its network, see `ik_nn_ros.backends`; "auto" where it has none.
        finite: whether its arm has but finitely many solutions, all of which a sample holds.
    """

    name: str
    arm: PlanarArm
    task: Task = POSITION
    backend: str = "auto"
    finite: bool = False

    @abstractmethod
    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> Samples:
        """Draw ``num_samples`` configurations for each of the targets (b, size)."""

    def weighted(self) -> Sampler:
        """This sampler's draws as they are, with their weights, instead of accepted ones.

        Raises:
            InvalidRequestError: it knows no weights.
        """
        raise InvalidRequestError("weighted", f"the samples of {self.name} have no weights")

    def accepted(self) -> Sampler:
        """Exact samples, accepted among this sampler's draws by their weights.

        Raises:
            InvalidRequestError: it knows no weights.
        """
        raise InvalidRequestError("exact", f"the samples of {self.name} have no weights")

    def sample_alike(self, targets: np.ndarray, num_samples: int, seed: Seed = None) -> Samples:
        """Draw for each of the targets (b, size) what `sample` draws for it alone with a seed.

        Without a seed the targets' samples are independent of one another.
        """
        return joined(
            [
                self.sample(target[None], num_samples, np.random.default_rng(seed))
                for target in targets
            ]
        )


def joined(parts: Sequence[Samples]) -> Samples:
    """The samples of all parts' targets, in their order."""
    if len(parts) == 1:
        return parts[0]

    def stacked(name: str) -> np.ndarray | None:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays)

    return Samples(
        positions=stacked("positions"),
        position_errors=stacked("position_errors"),
        log_weights=stacked("log_weights"),
        log_evidence=stacked("log_evidence"),
        num_drawn=stacked("num_drawn"),
        density=None if parts[0].density is None else (lambda: stacked("log_densities")),
    )
