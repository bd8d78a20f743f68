"""The exact conditionals on the way of draws, as a network's training data."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.chain_array import CLOSING, SLOTS, num_features
from ik_nn_ros.chain.features import write_features
from ik_nn_ros.chain.states import advance, angle_at, arc, roots, segment
from ik_nn_ros.compilation import plain
from ik_nn_ros.posterior.conditional import (
    MASS,
    WHOLE,
    find_conditional,
    new_conditional,
    quantile,
)
from ik_nn_ros.posterior.draws import choose, place_of_level, slot_masses
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.tables import HEADINGS, Place
from ik_nn_ros.threads import in_threads, num_threads

LEVELS_END = 1e-6  # of mass, on either side of a place
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
        _teach(chain, *tables, states[rows], new_conditional(), *chance, own, ended[rows])
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
        np.zeros((free, m, slots), np.float32),
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
    uniforms: np.ndarray,
    levels: np.ndarray,
    lessons: tuple[np.ndarray, np.ndarray, np.ndarray],
    ended: np.ndarray,
) -> None:
    """A draw on each of m targets, and what the exact conditionals are on its way.

    Args:
        chain: see `chain_array`.
        grid, values, quantiles: see `Tables`.
        states: (m, 3) what the first joint sees of the targets.
        found: scratch, a conditional.
        uniforms: (m, F) numbers in [0, 1), of the draws.
        levels: (m, F, S, k) shares of mass, of the places.
        lessons: features, masses and places, see `Lessons`; written.
        ended: (m,) whether the draw reached its target; written.
    """
    features, masses, places = lessons
    closing, count = int(chain[0, CLOSING]), levels.shape[3]
    for row in range(len(states)):
        x, y, heading = states[row, 0], states[row, 1], states[row, 2]
        slot = -1
        for joint in range(closing):
            slots, headings = int(chain[joint, SLOTS]), grid[joint, HEADINGS]
            on = arc(chain, joint, x, y)
            slot = -1
            if on.half <= 0.0:
                break
            at, tabulated = NOWHERE, joint > 0
            if tabulated:
                at = slot_masses(chain, grid, values, joint, x, y, heading, on, found)
            else:
                find_conditional(chain, grid, values, joint, x, y, heading, found, WHOLE)
            slot, _, rest = choose(chain, joint, found, uniforms[row, joint])
            if slot < 0:
                break
            write_features(chain, joint, x, y, heading, on, features[joint, row], 0, 1)
            mass = 0.0
            for one in range(slots):
                mass += found[one, MASS]
            theta = 0.0
            for one in range(slots):
                masses[joint, row, one] = found[one, MASS] / mass
                if found[one, MASS] <= 0.0:
                    continue
                low, high = segment(chain, joint, one, on)
                for index in range(count + 1):  # the last one is the draw's own
                    level = levels[row, joint, one, index] if index < count else rest
                    if tabulated:
                        place, _ = place_of_level(quantiles, at, one, level, headings)
                    else:
                        u, _ = quantile(found, one, level)
                        place = (u - low) / (high - low)
                    if index < count:
                        places[joint, row, one, index] = place
                    elif one == slot:
                        u = low + (high - low) * place
                        theta = angle_at(chain, joint, slot, on, math.cos(u))
            x, y, heading = advance(chain, joint, x, y, heading, theta)
        both = roots(chain, x, y, heading)
        ended[row] = slot >= 0 and max(both.log_up, both.log_down) > -math.inf
