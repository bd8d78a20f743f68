"""What the exact sampler knows of the states of each joint, at the nodes of a grid.

The value of a state is V_i, see `ik_nn_ros.chain`; of the closing joints it is known, of the other
free joints but the first it is tabulated by slots, as a logarithm, over distance, bearing and, for
poses, the heading less the bearing. Beside it stand quantile functions of the joint's conditional,
see `quantiles`: they move with the state, where densities between two nodes would blur. A joint
that is drawn by `pieces` has its V alone, of all slots together.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ik_nn_ros.chain.arithmetic import atan2, log
from ik_nn_ros.chain.chain_array import (
    BEARING,
    BEARINGS_WIDTH,
    BOUNDED,
    CLOSING,
    INNER_POWER,
    OUTER_POWER,
    RIM,
    RIM_WIDTH,
    TURN,
)
from ik_nn_ros.chain.states import TINY, bounds_at, roots
from ik_nn_ros.compilation import inlined, plain

# Columns of a grid: nodes over distance, bearing and heading, slots of each node, and the first
# entry of the joint's table.
DISTANCES, BEARINGS, HEADINGS, NODE_SLOTS, ENTRY = range(5)
# Columns of the values: log V less that of `Place.ends` [nats], and its second differences over
# distance, bearing and heading.
LOG_VALUE, BY_DISTANCE, BY_BEARING, BY_HEADING = range(4)

BISECTIONS = 60  # halve [0, 1] to rounding


class Tables(NamedTuple):
    """The tables of all joints, one after the other.

    Attributes:
        grid: (N, 5) integers, its columns as above; zero where a joint has no table.
        values: (e, 4) float32 of the slots, its columns as above; a node's slots are neighbours,
            then come its headings, its bearings, its distances.
        quantiles: (e, KNOTS, 2) float32, of the same entries, see `quantiles.tabulate`. Those of a
            joint that is drawn by `pieces`, which are the last ones, have none.
    """

    grid: np.ndarray
    values: np.ndarray
    quantiles: np.ndarray


class Place(NamedTuple):
    """Where a state is in a joint's table.

    Attributes:
        nodes: first entries of the nodes around it: four at one heading, then four at the next.
        weights: of these nodes; the latter four have none where there is but one heading.
        bends: half u (1 - u) for the shares u of the way from node to node, over distance, bearing
            and heading: of the second differences, what a straight line misses.
        ends: the factor of V that vanishes at the ends of the reach; 0 beyond them.
    """

    nodes: tuple[int, int, int, int, int, int, int, int]
    weights: tuple[float, float, float, float, float, float, float, float]
    bends: tuple[float, float, float]
    ends: float


@inlined
def node_of_share(chain: np.ndarray, joint: int, from_inner: float, from_outer: float) -> float:
    """Where in [0, 1] of its nodes a distance is, given roots of its shares from its bounds.

    Nodes are denser towards both bounds, and the denser where the prior keeps the chain, see `RIM`.
    """
    rim = chain[joint, RIM]
    if 0.0 < rim < 1.0:
        ratio = from_outer / rim
        from_outer = log(ratio + math.sqrt(ratio * ratio + 1.0)) / chain[joint, RIM_WIDTH]
    return 0.5 * (1.0 + from_inner - from_outer)


@plain
def share_of_node(chain: np.ndarray, joint: int, node: float) -> float:
    """The inverse of `node_of_share`: how far a node lies between the bounds of the distance."""
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if node_of_share(chain, joint, math.sqrt(middle), math.sqrt(1.0 - middle)) < node:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@inlined
def bearing_of_node(chain: np.ndarray, joint: int, node: int, count: int) -> float:
    """Bearing [rad] of a node, evenly over those that the chain reaches."""
    return chain[joint, BEARING] + chain[joint, BEARINGS_WIDTH] * (node + 0.5) / count


@inlined
def ends_factor(chain: np.ndarray, joint: int, from_inner: float, from_outer: float) -> float:
    """How V vanishes at the ends of the reach, given roots of the shares of its width from them."""
    factor = 1.0
    for _ in range(int(chain[joint, INNER_POWER])):
        factor *= from_inner
    for _ in range(int(chain[joint, OUTER_POWER])):
        factor *= from_outer
    return factor


@inlined
def _between_bearings(
    chain: np.ndarray, joint: int, bearing: float, count: int
) -> tuple[int, int, float]:
    """Two neighbouring nodes and how far a bearing is from the one to the other."""
    width = chain[joint, BEARINGS_WIDTH]
    turned = bearing - chain[joint, BEARING]
    node = (turned - TURN * math.floor(turned / TURN)) / width * count - 0.5
    if width == TURN:
        low = math.floor(node)
        return (int(low) + count) % count, (int(low) + 1) % count, node - low
    if node > 0.5 * count * (1.0 + TURN / width):  # beyond the bearings, nearer to the first one
        node = 0.0
    node = min(max(node, 0.0), count - 1.0)
    first = min(int(node), count - 2)
    return first, first + 1, node - first


@inlined
def find_place(
    chain: np.ndarray, grid: np.ndarray, joint: int, x: float, y: float, heading: float
) -> Place:
    """Look a state up in a joint's table."""
    distances, bearings, headings = (
        grid[joint, DISTANCES],
        grid[joint, BEARINGS],
        grid[joint, HEADINGS],
    )
    needed = bearings > 1 or headings > 1 or chain[joint, BOUNDED] > 0.0
    bearing = atan2(y, x) if needed else 0.0
    inner, outer = bounds_at(chain, joint, bearing)
    share = (math.sqrt(x * x + y * y) - inner) / (outer - inner + TINY)
    within = 0.0 < share < 1.0
    share = min(max(share, 0.0), 1.0)
    from_inner, from_outer = math.sqrt(share), math.sqrt(1.0 - share)
    ends = ends_factor(chain, joint, from_inner, from_outer) if within else 0.0
    node = node_of_share(chain, joint, from_inner, from_outer) * distances - 0.5
    node = min(max(node, 0.0), distances - 1.0)
    row = min(int(node), distances - 2)
    u = node - row
    first, second, v = 0, 0, 0.0
    if bearings > 1:
        first, second, v = _between_bearings(chain, joint, bearing, bearings)
    stride = headings * grid[joint, NODE_SLOTS]
    row = grid[joint, ENTRY] + row * bearings * stride
    next_row = row + bearings * stride
    first, second = first * stride, second * stride
    a, b, c, d = row + first, row + second, next_row + first, next_row + second
    wa, wb, wc, wd = (1.0 - u) * (1.0 - v), (1.0 - u) * v, u * (1.0 - v), u * v
    if headings == 1:
        return Place(
            (a, b, c, d, a, b, c, d),
            (wa, wb, wc, wd, 0.0, 0.0, 0.0, 0.0),
            (0.5 * u * (1.0 - u), 0.5 * v * (1.0 - v), 0.0),
            ends,
        )
    turned = (heading - bearing) / TURN
    node = (turned - math.floor(turned)) * headings
    low = int(node)
    w = node - low
    h = low % headings * grid[joint, NODE_SLOTS]
    k = (low + 1) % headings * grid[joint, NODE_SLOTS]
    return Place(
        (a + h, b + h, c + h, d + h, a + k, b + k, c + k, d + k),
        (
            *(wa * (1.0 - w), wb * (1.0 - w), wc * (1.0 - w), wd * (1.0 - w)),
            wa * w,
            wb * w,
            wc * w,
            wd * w,
        ),
        (0.5 * u * (1.0 - u), 0.5 * v * (1.0 - v), 0.5 * w * (1.0 - w)),
        ends,
    )


