"""The solutions of an arm all of whose joints close the chain: finitely many."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.chain.chain_array import POSE, RAIL
from ik_nn_ros.chain.states import last_angle, roots

LEAST_SHARE = 1e-9  # of the most likely solution's mass; a turn with less does not count


class FiniteSolutions(NamedTuple):
    """All solutions of a target.

    Attributes:
        positions: (k, N) [rad], of a rail [m]; each root in each of its turns.
        log_masses: (k,) log of the prior over |J| [nats].
        log_volume: log |J|, the same for both roots.
    """

    positions: np.ndarray
    log_masses: np.ndarray
    log_volume: float


def all_solutions(arm: PlanarArm, chain: np.ndarray, state: np.ndarray) -> FiniteSolutions:
    """Every solution of what the first joint sees of a target (3,), the most likely first."""
    both = roots(chain, *state)
    positions, log_masses = [], []
    if both.log_volume > -np.inf:
        for sign in (1.0, -1.0):
            angles = [both.base - sign * both.offset, sign * both.bend]
            if chain[0, POSE] > 0.0:
                angles.append(last_angle(chain[0, RAIL] > 0.0, state[2], *angles))
            turns = [
                joint.turns(np.array([angle]))
                for joint, angle in zip(arm.joints, angles, strict=True)
            ]
            positions += product(*(turn.values[0] for turn in turns))
            log_masses += map(sum, product(*(turn.log_densities[0] for turn in turns)))
    log_masses = np.array(log_masses) - both.log_volume
    order = np.argsort(-log_masses, kind="stable")
    order = order[log_masses[order] > np.max(log_masses, initial=-1e300) + np.log(LEAST_SHARE)]
    positions = np.array(positions).reshape(-1, arm.dof)[order]
    return FiniteSolutions(positions, log_masses[order], both.log_volume)
