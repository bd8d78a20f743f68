"""A network's conditionals of all rows of a chunk, joint by joint: features, network, draws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.backends.kernels.arithmetic import exp
from ik_nn_ros.backends.kernels.layers import floats
from ik_nn_ros.chain.chain_array import SLOTS
from ik_nn_ros.chain.closing import close
from ik_nn_ros.chain.features import write_features
from ik_nn_ros.chain.states import Arc, advance, angle_at, arc, log_prior, segment
from ik_nn_ros.compilation import compiled, inlined, plain
from ik_nn_ros.models.architectures import CINNConfig
from ik_nn_ros.posterior.conditional import LOG_MASS
from ik_nn_ros.posterior.draws import choose
from ik_nn_ros.posterior.quantiles import knot_of_level, level_of_knot, spline

if TYPE_CHECKING:
    from ik_nn_ros.models.trained import TrainedModel

ZERO, ONE = np.float32(0.0), np.float32(1.0)
MOST_EXPONENT = np.float32(60.0)  # either way
LEAST_RISE, MOST_LOG_RATE = CINNConfig.least_rise, CINNConfig.most_log_rate


class ConditionalsKernel:
    """The network itself, see `models.cinn`: features of one joint's states -> what it says."""

    def __init__(self, model: TrainedModel) -> None:
        tensors, layers = model.tensors, model.config.hidden_layers + 1
        self._scale = floats(1.0 / tensors["std"])
        self._mean = floats(tensors["mean"])
        self._bound = np.float32(model.config.most_deviations)
        self._weights = tuple(floats(tensors[f"weights.{layer}"]) for layer in range(layers))
        self._biases = tuple(floats(tensors[f"biases.{layer}"]) for layer in range(layers))

    def __call__(self, joint: int, features: np.ndarray) -> np.ndarray:
        """(m, f) -> (m, outputs); the features are standardised in place."""
        return _evaluate(
            features,
            self._mean[joint],
            self._scale[joint],
            self._bound,
            tuple(weights[joint] for weights in self._weights),
            tuple(biases[joint] for biases in self._biases),
        )


@compiled
def _evaluate(
    values: np.ndarray,
    mean: np.ndarray,
    scale: np.ndarray,
    bound: np.float32,
    weights: tuple[np.ndarray, ...],
    biases: tuple[np.ndarray, ...],
) -> np.ndarray:
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = (values[row, column] - mean[column]) * scale[column]
            values[row, column] = min(max(value, -bound), bound)
    for layer in range(len(weights)):
        values = np.dot(values, weights[layer])
        bias = biases[layer]
        last = layer == len(weights) - 1
        for row in range(values.shape[0]):
            for column in range(values.shape[1]):
                value = values[row, column] + bias[column]
                if not last:  # SiLU
                    power = min(max(-value, -MOST_EXPONENT), MOST_EXPONENT)
                    value = value / (ONE + exp(power))
                values[row, column] = value
    return values


@plain
def look(
    chain: np.ndarray, joint: int, states: np.ndarray, arcs: np.ndarray, features: np.ndarray
) -> None:
    """Write arcs (m, 3) and features (m, f) of a joint's states (m, 3)."""
    for row in range(len(states)):
        x, y, heading = states[row, 0], states[row, 1], states[row, 2]
        on = arc(chain, joint, x, y)
        arcs[row, 0], arcs[row, 1], arcs[row, 2] = on.centre, on.middle, on.half
        write_features(chain, joint, x, y, heading, on, features, row)


@inlined
def _write_masses(
    chain: np.ndarray, joint: int, on: Arc, said: np.ndarray, row: int, found: np.ndarray
) -> None:
    """Write the log masses of a joint's slots, as far as there is anything left of them."""
    for slot in range(int(chain[joint, SLOTS])):
        low, high = segment(chain, joint, slot, on) if on.half > 0.0 else (0.0, 0.0)
        found[slot, LOG_MASS] = said[row, slot] if high > low else -math.inf


@inlined
def _rate(logarithm: np.float32) -> float:
    return math.exp(min(max(logarithm, -MOST_LOG_RATE), MOST_LOG_RATE))


