"""Samplers of the chain's configurations, whose draws know their weights.

The joints are drawn one after the other by any conditionals, and the last ones close the chain, see
`ik_nn_ros.chain`. Accepting each draw with the probability of its weight over a bound makes exact
samples of them, of which none comes twice. The bound is the largest weight that was seen, but for a
thousandth of the mass: of all samples together so many at most are missing where a weight is above
it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from copy import copy
from typing import NamedTuple, Self

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import EDGE, Task
from ik_nn_ros.arrays import as_slice
from ik_nn_ros.chain.chain_array import CLOSING, INNER, OUTER, RAIL
from ik_nn_ros.posterior.sampler import Sampler, Samples, joined
from ik_nn_ros.threads import in_threads, num_threads, pieces

BEYOND = 1e-3  # of the mass of all draws, beyond the bound of their weights
LEAST_DRAWS = 128  # the largest weight of a few is a poor bound on all weights
FIRST_ACCEPTANCE = 0.95  # share of draws, as a guess
MOST_DRAWS = 200  # for each sample that is asked for ...
MOST_DRAWS_OF_FEW = 20_000  # ... or of all, if that is more
ROWS_AT_ONCE = 640  # draws of a thread
HEAD_START = 128  # draws of a thread until another has woken
INSIDE = 1e-12  # of the reach: so far inside such a target is moved
BESIDE = 4e-12  # of the reach: so far from the base one there is moved


class Draws(NamedTuple):
    """Configurations on one target, with their weights.

    Attributes:
        positions: (m, N) [rad], of a rail [m].
        log_weights: (m,) [nats]; the mean of the weights is the evidence. Minus infinite where a
            draw led nowhere.
        log_priors: (m,) log prior densities [nats].
        errors: (m,) distance of the TCP from the target [m].
    """

    positions: np.ndarray
    log_weights: np.ndarray
    log_priors: np.ndarray
    errors: np.ndarray

    @property
    def log_evidence(self) -> float:
        """Log of the weights' mean [nats]."""
        return _log_mean(self.log_weights)

    @classmethod
    def leading_nowhere(cls, num_draws: int, dof: int) -> Draws:
        """Memory for so many draws."""
        return cls(
            np.full((num_draws, dof), np.nan),
            np.full(num_draws, -np.inf),
            np.full(num_draws, -np.inf),
            np.full(num_draws, np.nan),
        )


DrawRows = Callable[[np.ndarray, Draws], None]
"""Draws by uniform numbers (m, F + 1), of F free joints and of the root, and writes to m rows."""


