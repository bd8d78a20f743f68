"""The density of the last free joint where limits of the joints that close the chain cut it.

It jumps at each angle at which a closing joint reaches a limit that the prior feels. These angles
are closed forms: with one joint held at its limit two of the links are one rigid piece, and what is
left is a triangle. In the pieces between them the density is smooth: a few nodes are enough.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ik_nn_ros.chain.arithmetic import TILE, TINY, acos, atan2, cos_sin, log
from ik_nn_ros.chain.chain_array import (
    CLOSING,
    LINK,
    MOST_WHOLE_SLOTS,
    PERIOD_OF_SLOT,
    PIECEWISE,
    POSE,
    RAIL,
    SLOT,
    SLOT_SIZE,
    SLOTS,
    START,
    TURN,
    UPPER,
)
from ik_nn_ros.chain.closing import find_roots, root_ratio, write_roots_priors
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import Arc, angle_at, arc, log_sum, turned
from ik_nn_ros.chain.tile import (
    DOWN,
    HEADING,
    LOG_OWN,
    LOG_PRIOR,
    LOG_RATIO,
    LOG_WEIGHT,
    THETA,
    UNIFORM,
    UP,
    VOLUME,
    X,
    Y,
    new_tile,
)
from ik_nn_ros.chain.turns import write_log_prior
from ik_nn_ros.compilation import plain
from ik_nn_ros.posterior.densities import (
    DENSITY,
    HIGH,
    LOG_MASS,
    LOW,
    NEGLIGIBLE,
    SIDE,
    new_densities,
    weigh,
)

MOST_JUMPS = 12  # two at each of both limits of three joints
MOST_PIECES = MOST_WHOLE_SLOTS + MOST_JUMPS  # gaps, which lie between jumps, divide no slots
NODES = TILE // MOST_PIECES  # of a piece; those of all are the rows of a tile
REFINEMENTS = 8  # at most, in each of which pieces are narrowed or halved
STEEP = 1.0  # [nats] from the largest density to the node beside it: such a piece is halved
SHORTEST = 1e-12  # over u; shorter pieces are left out

# Columns of the rows while they hold jumps instead of densities: u of a jump, and its side.
JUMP, JUMP_SIDE = DENSITY, DENSITY + 1
# Quantities of a tile that no others need meanwhile: a node's u, its side, |dtheta / du|, and its
# log density [nats].
U, ON_SIDE, STRETCH, LOG_DENSITY = UNIFORM, LOG_RATIO, LOG_PRIOR, LOG_WEIGHT


class Pieces(NamedTuple):
    """Memory for `find_pieces`.

    Attributes:
        rows: see `densities`, a row for each piece.
        tile: see `ik_nn_ros.chain.tile`, of the nodes.
    """

    rows: np.ndarray
    tile: np.ndarray


def new_pieces(chain: np.ndarray) -> Pieces | None:
    """Memory for a chain; None where no limit of a closing joint cuts its density.

    For None, Numba compiles what is called with it without this module's code.
    """
    if chain[0, PIECEWISE] < 0.0:
        return None
    return Pieces(new_densities(MOST_PIECES, NODES), new_tile(0))


@plain
def find_pieces(chain: np.ndarray, x: float, y: float, heading: float, pieces: Pieces) -> float:
    """Write the density of the last free joint's angle at a state; log V there [nats]."""
    joint, rows = int(chain[0, CLOSING]) - 1, pieces.rows
    on, total = arc(chain, joint, x, y), -math.inf
    for row in range(MOST_PIECES):
        rows[row, LOG_MASS] = -math.inf
    if not on.half > 0.0:
        return total
    count = _cut(chain, joint, x, y, heading, on, rows)
    count = _evaluate(chain, joint, x, y, heading, on, pieces, count)
    for _ in range(REFINEMENTS):
        before, narrowed = count, _narrow(rows, count)
        if not narrowed:
            count = _split(rows, count)
        if not narrowed and count == before:
            break
        count = _evaluate(chain, joint, x, y, heading, on, pieces, count)
    for row in range(count):
        total = log_sum(total, weigh(rows, row, NODES, rows[row, LOG_MASS]))
    return total