@inlined
def _quantile(
    said: np.ndarray, row: int, first: int, rises: np.ndarray, share: float
) -> tuple[float, float]:
    """Where in [0, 1] of its interval a share of a slot's mass lies, and the density there.

    The network says logarithms of the quantile's rises from knot to knot, beside those of an even
    density, and of its rates there, from the column ``first`` on.
    """
    bins = len(rises)
    v = knot_of_level(share)
    knot = min(int(v * bins), bins - 1)
    largest, total, below, own = -MOST_EXPONENT, ZERO, ZERO, ZERO
    for index in range(bins):
        largest = max(largest, said[row, first + index])
    for index in range(bins):
        power = max(said[row, first + index] - largest, -MOST_EXPONENT)
        rise = rises[index] * exp(power)
        total += rise
        below += rise if index < knot else ZERO
        own = rise if index == knot else own
    learned = (1.0 - LEAST_RISE * bins) / total
    left = learned * below + LEAST_RISE * knot
    right = left + learned * own + LEAST_RISE
    rates = first + bins + knot
    where, rate = spline(
        left,
        _rate(said[row, rates]),
        right,
        _rate(said[row, rates + 1]),
        1.0 / bins,
        v * bins - knot,
    )
    _, level_rate = level_of_knot(v)
    return min(where, 1.0), level_rate / rate


@plain
def step(
    chain: np.ndarray,
    joint: int,
    rises: np.ndarray,
    said: np.ndarray,
    uniforms: np.ndarray,
    arcs: np.ndarray,
    states: np.ndarray,
    log_ratios: np.ndarray,
    found: np.ndarray,
    positions: np.ndarray,
) -> None:
    """Draw a joint in every row, and write the states of the next one.

    Args:
        chain: see `chain_array`.
        joint: which.
        rises: (bins,) of an even density's quantile function, from knot to knot.
        said: (m, outputs) by the network, or (1, outputs) for all rows.
        uniforms: (m, F + 1) numbers in [0, 1).
        arcs: (m, 3) of the joint's states.
        states: (m, 3) of the joint, then of the next one.
        log_ratios: (m,) of prior over density so far [nats]; minus infinite where a row leads
            nowhere.
        found: scratch, a conditional.
        positions: (m, N), whose column of the joint is written.
    """
    width = 2 * len(rises) + 1
    most_slots = said.shape[1] // (width + 1)
    for row in range(len(states)):
        if log_ratios[row] == -math.inf:
            continue
        on = Arc(arcs[row, 0], arcs[row, 1], arcs[row, 2])
        of = min(row, len(said) - 1)
        _write_masses(chain, joint, on, said, of, found)
        slot, mass, share = choose(chain, joint, found, uniforms[row, joint])
        if slot < 0:
            log_ratios[row] = -math.inf
            continue
        low, high = segment(chain, joint, slot, on)
        where, density = _quantile(said, of, most_slots + width * slot, rises, share)
        u = low + (high - low) * where
        theta = angle_at(chain, joint, slot, on, math.cos(u))
        jacobian = (high - low) * on.half * abs(math.sin(u))
        log_ratios[row] += log_prior(chain, joint, theta) + math.log(jacobian / (mass * density))
        positions[row, joint] = theta
        x, y, heading = states[row, 0], states[row, 1], states[row, 2]
        states[row, 0], states[row, 1], states[row, 2] = advance(chain, joint, x, y, heading, theta)


@plain
def close_all(
    chain: np.ndarray,
    states: np.ndarray,
    log_ratios: np.ndarray,
    uniforms: np.ndarray,
    carried: np.ndarray,
    out: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Close every row that leads somewhere, see `chain.closing.close`."""
    last = uniforms.shape[1] - 1
    for row in range(len(states)):
        if log_ratios[row] > -math.inf:
            x, y, heading = states[row, 0], states[row, 1], states[row, 2]
            uniform = uniforms[row, last]
            close(chain, x, y, heading, log_ratios[row], uniform, carried, out, row)
