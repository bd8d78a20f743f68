"""Draws of configurations on a target, joint by joint, and their weights."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.chain.chain_array import BOUNDED, CLOSING, SLOT, SLOT_SIZE, SLOTS
from ik_nn_ros.chain.closing import close
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import Arc, advance, angle_at, arc, log_prior
from ik_nn_ros.chain.tile import HEADING, LOG_RATIO, POSITIONS, X, Y, begin, take_uniforms
from ik_nn_ros.compilation import inlined, plain
from ik_nn_ros.posterior.careful import PARTS
from ik_nn_ros.posterior.conditional import LOG_MASS, MASS, find_conditional, quantile
from ik_nn_ros.posterior.mixture import mixed_quantile
from ik_nn_ros.posterior.quantiles import KNOTS, STEP, knot_of_level, level_of_knot, spline
from ik_nn_ros.posterior.tables import HEADINGS, Place, find_place, slot_value

LEAST_SHARE = 1e-15  # of mass on either side of a quantile
COARSE = 2.0**20  # parts of [0, 1): where in its part a uniform number lies is another one
LEAST_PRODUCT = 1e-100  # of densities, before its logarithm is taken


@inlined
def choose(
    chain: np.ndarray, joint: int, found: np.ndarray, uniform: float
) -> tuple[int, float, float]:
    """A joint's slot by the log masses in a conditional, see `conditional`.

    What is left of the uniform number falls on one side of the remaining direction where it rises
    on the other: both sides meet in the middle, and a solution that passes from one to the other,
    when the target moves, moves a little.

    Returns:
        The slot or -1, its share of all mass, and the uniform number that is left within it.
    """
    slots = int(chain[joint, SLOTS])
    largest, total, chosen = -math.inf, 0.0, -1
    for slot in range(slots):
        largest = max(largest, found[slot, LOG_MASS])
    if largest == -math.inf:
        return -1, 0.0, 0.0
    for slot in range(slots):
        found[slot, MASS] = math.exp(found[slot, LOG_MASS] - largest)
        total += found[slot, MASS]
    rest, below = uniform * total, 0.0
    for slot in range(slots):
        if found[slot, MASS] > 0.0:
            rest -= below
            chosen, below = slot, found[slot, MASS]
            if rest < below:
                break
    share = rest / below
    if chain[joint, SLOT + SLOT_SIZE * chosen] > 0.0:
        share = 1.0 - share
    return chosen, below / total, min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)


@inlined
def _by_quadrature(
    chain: np.ndarray, joint: int, found: np.ndarray, uniform: float
) -> tuple[int, float, float]:
    """A joint's slot, u and its density by a conditional that has been found."""
    slot, share, rest = choose(chain, joint, found, uniform)
    u, density = quantile(found, max(slot, 0), rest)
    return slot, u, share * density


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
) -> tuple[int, float, float]:
    """Slot, u and its density by quantile functions of the nodes; slot -1 where nothing is left.

    They are interpolated, or where limits bound the rest of the chain, mixed.
    """
    headings = grid[joint, HEADINGS]
    at = slot_masses(chain, grid, values, joint, x, y, heading, on, found)
    slot, share, rest = choose(chain, joint, found, uniform)
    if slot < 0:
        return -1, 0.0, 0.0
    if chain[joint, BOUNDED] > 0.0:
        which = uniform * COARSE - math.floor(uniform * COARSE)  # bits that chose no slot
        place, density = mixed_quantile(values, quantiles, at, slot, headings, found, which, rest)
    else:
        place, density = place_of_level(quantiles, at, slot, rest, headings)
    low, high = segment(chain, joint, slot, on, x, y)
    return slot, low + (high - low) * place, share * density / (high - low)


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
        tile: scratch, see `ik_nn_ros.chain.tile`.
        careful: whether the other joints' conditionals are found, see `careful`, not looked up.
        uniforms: (m, F + 1) numbers in [0, 1) for F free joints and the root.
        positions: (m, N), written.
        log_weights, log_priors: (m,) [nats], written; left alone where a draw leads nowhere.
        errors: (m,) distance of the carried point from that [m], written.
    """
    closing = int(chain[0, CLOSING])
    out = (positions, log_weights, log_priors, errors)
    for start in range(0, len(positions), TILE):
        begin(state, tile)
        take_uniforms(uniforms, start, closing, tile)
        for i in range(min(TILE, len(positions) - start)):
            x, y, heading = state[0], state[1], state[2]
            log_free, log_density, density, slot = 0.0, 0.0, 1.0, 0
            for joint in range(closing):
                on, uniform = arc(chain, joint, x, y), uniforms[start + i, joint]
                slot, u, own = -1, 0.0, 0.0
                if joint == 0:
                    slot, u, own = _by_quadrature(chain, joint, first, uniform)
                elif careful and on.half > 0.0:
                    find_conditional(chain, grid, values, joint, x, y, heading, found, PARTS)
                    slot, u, own = _by_quadrature(chain, joint, found, uniform)
                elif on.half > 0.0:
                    slot, u, own = _by_tables(
                        chain, grid, values, quantiles, joint, x, y, heading, on, found, uniform
                    )
                if slot < 0:
                    break
                theta = angle_at(chain, joint, slot, on, math.cos(u))
                density *= own / (on.half * abs(math.sin(u)))
                if not LEAST_PRODUCT < density < 1.0 / LEAST_PRODUCT:
                    log_density += math.log(density)
                    density = 1.0
                log_free += log_prior(chain, joint, theta)
                tile[POSITIONS + TILE * joint + i] = theta
                x, y, heading = advance(chain, joint, x, y, heading, theta)
            tile[X + i], tile[Y + i], tile[HEADING + i] = x, y, heading
            log_ratio = log_free - log_density - math.log(density)
            tile[LOG_RATIO + i] = log_ratio if slot >= 0 else -math.inf
        close(chain, tile, carried, out, start)
