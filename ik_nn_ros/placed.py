"""Samples as they are answered, and what they aim at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ik_nn_ros.posterior.sampler import Samples


class Aims(NamedTuple):
    """Targets within the reach.

    Attributes:
        inside: (b, size) what is sampled and projected onto.
        asked: (b, size) from what errors are measured: the targets as they were given where these
            are but a tolerance out of reach, else the ones that approximate them. The same array as
            ``inside`` where nothing was moved.
    """

    inside: np.ndarray
    asked: np.ndarray

    def of(self, row: int) -> Aims:
        """One of them."""
        inside = self.inside[row : row + 1]
        return Aims(inside, inside if self.asked is self.inside else self.asked[row : row + 1])


class Placed(NamedTuple):
    """Samples of one target as they are answered.

    Attributes:
        samples: where they come from.
        row: of the target in these.
        positions: (m, dof) [rad].
        position_errors: (m,) [m].
        heading_errors: (m,) [rad], or None.
        keep: those that meet the tolerances and the joint limits.
    """

    samples: Samples
    row: int
    positions: np.ndarray
    position_errors: np.ndarray
    heading_errors: np.ndarray | None
    keep: np.ndarray

    @property
    def exhausted(self) -> bool:
        """Whether the sampler could not give as many samples as it was asked for."""
        return bool(np.isnan(self.positions[:, 0]).any())

    @property
    def log_weights(self) -> np.ndarray | None:
        log_weights = self.samples.log_weights
        return None if log_weights is None else log_weights[self.row]

    @property
    def log_evidence(self) -> float | None:
        log_evidence = self.samples.log_evidence
        return None if log_evidence is None else float(log_evidence[self.row])

    @property
    def num_drawn(self) -> int:
        drawn = self.samples.num_drawn
        return len(self.positions) if drawn is None else int(drawn[self.row])

    @property
    def has_density(self) -> bool:
        return self.samples.density is not None

    @property
    def log_densities(self) -> np.ndarray:
        return self.samples.log_densities[self.row]