@plain
def _cut(
    chain: np.ndarray, joint: int, x: float, y: float, heading: float, on: Arc, rows: np.ndarray
) -> int:
    """Begin a row for each piece; how many these are."""
    jumps, count = _find_jumps(chain, joint, x, y, heading, on, rows), 0
    for slot in range(int(chain[joint, SLOTS])):
        side = chain[joint, SLOT + SLOT_SIZE * slot]
        begin, end = segment(chain, joint, slot, on, x, y)
        while begin < end:
            until = end
            for jump in range(jumps):
                if rows[jump, JUMP_SIDE] == side and begin < rows[jump, JUMP] < until:
                    until = rows[jump, JUMP]
            if until - begin > SHORTEST:
                rows[count, LOW], rows[count, HIGH], rows[count, SIDE] = begin, until, side
                count += 1
            begin = until
    return count


@plain
def _find_jumps(
    chain: np.ndarray, joint: int, x: float, y: float, heading: float, on: Arc, rows: np.ndarray
) -> int:
    """Note where a closing joint is at a limit; at how many angles.

    With the first one at a limit, the links before and behind it are one rigid piece, whose end is
    to be the second link's length from the target. With the second one there, the two links behind
    the first are rigid. With a pose's last joint there, the direction of the second link is known.
    """
    own, first, second = chain[joint, LINK], chain[joint + 1, LINK], chain[joint + 2, LINK]
    count = 0
    for limit in (START, UPPER):
        if chain[joint + 1, SLOT + PERIOD_OF_SLOT] > 0.0:
            cosine, sine = cos_sin(chain[joint + 1, limit])
            held = own + first * cosine, first * sine
            count = _meet(chain, joint, on, x, y, held, second, rows, count)
        if chain[joint + 2, SLOT + PERIOD_OF_SLOT] > 0.0:
            cosine, _ = cos_sin(chain[joint + 2, limit])
            apart = math.sqrt(first * first + second * second + 2.0 * first * second * cosine)
            count = _meet(chain, joint, on, x, y, (own, 0.0), apart, rows, count)
        if chain[0, POSE] > 0.0 and chain[joint + 3, SLOT + PERIOD_OF_SLOT] > 0.0:
            cosine, sine = cos_sin(heading - chain[joint + 3, limit])
            left_x, left_y = x - second * cosine, y - second * sine
            count = _meet(chain, joint, on, left_x, left_y, (own, 0.0), first, rows, count)
    return count


@plain
def _meet(
    chain: np.ndarray,
    joint: int,
    on: Arc,
    x: float,
    y: float,
    held: tuple[float, float],
    apart: float,
    rows: np.ndarray,
    count: int,
) -> int:
    """Note the angles at which a point ``held`` behind the joint is ``apart`` from (x, y)."""
    if joint == 0 and chain[0, RAIL] > 0.0:
        squared = apart * apart - (x - held[0]) * (x - held[0])
        middle, half = y - held[1] - on.centre, math.sqrt(max(squared, 0.0))
        period = math.inf
    else:
        squared, length = x * x + y * y, held[0] * held[0] + held[1] * held[1]
        cosine = (squared + length - apart * apart) / (2.0 * math.sqrt(squared * length) + TINY)
        squared, half = 1.0 - cosine * cosine, acos(cosine)
        middle, period = atan2(y, x) - atan2(held[1], held[0]) - on.centre, TURN
    if not squared > 0.0:
        return count
    for beside in (middle - half, middle + half):
        beside -= period * math.floor(beside / period + 0.5) if period < math.inf else 0.0
        cosine = (on.middle - abs(beside)) / on.half
        if abs(cosine) < 1.0:
            rows[count, JUMP] = acos(cosine)
            rows[count, JUMP_SIDE] = 1.0 if beside > 0.0 else -1.0
            count += 1
    return count


