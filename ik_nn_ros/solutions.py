"""The answer to one target."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.arguments import require_representatives
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.errors import MissingPackageError
from ik_nn_ros.posterior.evidence import is_known, log_evidence
from ik_nn_ros.posterior.sampler import LazyDensities

if TYPE_CHECKING:
    from ik_nn_ros.posterior.representatives import Representatives

LEAST_EFFECTIVE_SHARE = 0.1  # below it an answer does not represent the posterior


@dataclass(frozen=True)
class Solutions(LazyDensities):
    """Samples of the posterior for one target, best first.

    Refined samples all meet the tolerances, so the most probable under the arm's prior comes
    first; raw samples come in the order of their position errors; with a seed state the nearest
    to it comes first.

    >>> from ik_nn_ros import IKSolver
    >>> solver = IKSolver.exact(PlanarArm((0.4, 0.3, 0.25), prior_std=0.5))
    >>> solutions = solver.solve((0.6, 0.3), num_samples=1000, seed=1, weighted=True)
    >>> mean = solutions.weights @ solutions.positions  # of the posterior, (dof,) [rad]
    >>> len(solutions), mean.shape, solutions.effective_share > 0.9, solutions.off_distribution
    (1000, (3,), True, False)

    Attributes:
        arm: the arm solved for.
        task: what the target prescribes.
        target: (2,) x, y [m]; of a pose (3,), with the heading [rad].
        positions: (n, dof) float64 [rad], of a rail [m].
        position_errors: (n,) float64, distance of the TCP from the target [m].
        heading_errors: (n,) float64 [rad]; None where no heading is prescribed.
        num_rejected: draws that were thrown away on the way: not accepted by their weights, not
            converged, or beyond the joint limits.
        approximate_distance: how far `target` was moved to be reachable [m]; 0 if it was not.
        shortfall: why there are fewer solutions than were asked for; None where there are not.
        log_weights: (n,) [nats], see `weights`; None where the model has none.
        known_log_evidence: as the model's draws have it; None where they say nothing of it.
        density: computes `log_densities` (n,); None where the model has no density.
    """

    arm: PlanarArm
    task: Task
    target: np.ndarray
    positions: np.ndarray
    position_errors: np.ndarray
    heading_errors: np.ndarray | None
    num_rejected: int
    approximate_distance: float
    shortfall: str | None = None
    log_weights: np.ndarray | None = None
    known_log_evidence: float | None = None
    density: Callable[[], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def robot_values(self) -> np.ndarray:
        """(n, dof) the positions as the joint values of the robot that the arm is part of.

        What the robot is to be sent, see `Mount`; the positions themselves where it has no zeros
        and senses of its own.
        """
        return self.arm.mount.robot_values(self.positions)

    @cached_property
    def weights(self) -> np.ndarray | None:
        """(n,) float64, sum 1: a weighted mean estimates the exact posterior's expectation.

        All alike for samples that were accepted; None where the model knows none.
        """
        if self.log_weights is None:
            return None
        weights = np.exp(self.log_weights - self.log_weights.max())
        return weights / weights.sum()

    @cached_property
    def effective_share(self) -> float | None:
        """Effective sample size over n (Kish 1965): how well these samples stand for the posterior.

        1 / (n sum of the squared weights), measured on the answer itself: near 1 they are as good
        as exact samples; None where the model knows no weights.
        """
        if self.weights is None:
            return None
        share = 1.0 / (len(self) * float(self.weights @ self.weights))
        return min(share, 1.0)  # which rounding may exceed

    @cached_property
    def log_evidence(self) -> float:
        """Log p(target) under the arm's prior [nats, per m^2; of a pose per m^2 rad].

        From the model's own weights, or by the exact sampler when first asked for.
        """
        if self.known_log_evidence is not None:
            return self.known_log_evidence
        return log_evidence(self.arm, self.task, self.target)

    @cached_property
    def off_distribution(self) -> bool:
        """Whether the answer does not represent the posterior.

        Its effective share is below 0.1, or no draw met the target, and a search did; or, where the
        model knows no weights, the arm's prior hardly ever brings the TCP near the target, so that
        a network has not learned it: less than one target of a training set as large as the paper's
        is expected within 5 cm, or as much in proportion to the arm.
        """
        if self.effective_share is not None:
            return self.effective_share < LEAST_EFFECTIVE_SHARE
        if self.known_log_evidence == -math.inf:
            return True
        return not is_known(self.arm, self.task, self.target, self.log_evidence)

    def representatives(self, num_representatives: int) -> Representatives:
        """Solutions that stand for so many regions of the posterior, with each region's share.

        Fewer where fewer solutions differ, as at full reach.

        Raises:
            InvalidRequestError: less than one region, more than 100, or more than solutions.
            MissingPackageError: there is no scikit-learn on this machine.
        """
        num_representatives = require_representatives(num_representatives, len(self))
        # Here, because scikit-learn takes a second to import, and not every request needs it.
        try:
            from ik_nn_ros.posterior.representatives import representatives
        except ImportError as error:
            raise MissingPackageError(error) from error

        return representatives(self.arm, self.positions, num_representatives, self.weights)
