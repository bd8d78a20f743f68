"""The end of draws: the joints that close the chain, and what the whole configurations weigh."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.arithmetic import TILE, cos_sin, exp, log
from ik_nn_ros.chain.chain_array import CLOSING, LINK, POSE, RAIL
from ik_nn_ros.chain.states import closing, closing_from_rail, last_angle
from ik_nn_ros.chain.tile import (
    BASE,
    BEND,
    DOWN,
    ERROR,
    HEADING,
    LOG_OWN,
    LOG_PRIOR,
    LOG_RATIO,
    LOG_WEIGHT,
    OFFSET,
    POSITIONS,
    REACHED_X,
    REACHED_Y,
    THETA,
    UNIFORM,
    UP,
    VOLUME,
    X,
    Y,
)
from ik_nn_ros.chain.turns import settle, write_log_prior
from ik_nn_ros.compilation import inner, merged, plain

LEAST_EXPONENT = np.float32(-60.0)


@inner
def _from_rail(chain: np.ndarray) -> bool:
    """Whether the rail is the first of the closing joints."""
    return chain[0, CLOSING] == 0.0 and chain[0, RAIL] > 0.0


@plain
def find_roots(chain: np.ndarray, tile: np.ndarray, rows: int) -> None:
    """Find how each of the first rows' chains can be closed, see `states.Closing`."""
    joint, from_rail = int(chain[0, CLOSING]), _from_rail(chain)
    first, second = chain[joint, LINK], chain[joint + 1, LINK]
    for i in range(rows):
        x, y = tile[X + i], tile[Y + i]
        both = closing_from_rail(second, x, y) if from_rail else closing(first, second, x, y)
        tile[BASE + i], tile[OFFSET + i] = both.base, both.offset
        tile[BEND + i], tile[VOLUME + i] = both.bend, both.volume


@plain
def write_roots_priors(chain: np.ndarray, tile: np.ndarray, rows: int) -> None:
    """Write the log prior densities of the roots that bend up, and of those that bend down."""
    closing, from_rail = int(chain[0, CLOSING]), _from_rail(chain)
    for root in range(2):
        sign, totals = 1.0 - 2.0 * root, UP + TILE * root
        for i in range(rows):
            tile[totals + i] = 0.0
        for joint in range(closing, closing + (3 if chain[0, POSE] > 0.0 else 2)):
            for i in range(rows):
                first, second = tile[BASE + i] - sign * tile[OFFSET + i], sign * tile[BEND + i]
                last = last_angle(from_rail, tile[HEADING + i], first, second)
                others = second if joint == closing + 1 else last
                tile[THETA + i] = first if joint == closing else others
            write_log_prior(chain, joint, tile, rows)
            for i in range(rows):
                tile[totals + i] += tile[LOG_OWN + i]


@inner
def root_ratio(more: float, less: float) -> float:
    """e^(less - more) of two roots' log prior densities [nats]; 0 where there is one or none."""
    return exp(max(np.float32(less - more), LEAST_EXPONENT)) if less > -math.inf else 0.0


@merged
def _choose_roots(tile: np.ndarray) -> None:
    """Draw one of each row's roots by the priors: its joints to BASE and BEND, what it weighs."""
    for i in range(TILE):
        up, down, volume = tile[UP + i], tile[DOWN + i], tile[VOLUME + i]
        more, less = max(up, down), min(up, down)
        ratio = root_ratio(more, less)
        share = (1.0 if up >= down else ratio) / (1.0 + ratio)
        uniform = tile[UNIFORM + i]
        is_up = uniform < share
        rest = uniform - (0.0 if is_up else share)
        tile[UNIFORM + i] = rest / (share if is_up else 1.0 - share)
        sign = 1.0 if is_up else -1.0
        tile[BASE + i] -= sign * tile[OFFSET + i]
        tile[BEND + i] *= sign
        closed = (volume > 0.0) & (more > -math.inf)
        log_weight = tile[LOG_RATIO + i] + more + log((1.0 + ratio) / volume)
        tile[LOG_WEIGHT + i] = log_weight if closed else -math.inf
        tile[LOG_PRIOR + i] = 0.0


@merged
def _write_closing(chain: np.ndarray, tile: np.ndarray) -> None:
    """Write the closing joints' positions."""
    from_rail, positions = _from_rail(chain), POSITIONS + TILE * int(chain[0, CLOSING])
    for i in range(TILE):
        tile[positions + i] = tile[BASE + i]
        tile[positions + TILE + i] = tile[BEND + i]
    if chain[0, POSE] > 0.0:
        for i in range(TILE):
            last = last_angle(from_rail, tile[HEADING + i], tile[BASE + i], tile[BEND + i])
            tile[positions + 2 * TILE + i] = last


@merged
def _write_out(
    tile: np.ndarray, out: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], start: int
) -> None:
    """Write the rows that lead somewhere, see `close`."""
    positions, log_weights, log_priors, errors = out
    for i in range(min(TILE, len(positions) - start)):
        if tile[LOG_WEIGHT + i] > -math.inf:
            row = start + i
            log_weights[row], log_priors[row] = tile[LOG_WEIGHT + i], tile[LOG_PRIOR + i]
            errors[row] = tile[ERROR + i]
            for joint in range(positions.shape[1]):
                positions[row, joint] = tile[POSITIONS + TILE * joint + i]


@merged
def _measure_errors(chain: np.ndarray, tile: np.ndarray, carried: np.ndarray) -> None:
    """Write the distance [m] of what each row's configuration carries from where it is to be."""
    for i in range(TILE):
        tile[REACHED_X + i], tile[REACHED_Y + i], tile[HEADING + i] = -carried[0], -carried[1], 0.0
    for joint in range(int(chain[0, CLOSING]) + 2):
        positions, link = POSITIONS + TILE * joint, chain[joint, LINK]
        if joint == 0 and chain[0, RAIL] > 0.0:
            for i in range(TILE):
                tile[REACHED_Y + i] += tile[positions + i]
            continue
        for i in range(TILE):
            tile[HEADING + i] += tile[positions + i]
        for i in range(TILE):
            cosine, sine = cos_sin(tile[HEADING + i])
            tile[REACHED_X + i] += link * cosine
            tile[REACHED_Y + i] += link * sine
    for i in range(TILE):
        x, y = tile[REACHED_X + i], tile[REACHED_Y + i]
        tile[ERROR + i] = math.sqrt(x * x + y * y)


@plain
def close(
    chain: np.ndarray,
    tile: np.ndarray,
    carried: np.ndarray,
    out: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    start: int,
) -> None:
    """Close each row's chain by one of the roots, if there are any, and write what it weighs.

    Args:
        chain: see `chain_array`.
        tile: the rows, at the first closing joint: states, log ratios, uniform numbers by which
            root and turns are drawn, positions of the free joints.
        carried: (3,) where the carried point is to be [m].
        out: positions (m, N); log weights and log priors (m,) [nats]; the distance (m,) of the
            carried point from where it is to be [m]. Left alone in rows that lead nowhere.
        start: where in these the tile begins, whose last rows may lie beyond their end.
    """
    find_roots(chain, tile, TILE)
    write_roots_priors(chain, tile, TILE)
    _choose_roots(tile)
    _write_closing(chain, tile)
    for joint in range(out[0].shape[1]):
        settle(chain, joint, tile)
    _measure_errors(chain, tile, carried)
    _write_out(tile, out, start)
