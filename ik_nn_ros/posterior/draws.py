"""Draws of configurations on a target, joint by joint, and their weights."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.arithmetic import TILE, cos_sin
from ik_nn_ros.chain.chain_array import CLOSING, PIECEWISE, SLOT, SLOT_SIZE, SLOTS
from ik_nn_ros.chain.closing import close
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import Arc, advance, angle_at, arc, log_prior
from ik_nn_ros.chain.tile import HEADING, LOG_RATIO, POSITIONS, X, Y, begin, take_uniforms
from ik_nn_ros.compilation import inlined, plain
from ik_nn_ros.posterior.careful import PARTS
from ik_nn_ros.posterior.conditional import NODES, find_conditional
from ik_nn_ros.posterior.densities import DENSITY, LOG_MASS, SIDE, choose, quantile
from ik_nn_ros.posterior.pieces import MOST_PIECES, Pieces, find_pieces
from ik_nn_ros.posterior.pieces import NODES as PIECE_NODES
from ik_nn_ros.posterior.quantiles import KNOTS, STEP, knot_of_level, level_of_knot, spline
from ik_nn_ros.posterior.tables import HEADINGS, Place, find_place, slot_value

LEAST_PRODUCT = 1e-100  # of densities, before its logarithm is taken


@plain
def _by_quadrature(
    found: np.ndarray, rows: int, nodes: int, uniform: float
) -> tuple[float, float, float]:
    """Side, u and its density by a conditional that has been found; side 0 where it is empty."""
    row, share, rest = choose(found, rows, uniform)
    if row < 0:
        return 0.0, 0.0, 0.0
    u, density = quantile(found, row, nodes, rest)
    return found[row, SIDE], u, share * density


@inlined
def _knot(
    quantiles: np.ndarray, at: Place, slot: int, knot: int, headings: int
) -> tuple[float, float]:
    """A knot of a slot's quantile function between nodes, and its rate."""
    place, rate = 0.0, 0.0
    for node in range(4 if headings == 1 else 8):
        entry = at.nodes[node] + slot
        place += at.weights[node] * quantiles[entry, knot, 0]
        rate += at.weights[node] * quantiles[entry, knot, 1]
    return place, rate


@inlined
def slot_masses(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    found: np.ndarray,
) -> Place:
    """Write the log masses of a state's slots by the tables; where it is in these."""
    at = find_place(chain, grid, joint, x, y, heading)
    for slot in range(int(chain[joint, SLOTS])):
        low, high = segment(chain, joint, slot, on, x, y)
        value = slot_value(values, at, slot, grid[joint, HEADINGS]) if high > low else -math.inf
        found[slot, LOG_MASS] = value
        found[slot, SIDE] = chain[joint, SLOT + SLOT_SIZE * slot]
    return at


@inlined
def place_of_level(
    quantiles: np.ndarray, at: Place, slot: int, level: float, headings: int
) -> tuple[float, float]:
    """The place in [0, 1] of a slot's interval below which a share of its mass lies; the density
    there, by interpolated quantile functions."""
    v = knot_of_level(level)
    knot = min(int(v / STEP), KNOTS - 2)
    left, left_rate = _knot(quantiles, at, slot, knot, headings)
    right, right_rate = _knot(quantiles, at, slot, knot + 1, headings)
    place, rate = spline(left, left_rate, right, right_rate, STEP, v / STEP - knot)
    _, level_rate = level_of_knot(v)
    return place, level_rate / rate


@inlined
def _by_tables(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    quantiles: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    found: np.ndarray,
    uniform: float,
) -> tuple[float, float, float]:
    """Side, u and its density by interpolated quantile functions; side 0 where nothing is left."""
    headings = grid[joint, HEADINGS]
    at = slot_masses(chain, grid, values, joint, x, y, heading, on, found)
    slot, share, rest = choose(found, int(chain[joint, SLOTS]), uniform)
    if slot < 0:
        return 0.0, 0.0, 0.0
    place, density = place_of_level(quantiles, at, slot, rest, headings)
    low, high = segment(chain, joint, slot, on, x, y)
    u = low + (high - low) * place
    return found[slot, SIDE], u, share * density / (high - low)


@plain
def draw(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    quantiles: np.ndarray,
    state: np.ndarray,
    carried: np.ndarray,
    first: np.ndarray,
    found: np.ndarray,
    pieces: Pieces | None,
    tile: np.ndarray,
    careful: bool,
    uniforms: np.ndarray,
    positions: np.ndarray,
    log_weights: np.ndarray,
    log_priors: np.ndarray,
    errors: np.ndarray,
) -> None:
    """Configurations on a target, their log weights and their log prior densities.

    Args:
        chain: see `chain_array`.
        grid, values, quantiles: see `Tables`.
        state: (3,) what the first joint sees of the target: x, y [m], heading [rad].
        carried: (3,) the same before it was moved into the reach.
        first: the first joint's conditional, where that joint is free.
        found: scratch, another conditional.
        pieces: scratch, see `find_pieces`; None where nothing cuts the last free joint's density.
        tile: scratch, see `ik_nn_ros.chain.tile`.
        careful: whether the other joints' conditionals are found, see `careful`, not looked up.
        uniforms: (m, F + 1) numbers in [0, 1) for F free joints and the root.
        positions: (m, N), written.
        log_weights, log_priors: (m,) [nats], written; left alone where a draw leads nowhere.
        errors: (m,) distance of the carried point from that [m], written.
    """
    closing, first_nodes = int(chain[0, CLOSING]), first.shape[1] - DENSITY
    out = (positions, log_weights, log_priors, errors)
    for start in range(0, len(positions), TILE):
        begin(state, tile)
        take_uniforms(uniforms, start, closing, tile)
        for i in range(min(TILE, len(positions) - start)):
            x, y, heading = state[0], state[1], state[2]
            log_free, log_density, density, side = 0.0, 0.0, 1.0, 0.0
            for joint in range(closing):
                on, uniform = arc(chain, joint, x, y), uniforms[start + i, joint]
                side, u, own = 0.0, 0.0, 0.0
                if joint == 0:
                    side, u, own = _by_quadrature(first, len(first), first_nodes, uniform)
                elif pieces is not None and joint == chain[0, PIECEWISE]:
                    find_pieces(chain, x, y, heading, pieces)
                    side, u, own = _by_quadrature(pieces.rows, MOST_PIECES, PIECE_NODES, uniform)
                elif careful and on.half > 0.0:
                    find_conditional(
                        chain, grid, values, joint, x, y, heading, found, pieces, PARTS
                    )
                    side, u, own = _by_quadrature(found, int(chain[joint, SLOTS]), NODES, uniform)
                elif on.half > 0.0:
                    side, u, own = _by_tables(
                        chain, grid, values, quantiles, joint, x, y, heading, on, found, uniform
                    )
                if side == 0.0:
                    break
                cosine, sine = cos_sin(u)
                theta = angle_at(side, on, cosine)
                density *= own / (on.half * abs(sine))
                if not LEAST_PRODUCT < density < 1.0 / LEAST_PRODUCT:
                    log_density += math.log(density)
                    density = 1.0
                log_free += log_prior(chain, joint, theta)
                tile[POSITIONS + TILE * joint + i] = theta
                x, y, heading = advance(chain, joint, x, y, heading, theta)
            tile[X + i], tile[Y + i], tile[HEADING + i] = x, y, heading
            log_ratio = log_free - log_density - math.log(density)
            tile[LOG_RATIO + i] = log_ratio if side != 0.0 else -math.inf
        close(chain, tile, carried, out, start)
