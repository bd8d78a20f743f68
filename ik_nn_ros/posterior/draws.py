"""Draws of configurations on a target, joint by joint, and their weights."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.chain_array import CLOSING, LINK, POSE, RAIL, SLOTS
from ik_nn_ros.chain.states import (
    Arc,
    Roots,
    advance,
    angle_at,
    arc,
    last_angle,
    log_prior,
    log_sum,
    roots,
    segment,
    settle,
)
from ik_nn_ros.compilation import inlined, plain
from ik_nn_ros.posterior.conditional import LOG_MASS, MASS, quantile
from ik_nn_ros.posterior.quantiles import KNOTS, STEP, knot_of_level, level_of_knot, spline
from ik_nn_ros.posterior.tables import HEADINGS, Place, find_place, slot_value

LEAST_SHARE = 1e-15  # of mass on either side of a quantile
LEAST_PRODUCT = 1e-100  # of densities, before its logarithm is taken


@inlined
def _choose(found: np.ndarray, slots: int, uniform: float) -> tuple[int, float, float]:
    """A slot by the log masses in a conditional, see `conditional`.

    Returns:
        The slot or -1, its share of all mass, and the uniform number that is left within it.
    """
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
    return chosen, below / total, min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)


@inlined
def _by_quadrature(found: np.ndarray, slots: int, uniform: float) -> tuple[int, float, float]:
    """Slot, u and its density by a conditional that has been found."""
    slot, share, rest = _choose(found, slots, uniform)
    u, density = quantile(found, max(slot, 0), rest)
    return slot, u, share * density


@inlined
def _knot(
    quantiles: np.ndarray, at: Place, slot: int, knot: int, which: int, headings: int
) -> float:
    """A knot of a slot's quantile function, or its rate, between nodes."""
    total = (
        at.weights[0] * quantiles[at.nodes[0] + slot, knot, which]
        + at.weights[1] * quantiles[at.nodes[1] + slot, knot, which]
        + at.weights[2] * quantiles[at.nodes[2] + slot, knot, which]
        + at.weights[3] * quantiles[at.nodes[3] + slot, knot, which]
    )
    if headings > 1:
        total += (
            at.weights[4] * quantiles[at.nodes[4] + slot, knot, which]
            + at.weights[5] * quantiles[at.nodes[5] + slot, knot, which]
            + at.weights[6] * quantiles[at.nodes[6] + slot, knot, which]
            + at.weights[7] * quantiles[at.nodes[7] + slot, knot, which]
        )
    return total


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
    """Slot, u and its density by interpolated quantile functions; slot -1 where nothing is left."""
    slots, headings = int(chain[joint, SLOTS]), grid[joint, HEADINGS]
    at = find_place(chain, grid, joint, x, y, heading)
    for slot in range(slots):
        low, high = segment(chain, joint, slot, on)
        found[slot, LOG_MASS] = slot_value(values, at, slot, headings) if high > low else -math.inf
    slot, share, rest = _choose(found, slots, uniform)
    if slot < 0:
        return -1, 0.0, 0.0
    v = knot_of_level(rest)
    knot = min(int(v / STEP), KNOTS - 2)
    where, rate = spline(
        _knot(quantiles, at, slot, knot, 0, headings),
        _knot(quantiles, at, slot, knot, 1, headings),
        _knot(quantiles, at, slot, knot + 1, 0, headings),
        _knot(quantiles, at, slot, knot + 1, 1, headings),
        v / STEP - knot,
    )
    low, high = segment(chain, joint, slot, on)
    _, level_rate = level_of_knot(v)
    return slot, low + (high - low) * where, share * level_rate / (rate * (high - low))


@inlined
def write_root(
    chain: np.ndarray, both: Roots, up: bool, heading: float, positions: np.ndarray, row: int
) -> None:
    """Write the closing joints of one of the roots to a row of positions (m, N)."""
    joint = int(chain[0, CLOSING])
    sign = 1.0 if up else -1.0
    first, second = both.base - sign * both.offset, sign * both.bend
    positions[row, joint], positions[row, joint + 1] = first, second
    if chain[0, POSE] > 0.0:
        from_rail = joint == 0 and chain[0, RAIL] > 0.0
        positions[row, joint + 2] = last_angle(from_rail, heading, first, second)


@inlined
def _error(chain: np.ndarray, positions: np.ndarray, row: int, carried: np.ndarray) -> float:
    """Distance [m] of what a row's configuration carries from where it is to be."""
    x, y, heading = -carried[0], -carried[1], 0.0
    for joint in range(int(chain[0, CLOSING]) + 2):
        if joint == 0 and chain[0, RAIL] > 0.0:
            y += positions[row, joint]
        else:
            heading += positions[row, joint]
            x += chain[joint, LINK] * math.cos(heading)
            y += chain[joint, LINK] * math.sin(heading)
    return math.sqrt(x * x + y * y)


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
        uniforms: (m, F + 1) numbers in [0, 1) for F free joints and the root.
        positions: (m, N), written.
        log_weights, log_priors: (m,) [nats], written; minus infinite where a draw leads nowhere.
        errors: (m,) distance of the carried point from that [m], written.
    """
    closing, dof = int(chain[0, CLOSING]), positions.shape[1]
    for row in range(len(positions)):
        x, y, heading = state[0], state[1], state[2]
        log_free, log_density, density, slot = 0.0, 0.0, 1.0, 0
        for joint in range(closing):
            on, uniform = arc(chain, joint, x, y), uniforms[row, joint]
            slot, u, own = -1, 0.0, 0.0
            if joint == 0:
                slot, u, own = _by_quadrature(first, int(chain[joint, SLOTS]), uniform)
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
            positions[row, joint] = theta
            x, y, heading = advance(chain, joint, x, y, heading, theta)
        log_weights[row] = log_priors[row] = -math.inf
        if slot < 0:
            continue
        both = roots(chain, x, y, heading)
        total = log_sum(both.log_up, both.log_down)
        if not total + log_free > -math.inf:
            continue
        log_weights[row] = log_free + total - log_density - math.log(density)
        share, rest = math.exp(both.log_up - total), uniforms[row, closing]
        up = rest < share
        rest = rest / share if up else (rest - share) / (1.0 - share)
        write_root(chain, both, up, heading, positions, row)
        log_priors[row] = 0.0
        for joint in range(dof):
            theta, log_own, rest = settle(chain, joint, positions[row, joint], rest)
            positions[row, joint] = theta
            log_priors[row] += log_own
        errors[row] = _error(chain, positions, row, carried)
