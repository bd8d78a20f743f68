"""The exact conditionals on the way of draws, as a network's training data.

Places are where the tables' quantile functions put them, which are interpolated between nodes; of a
joint that has none, where a quadrature does. Each has the mass that the conditional itself gives it
there: what a network learns is better than the tables that its places come from.
"""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.chain_array import CLOSING, PIECEWISE, SLOTS, num_features
from ik_nn_ros.chain.features import write_features
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import TINY, advance, angle_at, arc, log_prior
from ik_nn_ros.compilation import plain
from ik_nn_ros.posterior.conditional import NODES, WHOLE, find_conditional, new_conditional
from ik_nn_ros.posterior.densities import LOG_MASS, SIDE, quantile
from ik_nn_ros.posterior.draws import place_of_level, slot_masses
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.tables import HEADINGS, Place, state_value
from ik_nn_ros.threads import in_threads, num_threads

LEVELS_END = 1e-6  # of mass, on either side of a place
LEAST_LOG = -1e9  # [nats], of the largest mass
LEAST_SHARE = 1e-30  # of a state's mass: smaller ones are none
ROWS_AT_ONCE = 1000
NOWHERE = Place((0,) * 8, (0.0,) * 8, (0.0,) * 3, 0.0)  # in the first joint's table: it has none

Taught = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Features, masses and places, see `training.train.lessons.Lessons`."""


def taught(
    teacher: ExactPosterior, targets: np.ndarray, places: int, rng: np.random.Generator
) -> Taught:
    """What draws on targets (m, size) teach, one each; those without solutions are left out."""
    chain, tables = teacher.chain, teacher.tables
    free, m = int(chain[0, CLOSING]), len(targets)
    slots = int(chain[:free, SLOTS].max())
    states = teacher.states(teacher.carried(targets))
    levels = (np.arange(places) + rng.random((m, free, slots, places))) / places
    levels = levels.clip(LEVELS_END, 1.0 - LEVELS_END)
    uniforms = rng.random((m, free))
    lessons = _room(chain, m, places)
    ended = np.zeros(m, dtype=bool)

    def work(rows: slice) -> None:
        own = tuple(np.ascontiguousarray(array[:, rows]) for array in lessons)
        chance = uniforms[rows], levels[rows]
        scratch = new_conditional(), np.zeros((slots, places)), np.zeros((slots, places))
        _teach(chain, *tables, states[rows], *scratch, *chance, own, ended[rows])
        for array, part in zip(lessons, own, strict=True):
            array[:, rows] = part

    pieces = [slice(at, min(at + ROWS_AT_ONCE, m)) for at in range(0, m, ROWS_AT_ONCE)]
    in_threads(work, pieces, num_threads())
    return tuple(array[:, ended] for array in lessons)


def _room(chain: np.ndarray, m: int, places: int) -> Taught:
    """Memory for the lessons of m draws."""
    free = int(chain[0, CLOSING])
    slots = int(chain[:free, SLOTS].max())
    return (
        np.zeros((free, m, num_features(chain)), np.float32),
        np.zeros((free, m, slots, places), np.float32),
        np.zeros((free, m, slots, places), np.float32),
    )


@plain
def _teach(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    quantiles: np.ndarray,
    states: np.ndarray,
    found: np.ndarray,
    angles: np.ndarray,
    log_masses: np.ndarray,
    uniforms: np.ndarray,
    levels: np.ndarray,
    lessons: Taught,
    ended: np.ndarray,
) -> None:
    """A draw on each of m targets, and what the exact conditionals are on its way.

    Args:
        chain: see `chain_array`.
        grid, values, quantiles: see `Tables`.
        states: (m, 3) what the first joint sees of the targets.
        found, angles, log_masses: scratch, a conditional and two of (S, k).
        uniforms: (m, F) numbers in [0, 1), of the draws.
        levels: (m, F, S, k) shares of mass by the tables, of the places.
        lessons: features, masses and places, see `Lessons`; written.
        ended: (m,) whether the draw reached its target; written.
    """
    features, masses, places = lessons
    for row in range(len(states)):
        x, y, heading = states[row, 0], states[row, 1], states[row, 2]
        for joint in range(int(chain[0, CLOSING])):
            on = arc(chain, joint, x, y)
            at, tabulated = NOWHERE, joint > 0 and joint != chain[0, PIECEWISE]
            found[:, LOG_MASS] = log_masses[:] = -math.inf
            if on.half > 0.0 and tabulated:
                at = slot_masses(chain, grid, values, joint, x, y, heading, on, found)
            elif on.half > 0.0:
                find_conditional(chain, grid, values, joint, x, y, heading, found, None, WHOLE)
            for slot in range(int(chain[joint, SLOTS])):
                low, high = segment(chain, joint, slot, on, x, y)
                if found[slot, LOG_MASS] == -math.inf or not high > low:
                    continue
                for index in range(levels.shape[3]):
                    level = levels[row, joint, slot, index]
                    if tabulated:
                        headings = grid[joint, HEADINGS]
                        place, density = place_of_level(quantiles, at, slot, level, headings)
                    else:
                        u, density = quantile(found, slot, NODES, level)
                        place, density = (u - low) / (high - low), density * (high - low)
                    u = low + (high - low) * place
                    theta = angle_at(found[slot, SIDE], on, math.cos(u))
                    jacobian = (high - low) * on.half * abs(math.sin(u)) + TINY
                    state = advance(chain, joint, x, y, heading, theta)
                    log_rest, factor = state_value(chain, grid, values, joint + 1, *state)
                    log_masses[slot, index] = (
                        log_prior(chain, joint, theta)
                        + log_rest
                        + math.log(factor * jacobian / density + TINY)
                    )
                    places[joint, row, slot, index], angles[slot, index] = place, theta
            slot, index = _choose(log_masses, uniforms[row, joint], masses[joint, row])
            ended[row] = slot >= 0
            if slot < 0:
                break
            write_features(chain, joint, x, y, heading, on, features[joint, row], 0, 1)
            x, y, heading = advance(chain, joint, x, y, heading, angles[slot, index])


@plain
def _choose(log_masses: np.ndarray, uniform: float, masses: np.ndarray) -> tuple[int, int]:
    """One of the places (S, k) by their log masses, or -1; writes the masses, whose sum is 1."""
    slots, count = log_masses.shape
    largest, total, below = -math.inf, 0.0, 0.0
    chosen, beside = -1, -1
    for slot in range(slots):
        for index in range(count):
            largest = max(largest, log_masses[slot, index])
    for slot in range(slots):
        for index in range(count):
            masses[slot, index] = math.exp(log_masses[slot, index] - max(largest, LEAST_LOG))
            total += masses[slot, index]
    for slot in range(slots):
        for index in range(count):
            if masses[slot, index] > 0.0:
                if uniform * total >= below:
                    chosen, beside = slot, index
                below += masses[slot, index]
            share = masses[slot, index] / total
            masses[slot, index] = share if share > LEAST_SHARE else 0.0
    return chosen, beside
