"""Draws from the conditionals of the nodes around a state, mixed by what each one weighs there.

Where limits cut a cell, the conditionals of its nodes begin or end at different angles, and those
of the states in it anywhere between. Interpolated quantiles would leave hardly any density where
one node has much of its mass and the others none; a mixture covers what any node does.
"""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.compilation import inlined
from ik_nn_ros.posterior.conditional import DENSITY
from ik_nn_ros.posterior.quantiles import density_at, drawn_from
from ik_nn_ros.posterior.tables import LOG_VALUE, Place


@inlined
def mixed_quantile(
    values: np.ndarray,
    quantiles: np.ndarray,
    at: Place,
    slot: int,
    headings: int,
    found: np.ndarray,
    which: float,
    share: float,
) -> tuple[float, float]:
    """A place in [0, 1] of a slot's interval, drawn from the mixture of its nodes; its density.

    A node weighs its interpolation weight times its V. ``which`` in [0, 1) chooses it, ``share``
    the place: by one number for both, places would move fast with the state. ``found`` is scratch.
    """
    nodes, largest, total = 4 if headings == 1 else 8, -math.inf, 0.0
    for node in range(nodes):
        if at.weights[node] > 0.0:
            largest = max(largest, values[at.nodes[node] + slot, LOG_VALUE])
    for node in range(nodes):
        excess = values[at.nodes[node] + slot, LOG_VALUE] - largest
        found[slot, DENSITY + node] = at.weights[node] * math.exp(min(excess, 0.0))
        total += found[slot, DENSITY + node]
    rest, own, chosen = which * total, 0.0, 0
    for node in range(nodes):
        if found[slot, DENSITY + node] > 0.0:
            rest -= own
            own, chosen = found[slot, DENSITY + node], node
            if rest < own:
                break
    place, density = drawn_from(quantiles, at.nodes[chosen] + slot, share), 0.0
    for node in range(nodes):
        if found[slot, DENSITY + node] > 0.0:
            own = density_at(quantiles, at.nodes[node] + slot, place)
            density += found[slot, DENSITY + node] * own
    return place, density / total
