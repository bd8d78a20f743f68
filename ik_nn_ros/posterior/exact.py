"""The exact posterior of any arm and task: the reference, and a model like the others.

The joints are drawn one after the other by their conditionals, as far as tables know them, and the
last ones close the chain, see `ik_nn_ros.chain`. Draws come with the weights that make them exact;
`ExactPosterior.sample` accepts each with the probability of its weight over a bound, so that no
configuration comes twice. The bound is the largest weight that was seen, but for a thousandth of
the mass: of all samples together so many at most are missing where a weight is above it.
"""

from __future__ import annotations

import math
from copy import copy
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import EDGE, Task, task_named
from ik_nn_ros.chain.chain_array import CLOSING, INNER, OUTER, RAIL, chain_array
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.posterior import EXACT
from ik_nn_ros.posterior.building import bend, empty_tables, fill, widen
from ik_nn_ros.posterior.conditional import find_conditional, new_conditional
from ik_nn_ros.posterior.draws import draw
from ik_nn_ros.posterior.finite import all_solutions
from ik_nn_ros.posterior.sampler import Sampler, Samples, joined
from ik_nn_ros.posterior.tables import DISTANCES, Tables
from ik_nn_ros.threads import in_threads, num_threads

BEYOND = 1e-3  # of the mass of all draws, beyond the bound of their weights
LEAST_DRAWS = 128  # the largest weight of a few is a poor bound on all weights
FIRST_ACCEPTANCE = 0.9  # share of draws, as a guess
MOST_DRAWS = 200  # for each sample that is asked for ...
MOST_DRAWS_OF_FEW = 20_000  # ... or of all, if that is more
EVIDENCE_DRAWS = 256
SEARCH_PARTS = 32  # of the first joint's range, where its angles are few
ROWS_AT_ONCE = 256  # draws of a thread
INSIDE = 1e-12  # of the reach: so far inside such a target is moved


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