class WeightedSampler(Sampler):
    """Answers draws of the chain with their weights, or accepts exact samples among them.

    Args:
        arm: the arm.
        task: what its targets prescribe.
        chain: both as numbers, see `chain_array`.
        accepting: whether `sample` accepts.

    Attributes:
        chain: as given.
    """

    def __init__(self, arm: PlanarArm, task: Task, chain: np.ndarray, accepting: bool) -> None:
        self.arm, self.task = arm, task
        self.chain, self._accepting = chain, accepting

    @abstractmethod
    def _draw_rows(self, state: np.ndarray, carried: np.ndarray) -> DrawRows | None:
        """What draws configurations on one target; None where there are none.

        Args:
            state: (3,) what the first joint sees of the target: x, y [m], heading [rad].
            carried: (3,) the same before it was moved into the reach.
        """

    def draw(self, target: np.ndarray, num_draws: int, rng: np.random.Generator) -> Draws:
        """Weighted configurations on one target (size,), some of which may lead nowhere."""
        draws = Draws.leading_nowhere(num_draws, self.arm.dof)
        carried = self.carried(target[None])
        draw_rows = self._draw_rows(self.states(carried)[0], carried[0])
        uniforms = rng.random((num_draws, int(self.chain[0, CLOSING]) + 1))
        if draw_rows is None:
            return draws

        def work(rows: slice) -> None:
            draw_rows(uniforms[rows], Draws(*(array[rows] for array in draws)))

        # Others are worth waking where each saves more than what it takes them to wake.
        threads = min(num_threads(), max(num_draws // (2 * HEAD_START), 1))
        in_threads(work, pieces(num_draws, threads, ROWS_AT_ONCE, HEAD_START), threads)
        return draws

    def weighted(self) -> Self:
        """See `Sampler.weighted`; draws that lead nowhere are left out."""
        return self._with(accepting=False)

    def accepted(self) -> Self:
        """See `Sampler.accepted`."""
        return self._with(accepting=True)

    def _with(self, accepting: bool) -> Self:
        other = copy(self)
        other._accepting = accepting
        return other

    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> Samples:
        """See `Sampler.sample`; NaN where so many samples cannot be had."""
        return joined([self._sample(target, num_samples, rng) for target in targets])

    def _sample(self, target: np.ndarray, num_samples: int, rng: np.random.Generator) -> Samples:
        draws, kept = self._draw_enough(target, num_samples, rng)
        num_drawn = int(kept[-1]) + 1 if len(kept) == num_samples else len(draws.positions)
        kept = as_slice(kept)
        log_evidence, log_weights = draws.log_evidence, draws.log_weights[kept]
        if self._accepting:
            log_weights = np.full(len(log_weights), log_evidence)
        return self._samples(
            num_samples,
            draws.positions[kept],
            draws.errors[kept],
            log_weights,
            draws.log_priors[kept] - log_weights,
            log_evidence,
            num_drawn,
        )

    def _draw_enough(
        self, target: np.ndarray, num_samples: int, rng: np.random.Generator
    ) -> tuple[Draws, np.ndarray]:
        """Draws, and those of them to keep: fewer than asked for where the most draws are made."""
        most = max(MOST_DRAWS * num_samples, MOST_DRAWS_OF_FEW)
        count = num_samples
        if self._accepting:
            count = max(LEAST_DRAWS, math.ceil(num_samples / FIRST_ACCEPTANCE))
        rounds: list[Draws] = []
        uniforms = np.empty(0)
        while True:
            draws = self.draw(target, count, rng)
            rounds.append(draws)
            if len(rounds) > 1:
                draws = Draws(*map(np.concatenate, zip(*rounds, strict=True)))
            keep = draws.log_weights > -math.inf
            if self._accepting:
                uniforms = np.append(uniforms, rng.random(count))
                keep &= uniforms < _over_bound(draws.log_weights)
            kept, drawn = np.flatnonzero(keep), len(keep)
            hopeless = len(kept) == 0 and drawn >= MOST_DRAWS_OF_FEW
            if len(kept) >= num_samples or drawn >= most or hopeless:
                return draws, kept[:num_samples]
            share = max(len(kept), 1) / drawn
            wanted = LEAST_DRAWS + math.ceil((num_samples - len(kept)) / share)
            count = min(wanted, most - drawn)

    def _samples(
        self,
        num_samples: int,
        positions: np.ndarray,
        errors: np.ndarray,
        log_weights: np.ndarray,
        log_densities: np.ndarray,
        log_evidence: float,
        num_drawn: int,
    ) -> Samples:
        """Up to ``num_samples`` of one target, and NaN for the others."""
        missing = num_samples - len(positions)
        if missing > 0:
            positions = np.pad(positions, ((0, missing), (0, 0)), constant_values=np.nan)
            errors = np.pad(errors, (0, missing), constant_values=np.nan)
            log_weights = np.pad(log_weights, (0, missing), constant_values=-np.inf)
            log_densities = np.pad(log_densities, (0, missing), constant_values=np.nan)
        return Samples(
            positions=positions[None],
            position_errors=errors[None],
            log_weights=log_weights[None],
            log_evidence=np.array([log_evidence]),
            num_drawn=np.array([num_drawn]),
            density=lambda: log_densities[None],
        )

    def carried(self, targets: np.ndarray) -> np.ndarray:
        """Where what the chain carries is to be for targets (b, size): (b, 3).

        x, y [m] of TCP or wrist, heading [rad].
        """
        carried = np.zeros((len(targets), 3))
        carried[:, :2] = self.task.carried(self.arm, targets).points
        carried[:, 2 : targets.shape[1]] = targets[:, 2:]
        return carried

    def states(self, carried: np.ndarray) -> np.ndarray:
        """What the first joint sees of what is carried (b, 3): the same.

        Just inside the reach where it is at its end or rounded beyond it; beside the base where it
        is there, from which it has no bearing.
        """
        inner, outer = self.chain[0, [INNER, OUTER]]
        on_rail = self.chain[0, RAIL] > 0.0
        radial = slice(1 if on_rail else 2)
        distance = np.linalg.norm(carried[:, radial], axis=1)
        least = inner + INSIDE * outer if inner > 0.0 else BESIDE * outer
        least = 0.0 if on_rail else least
        inside = np.clip(distance, least, (1.0 - INSIDE) * outer)
        moved = (distance != inside) & (np.abs(inside - distance) <= EDGE * outer)
        if not moved.any():
            return carried
        states = carried.copy()
        at_base = moved & (distance == 0.0)
        states[at_base, 0] = distance[at_base] = 1.0  # any bearing will do
        states[moved, radial] *= (inside[moved] / distance[moved])[:, None]
        return states


def effective_shares(log_weights: np.ndarray) -> np.ndarray:
    """(sum w)^2 / (n sum w^2) of weights (..., n), whose logarithms are given: (...).

    0 where no draw leads anywhere.
    """
    largest = log_weights.max(-1, keepdims=True)
    weights = np.exp(log_weights - np.where(np.isfinite(largest), largest, 0.0))
    squares = log_weights.shape[-1] * np.square(weights).sum(-1)
    return np.square(weights.sum(-1)) / np.where(squares > 0.0, squares, 1.0)


def _over_bound(log_weights: np.ndarray) -> np.ndarray:
    """Weights (m,) over a bound, beyond which they have no more than `BEYOND` of the mass."""
    largest = log_weights.max()
    if largest == -math.inf:
        return np.zeros(len(log_weights))
    weights = np.exp(log_weights - largest)
    descending = np.sort(weights)[::-1]
    beyond = np.cumsum(descending) - np.arange(1, len(weights) + 1) * descending
    bound = descending[np.searchsorted(beyond, BEYOND * weights.sum(), side="right") - 1]
    return weights / bound


def _log_mean(log_values: np.ndarray) -> float:
    largest = log_values.max()
    if largest == -math.inf:
        return -math.inf
    return float(largest + np.log(np.exp(log_values - largest).mean()))
