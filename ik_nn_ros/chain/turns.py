"""The priors of a tile's rows, and the turns in which their angles are."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.chain.chain_array import (
    ALONE,
    FIRST_TURN,
    LAST_TURN,
    LOG_NORMALISER,
    MEAN,
    PERIOD,
    PRECISION,
    START,
    UPPER,
)
from ik_nn_ros.chain.states import log_prior_of_turns
from ik_nn_ros.chain.tile import LOG_OWN, LOG_PRIOR, POSITIONS, THETA, UNIFORM
from ik_nn_ros.compilation import inner, plain


@plain
def write_log_prior(chain: np.ndarray, joint: int, tile: np.ndarray, rows: int) -> None:
    """Write the log prior density [nats] of the first rows' angles, see `states.log_prior`."""
    start, upper, period = chain[joint, START], chain[joint, UPPER], chain[joint, PERIOD]
    mean, precision, alone = chain[joint, MEAN], chain[joint, PRECISION], chain[joint, ALONE]
    log_normaliser, several = chain[joint, LOG_NORMALISER], 0
    for i in range(rows):
        theta = tile[THETA + i]
        theta -= period * np.floor((theta - start) / period)
        off = theta - mean
        log_own = log_normaliser - 0.5 * precision * off * off
        tile[LOG_OWN + i] = -math.inf if theta > upper else log_own
        one = abs(off) < alone
        several += 0 if one else 1
    if several == 0:
        return
    for i in range(rows):
        theta = tile[THETA + i]
        theta -= period * math.floor((theta - start) / period)
        if not abs(theta - mean) < alone:
            tile[LOG_OWN + i] = log_prior_of_turns(chain, joint, theta)


@plain
def settle(chain: np.ndarray, joint: int, tile: np.ndarray) -> None:
    """Put each row's position in one of its turns, drawn by the prior; add its log density [nats].

    Where there are several turns, the row's uniform number becomes what is left of it.
    """
    start, period, alone = chain[joint, START], chain[joint, PERIOD], chain[joint, ALONE]
    mean, precision = chain[joint, MEAN], chain[joint, PRECISION]
    log_normaliser, several = chain[joint, LOG_NORMALISER], 0
    angles = POSITIONS + TILE * joint
    for i in range(TILE):
        theta = tile[angles + i]
        theta -= period * np.floor((theta - start) / period)
        off = theta - mean
        one = abs(off) < alone
        tile[angles + i] = theta
        tile[LOG_PRIOR + i] += log_normaliser - 0.5 * precision * off * off if one else 0.0
        several += 0 if one else 1
    if several == 0:
        return
    for i in range(TILE):
        if not abs(tile[angles + i] - mean) < alone:
            theta, rest = _among_turns(chain, joint, tile[angles + i], tile[UNIFORM + i])
            tile[angles + i], tile[UNIFORM + i] = theta, rest
            tile[LOG_PRIOR + i] += log_normaliser - 0.5 * precision * (theta - mean) ** 2


@inner
def _among_turns(
    chain: np.ndarray, joint: int, theta: float, uniform: float
) -> tuple[float, float]:
    """An angle in one of several turns, and what is left of the uniform number that drew it."""
    rest = uniform * math.exp(
        log_prior_of_turns(chain, joint, theta) - chain[joint, LOG_NORMALISER]
    )
    angle, chosen = theta, theta
    for turn in range(int(chain[joint, FIRST_TURN]), int(chain[joint, LAST_TURN]) + 1):
        angle = theta + chain[joint, PERIOD] * turn
        if angle <= chain[joint, UPPER]:
            density = math.exp(-0.5 * chain[joint, PRECISION] * (angle - chain[joint, MEAN]) ** 2)
            if density > 0.0:
                chosen = angle
                if rest < density:
                    return chosen, rest / density
                rest -= density
    return chosen, 0.5