class ExactPosterior(Sampler):
    """Samples the posterior itself.

    Its tables are made here, once for each arm and task of a process; threads share them.

    >>> arm = PlanarArm((0.4, 0.3, 0.25), prior_std=0.5, joint_limits=[(-2.5, 2.5)] * 3)
    >>> sampler = ExactPosterior(arm)
    >>> samples = sampler.sample(np.array([[0.6, 0.3]]), 100, np.random.default_rng(1))
    >>> samples.positions.shape, bool(samples.position_errors.max() < 1e-12)
    ((1, 100, 3), True)

    Args:
        arm: the arm.
        task: "position" or "pose", or the task itself.

    Raises:
        InvalidRequestError: no such task, or a pose of an arm with fewer than three joints.
    """

    name = EXACT

    def __init__(self, arm: PlanarArm, task: str | Task = "position") -> None:
        self.arm = arm
        self.task = task if isinstance(task, Task) else task_named(task)
        if arm.dof < self.task.closing_joints:
            raise InvalidRequestError(
                "task", f"a {self.task.name} takes {self.task.closing_joints} joints or more"
            )
        self._accepting = True
        with _building:
            self._chain, self._tables = _chain_and_tables(arm, self.task)
        self.finite = self._chain[0, CLOSING] == 0.0

    @property
    def tables_bytes(self) -> int:
        """Memory of the tables."""
        return sum(table.nbytes for table in self._tables)

    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> Samples:
        """See `Sampler.sample`; NaN where so many samples cannot be had.

        Where there are finitely many solutions each of them comes once, with its weight.
        """
        return joined([self._sample(target, num_samples, rng) for target in targets])

    def weighted(self) -> Sampler:
        """See `Sampler.weighted`; draws that lead nowhere are left out."""
        other = copy(self)
        other._accepting = False
        return other

    def draw(self, target: np.ndarray, num_draws: int, rng: np.random.Generator) -> Draws:
        """Weighted configurations on one target (size,), some of which may lead nowhere."""
        free = int(self._chain[0, CLOSING])
        draws = Draws(
            np.full((num_draws, self.arm.dof), np.nan),
            np.full(num_draws, -np.inf),
            np.full(num_draws, -np.inf),
            np.full(num_draws, np.nan),
        )
        carried = self._carried(target)
        state = self._within_reach(carried)
        first = new_conditional()
        uniforms = rng.random((num_draws, free + 1))
        if free > 0 and not self._find_first(state, first):
            return draws

        def work(rows: slice) -> None:
            output = (array[rows] for array in draws)
            own, found = first.copy(), new_conditional()
            draw(self._chain, *self._tables, state, carried, own, found, uniforms[rows], *output)

        pieces = [slice(at, at + ROWS_AT_ONCE) for at in range(0, num_draws, ROWS_AT_ONCE)]
        in_threads(work, pieces, min(num_threads(), len(pieces)))
        return draws

    def _find_first(self, state: np.ndarray, first: np.ndarray) -> bool:
        """Write the first joint's conditional to ``first``, if that joint may stand anywhere."""
        grid, values, _ = self._tables
        return any(
            find_conditional(self._chain, grid, values, 0, *state, first, parts) > -math.inf
            for parts in (1, SEARCH_PARTS)
        )

    def log_evidence(self, targets: np.ndarray) -> np.ndarray:
        """Log density of the prior's TCPs at targets (b, size) [nats, per m^2 (rad)]: (b,).

        The same target gives the same value; its standard error is below 0.1 nats wherever the
        draws represent the posterior.
        """
        return np.array(
            [
                self.draw(one, EVIDENCE_DRAWS, np.random.default_rng(0)).log_evidence
                for one in targets
            ]
        )

    def _sample(self, target: np.ndarray, num_samples: int, rng: np.random.Generator) -> Samples:
        if self.finite:
            return self._finite(target, num_samples, rng)
        draws, kept = self._draw_enough(target, num_samples, rng)
        log_evidence, log_weights = draws.log_evidence, draws.log_weights[kept]
        if self._accepting:
            log_weights = np.full(len(kept), log_evidence)
        return self._samples(
            num_samples,
            draws.positions[kept],
            draws.errors[kept],
            log_weights,
            draws.log_priors[kept] - log_weights,
            log_evidence,
            int(kept[-1]) + 1 if len(kept) == num_samples else len(draws.positions),
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

    def _finite(self, target: np.ndarray, num_samples: int, rng: np.random.Generator) -> Samples:
        positions, log_masses, log_volume = all_solutions(
            self.arm, self._chain, self._within_reach(self._carried(target))
        )
        log_evidence = float(np.logaddexp.reduce(log_masses, initial=-np.inf))
        if len(positions) > num_samples:
            # The largest log mass + Gumbel noise are draws without replacement by the masses.
            scores = log_masses + rng.gumbel(size=len(log_masses))
            chosen = np.argsort(-scores)[:num_samples]
            positions, log_masses = positions[chosen], log_masses[chosen]
        return self._samples(
            num_samples,
            positions,
            self.task.position_errors(self.arm, positions, target[None]),
            log_masses,
            log_masses + log_volume - log_evidence,
            log_evidence,
            len(positions),
        )

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

    def _carried(self, target: np.ndarray) -> np.ndarray:
        """Where what the chain carries is to be: x, y [m] of TCP or wrist, heading [rad]."""
        point = self.task.carried(self.arm, target).points
        return np.array((*point, *target[2:], 0.0)[:3])

    def _within_reach(self, carried: np.ndarray) -> np.ndarray:
        """The same, or just inside the reach where it is at its end or rounded beyond it."""
        x, y, heading = carried
        inner, outer = self._chain[0, [INNER, OUTER]]
        distance = abs(x) if self._chain[0, RAIL] > 0.0 else math.hypot(x, y)
        least = inner + INSIDE * outer if inner > 0.0 else 0.0
        inside = min(max(distance, least), (1.0 - INSIDE) * outer)
        if distance == inside or abs(inside - distance) > EDGE * outer:
            return carried
        scale = inside / distance
        return np.array((x * scale, y if self._chain[0, RAIL] > 0.0 else y * scale, heading))


_building = Lock()


@lru_cache(maxsize=8)
def _chain_and_tables(arm: PlanarArm, task: Task) -> tuple[np.ndarray, Tables]:
    """The chain of an arm and a task, and its tables, from the last free joint to the second."""
    chain = chain_array(arm, task)
    tables = empty_tables(chain, np.array([joint.is_circle for joint in arm.joints]))
    for joint in range(int(chain[0, CLOSING]) - 1, 0, -1):

        def work(row: int, joint: int = joint) -> None:
            fill(chain, *tables, joint, row, new_conditional())

        in_threads(work, range(tables.grid[joint, DISTANCES]), num_threads())
        widen(chain, tables, joint)
        bend(chain, tables, joint)
    return chain, tables


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