@inlined
def _node_value(values: np.ndarray, at: Place, entry: int) -> float:
    return (
        values[entry, LOG_VALUE]
        - at.bends[0] * values[entry, BY_DISTANCE]
        - at.bends[1] * values[entry, BY_BEARING]
        - at.bends[2] * values[entry, BY_HEADING]
    )


@inlined
def slot_value(values: np.ndarray, at: Place, slot: int, headings: int) -> float:
    """Log V of a slot [nats], less that of the ends; quadratic between nodes."""
    value = (
        at.weights[0] * _node_value(values, at, at.nodes[0] + slot)
        + at.weights[1] * _node_value(values, at, at.nodes[1] + slot)
        + at.weights[2] * _node_value(values, at, at.nodes[2] + slot)
        + at.weights[3] * _node_value(values, at, at.nodes[3] + slot)
    )
    if headings > 1:
        value += (
            at.weights[4] * _node_value(values, at, at.nodes[4] + slot)
            + at.weights[5] * _node_value(values, at, at.nodes[5] + slot)
            + at.weights[6] * _node_value(values, at, at.nodes[6] + slot)
            + at.weights[7] * _node_value(values, at, at.nodes[7] + slot)
        )
    return value


@inlined
def state_value(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
) -> tuple[float, float]:
    """V of a state as a logarithm [nats] and a factor beside it, which spares more logarithms."""
    if joint == int(chain[0, CLOSING]):
        both = roots(chain, x, y, heading)
        high, low = max(both.log_up, both.log_down), min(both.log_up, both.log_down)
        return high, 1.0 if low == -math.inf else 1.0 + math.exp(low - high)
    at = find_place(chain, grid, joint, x, y, heading)
    headings = grid[joint, HEADINGS]
    high, factor = -math.inf, 0.0
    for slot in range(grid[joint, NODE_SLOTS]):
        other = slot_value(values, at, slot, headings)
        if other > high:
            factor = 1.0 + factor * math.exp(high - other)
            high = other
        else:
            factor += math.exp(other - high)
    return high, factor * at.ends
