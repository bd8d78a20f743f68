"""The exact posterior of any arm and task: the reference, and a model like the others.

The joints are drawn by their conditionals, as far as tables know them; weights make up for what the
tables miss, see `WeightedSampler`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task, task_named
from ik_nn_ros.chain.chain_array import CLOSING, PIECEWISE, chain_array
from ik_nn_ros.chain.tile import new_tile
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.posterior import EXACT
from ik_nn_ros.posterior.building import bend, empty_tables, fill, widen
from ik_nn_ros.posterior.careful import find_first, new_search
from ik_nn_ros.posterior.conditional import find_conditional, new_conditional
from ik_nn_ros.posterior.draws import draw
from ik_nn_ros.posterior.finite import all_solutions
from ik_nn_ros.posterior.pieces import find_pieces, new_pieces
from ik_nn_ros.posterior.sampler import Samples
from ik_nn_ros.posterior.tables import DISTANCES, Tables
from ik_nn_ros.posterior.weighted import DrawRows, Draws, WeightedSampler, effective_shares
from ik_nn_ros.threads import in_threads, num_threads

EVIDENCE_DRAWS = 256
TRIED = 128  # draws by tables, to see whether these will do where limits cut their cells
LEAST_SHARE = 0.5  # effective share of these draws, from which the tables will do
SEARCH_PARTS = 32  # of the first joint's range, where its angles are few


class ExactPosterior(WeightedSampler):
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

    Attributes:
        tables: of the joints' conditionals.

    Raises:
        InvalidRequestError: no such task, or a pose of an arm with fewer than three joints.
    """

    name = EXACT

    def __init__(self, arm: PlanarArm, task: str | Task = "position") -> None:
        task = task_named(task)
        if arm.dof < task.closing_joints:
            raise InvalidRequestError(
                "task", f"a {task.name} takes {task.closing_joints} joints or more"
            )
        with _building:
            chain, self.tables = _chain_and_tables(arm, task)
        super().__init__(arm, task, chain, accepting=True)
        self.finite = chain[0, CLOSING] == 0.0
        limited = any(joint.limits is not None for joint in arm.joints)
        self._limited = limited and chain[0, CLOSING] > 1.0

    @property
    def tables_bytes(self) -> int:
        """Memory of the tables."""
        return sum(table.nbytes for table in self.tables)

    def warm_up(self) -> None:
        """Run all machine code once, so that no request waits until it is compiled."""
        rng = np.random.default_rng(0)
        targets = self.task.forward(self.arm, self.arm.sample_prior(1, rng))
        self.sample(targets, 1, rng)
        if self._limited:
            self._find_first_carefully(self.states(self.carried(targets))[0])

    def _draw_rows(self, state: np.ndarray, carried: np.ndarray) -> DrawRows | None:
        by_tables = self._rows_by(self._find_first(state), False, state, carried)
        if not self._limited:
            return by_tables
        if by_tables is not None:
            tried = Draws.leading_nowhere(TRIED, self.arm.dof)
            free = int(self.chain[0, CLOSING])
            by_tables(np.random.default_rng(0).random((TRIED, free + 1)), tried)
            if effective_shares(tried.log_weights) >= LEAST_SHARE:
                return by_tables
        return self._rows_by(self._find_first_carefully(state), True, state, carried)

    def _rows_by(
        self, first: np.ndarray | None, careful: bool, state: np.ndarray, carried: np.ndarray
    ) -> DrawRows | None:
        """What draws by the first joint's conditional, if that joint may stand anywhere."""
        if first is None:
            return None

        def draw_rows(uniforms: np.ndarray, out: Draws) -> None:
            scratch = (
                first.copy(),
                new_conditional(),
                new_pieces(self.chain),
                new_tile(self.arm.dof),
            )
            draw(self.chain, *self.tables, state, carried, *scratch, careful, uniforms, *out)

        return draw_rows

    def _find_first(self, state: np.ndarray) -> np.ndarray | None:
        first, pieces, (grid, values, _) = new_conditional(), new_pieces(self.chain), self.tables
        if self.chain[0, PIECEWISE] == 0.0:
            return pieces.rows if find_pieces(self.chain, *state, pieces) > -math.inf else None
        if self.finite or any(
            find_conditional(self.chain, grid, values, 0, *state, first, pieces, parts) > -math.inf
            for parts in (1, SEARCH_PARTS)
        ):
            return first
        return None

    def _find_first_carefully(self, state: np.ndarray) -> np.ndarray | None:
        first, (grid, values, _) = new_conditional(), self.tables
        scratch = new_search(), new_conditional(), new_pieces(self.chain)
        log_evidence = find_first(self.chain, grid, values, *state, first, *scratch)
        return first if log_evidence > -math.inf else None

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
        """Where there are finitely many solutions each of them comes once, with its weight."""
        if self.finite:
            return self._finite(target, num_samples, rng)
        return super()._sample(target, num_samples, rng)

    def _finite(self, target: np.ndarray, num_samples: int, rng: np.random.Generator) -> Samples:
        positions, log_masses, log_volume = all_solutions(
            self.arm, self.chain, self.states(self.carried(target[None]))[0]
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


_building = Lock()


class _Making(NamedTuple):
    """The tables of an arm and a task, as far as they are made.

    Attributes:
        chain: see `chain_array`.
        tables: of all joints, full or empty.
        todo: the rows that each joint's table lacks; from the last free joint to the second, as
            each table is made from those of the joints after it.
    """

    chain: np.ndarray
    tables: Tables
    todo: dict[int, set[int]]


@lru_cache(maxsize=8)
def _making(arm: PlanarArm, task: Task) -> _Making:
    chain = chain_array(arm, task)
    tables = empty_tables(chain, np.array([joint.is_circle for joint in arm.joints]))
    joints = range(int(chain[0, CLOSING]) - 1, 0, -1)
    return _Making(
        chain, tables, {joint: set(range(tables.grid[joint, DISTANCES])) for joint in joints}
    )


def _chain_and_tables(arm: PlanarArm, task: Task) -> tuple[np.ndarray, Tables]:
    """The chain of an arm and a task, and its tables; where work was stopped, it goes on."""
    chain, tables, todo = _making(arm, task)
    for joint, rows in list(todo.items()):

        def work(row: int, joint: int = joint, rows: set[int] = rows) -> None:
            fill(chain, *tables, joint, row, new_conditional(), new_pieces(chain))
            rows.discard(row)

        in_threads(work, sorted(rows), num_threads())
        widen(chain, tables, joint)
        bend(chain, tables, joint)
        del todo[joint]
    return chain, tables