@plain
def _evaluate(
    chain: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    pieces: Pieces,
    count: int,
) -> int:
    """Write log p_i V_{i+1} |dtheta / du| [nats] in the middles of the cells of all pieces.

    Pieces without any mass are left out; how many the others are.
    """
    rows, tile = pieces
    rail, link, nodes = joint == 0 and chain[0, RAIL] > 0.0, chain[joint, LINK], count * NODES
    for row in range(count):
        cell = (rows[row, HIGH] - rows[row, LOW]) / NODES
        for node in range(NODES):
            tile[U + row * NODES + node] = rows[row, LOW] + (node + 0.5) * cell
            tile[ON_SIDE + row * NODES + node] = rows[row, SIDE]
    for i in range(nodes):
        cosine, sine = cos_sin(tile[U + i])
        theta = angle_at(tile[ON_SIDE + i], on, cosine)
        next_x, next_y, rest = turned(link, x, y, heading, theta)
        tile[X + i], tile[Y + i] = x if rail else next_x, y - theta if rail else next_y
        tile[HEADING + i] = heading if rail else rest
        tile[THETA + i], tile[STRETCH + i] = theta, on.half * abs(sine)
    write_log_prior(chain, joint, tile, nodes)
    for i in range(nodes):
        tile[LOG_DENSITY + i] = tile[LOG_OWN + i]
    find_roots(chain, tile, nodes)
    write_roots_priors(chain, tile, nodes)
    for i in range(nodes):
        up, down, volume = tile[UP + i], tile[DOWN + i], tile[VOLUME + i]
        more, less = max(up, down), min(up, down)
        closed = (volume > 0.0) & (more > -math.inf)
        log_density = more + log((1.0 + root_ratio(more, less)) * tile[STRETCH + i] / volume)
        tile[LOG_DENSITY + i] += log_density if closed else -math.inf
    for row in range(count):
        rows[row, LOG_MASS] = -math.inf
        for node in range(NODES):
            rows[row, DENSITY + node] = tile[LOG_DENSITY + row * NODES + node]
            rows[row, LOG_MASS] = max(rows[row, LOG_MASS], rows[row, DENSITY + node])
    return _keep(rows, count)


@plain
def _keep(rows: np.ndarray, count: int) -> int:
    """Keep the pieces that have any mass; how many these are."""
    kept = 0
    for row in range(count):
        if rows[row, LOG_MASS] > -math.inf:
            for column in range(DENSITY + NODES):
                rows[kept, column] = rows[row, column]
            kept += 1
    for row in range(kept, count):
        rows[row, LOG_MASS] = -math.inf
    return kept


@plain
def _narrow(rows: np.ndarray, count: int) -> bool:
    """Narrow pieces to where their mass is; whether that is less than all of any."""
    narrowed = False
    for row in range(count):
        first, last = NODES, 0
        for node in range(NODES):
            if rows[row, DENSITY + node] > rows[row, LOG_MASS] - NEGLIGIBLE:
                first, last = min(first, node), node
        low, cell = rows[row, LOW], (rows[row, HIGH] - rows[row, LOW]) / NODES
        rows[row, LOW] = low + max(first - 1, 0) * cell
        rows[row, HIGH] = low + min(last + 2, NODES) * cell
        narrowed |= first > 1 or last < NODES - 2
    return narrowed


@plain
def _split(rows: np.ndarray, count: int) -> int:
    """Halve steep pieces, see `STEEP`, while there is room for more; how many pieces these are."""
    for row in range(count):
        steep = False
        for node in range(1, NODES):
            before, after = rows[row, DENSITY + node - 1], rows[row, DENSITY + node]
            if max(before, after) == rows[row, LOG_MASS]:
                steep |= abs(after - before) > STEEP
        if steep and count < MOST_PIECES:
            rows[count, SIDE], rows[count, HIGH] = rows[row, SIDE], rows[row, HIGH]
            rows[row, HIGH] = 0.5 * (rows[row, LOW] + rows[row, HIGH])
            rows[count, LOW] = rows[row, HIGH]
            count += 1
    return count
