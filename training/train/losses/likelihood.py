"""How unlikely a network's conditionals make what the teacher says, and the gradient of that.

In machine code, because the work is many small sums: PyTorch's own operations take five times as
long, and a training is nothing else.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from ik_nn_ros.backends.chain_sampler import even_rises
from ik_nn_ros.chain.arithmetic import exp
from ik_nn_ros.compilation import inlined, plain
from ik_nn_ros.models.architectures import CINNConfig
from ik_nn_ros.threads import in_threads, num_threads

LEAST_RISE, MOST_LOG_RATE = CINNConfig.least_rise, np.float32(CINNConfig.most_log_rate)
MOST_EXPONENT = np.float32(60.0)
LEAST_MASS = 1e-6  # of a slot, whose density then does not count
EDGE_WITHIN, EDGE_KNOT = 1e-6, 1e-4  # of a knot's interval, of all knots: rates end there
NO_MASS = -1e30
PIECES = 4  # of the rows, for threads; as many on every machine, so that sums round alike
LEAST_GRADIENT = 1e-30  # smaller ones are none: denormals are zero in some threads alone


def negative_log_likelihood(
    said: torch.Tensor, masses: torch.Tensor, places: torch.Tensor, config: CINNConfig
) -> torch.Tensor:
    """Its sum () over all states, of what a network says of them.

    The mean over the places by their masses stands for the expectation over the teacher's
    conditional.

    Args:
        said: (..., outputs) by the network, see `CINN.forward`.
        masses: (..., S, k) that the places stand for, sum 1 of each state.
        places: (..., S, k) in [0, 1] of each slot's interval.
        config: of the network.
    """
    return _NegativeLogLikelihood.apply(said, masses, places, config.bins)


class _NegativeLogLikelihood(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        said: torch.Tensor,
        masses: torch.Tensor,
        places: torch.Tensor,
        bins: int,
    ) -> torch.Tensor:
        rows, shape = said.detach().reshape(-1, said.shape[-1]).numpy(), (-1, *places.shape[-2:])
        masses, places = masses.reshape(shape).numpy(), places.reshape(shape).numpy()
        gradient, totals = np.zeros_like(rows), np.zeros(PIECES)

        def work(piece: int) -> None:
            part = slice(len(rows) * piece // PIECES, len(rows) * (piece + 1) // PIECES)
            totals[piece] = _sum_and_gradient(
                rows[part],
                masses[part],
                places[part],
                even_rises(bins),
                gradient[part],
                np.zeros((SCRATCH, bins + 1)),
                np.zeros(masses.shape[1]),
            )

        in_threads(work, range(PIECES), min(num_threads(), PIECES))
        ctx.gradient = torch.from_numpy(gradient).view(said.shape)
        return said.new_tensor(totals.sum())

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, of_sum: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        return ctx.gradient * of_sum, None, None, None


# Rows of scratch: a slot's shares of the rises, the rises, the knots' places, the rates, whether
# these are within their bounds, and the gradients by rises and by log rates.
SHARE, RISE, KNOT, RATE, FREE, BY_RISE, BY_LOG_RATE, SCRATCH = range(8)


@plain
def _sum_and_gradient(
    said: np.ndarray,
    masses: np.ndarray,
    places: np.ndarray,
    rises: np.ndarray,
    gradient: np.ndarray,
    scratch: np.ndarray,
    of_slots: np.ndarray,
) -> float:
    """The sum over rows; writes its gradient by what is said (m, outputs) over zeros."""
    slots, bins, total = masses.shape[1], len(rises), 0.0
    for row in range(len(said)):
        for slot in range(slots):
            of_slots[slot] = 0.0
            for index in range(places.shape[2]):
                of_slots[slot] += masses[row, slot, index]
        total += _add_masses(said, of_slots, row, gradient)
        for slot in range(slots):
            if of_slots[slot] >= LEAST_MASS:
                first = slots + slot * (2 * bins + 1)
                _read(said, row, first, rises, scratch)
                for index in range(places.shape[2]):
                    mass = masses[row, slot, index]
                    total += mass * _add_place(places[row, slot, index], bins, mass, scratch)
                _write(row, first, bins, scratch, gradient)
    return total


@inlined
def _add_masses(said: np.ndarray, masses: np.ndarray, row: int, gradient: np.ndarray) -> float:
    """The cross entropy of the slots' masses; its gradient is written."""
    slots = len(masses)
    largest, total, entropy, mass = NO_MASS, 0.0, 0.0, 0.0
    for slot in range(slots):
        if masses[slot] > 0.0:
            largest = max(largest, said[row, slot])
            mass += masses[slot]
    for slot in range(slots):
        if masses[slot] > 0.0:
            total += math.exp(said[row, slot] - largest)
    log_total = largest + math.log(total)
    for slot in range(slots):
        if masses[slot] > 0.0:
            log_share = said[row, slot] - log_total
            entropy -= masses[slot] * log_share
            gradient[row, slot] = _normal(mass * math.exp(log_share) - masses[slot])
    return entropy


@inlined
def _normal(value: float) -> float:
    return value if abs(value) > LEAST_GRADIENT else 0.0


@inlined
def _read(said: np.ndarray, row: int, first: int, rises: np.ndarray, scratch: np.ndarray) -> None:
    """A slot's quantile function from what is said of it, and gradients of zero."""
    bins = len(rises)
    largest, total, knot = -MOST_EXPONENT, 0.0, 0.0
    for index in range(bins):
        largest = max(largest, said[row, first + index])
    for index in range(bins):
        power = max(said[row, first + index] - largest, -MOST_EXPONENT)
        scratch[SHARE, index] = rises[index] * exp(power)
        total += scratch[SHARE, index]
    for index in range(bins):
        scratch[SHARE, index] /= total
        scratch[RISE, index] = (1.0 - LEAST_RISE * bins) * scratch[SHARE, index] + LEAST_RISE
        scratch[KNOT, index] = knot
        knot += scratch[RISE, index]
        scratch[BY_RISE, index] = 0.0
    for index in range(bins + 1):
        logarithm = said[row, first + bins + index]
        scratch[FREE, index] = 1.0 if abs(logarithm) < MOST_LOG_RATE else 0.0
        scratch[RATE, index] = exp(min(max(logarithm, -MOST_LOG_RATE), MOST_LOG_RATE))
        scratch[BY_LOG_RATE, index] = 0.0


@inlined
def _write(row: int, first: int, bins: int, scratch: np.ndarray, gradient: np.ndarray) -> None:
    """The gradient by what is said, of that by rises and log rates."""
    mean = 0.0
    for index in range(bins):
        mean += scratch[SHARE, index] * scratch[BY_RISE, index]
    for index in range(bins):
        by_share = scratch[SHARE, index] * (scratch[BY_RISE, index] - mean)
        gradient[row, first + index] = _normal((1.0 - LEAST_RISE * bins) * by_share)
    for index in range(bins + 1):
        by_log_rate = scratch[BY_LOG_RATE, index]
        gradient[row, first + bins + index] = _normal(scratch[FREE, index] * by_log_rate)


@inlined
def _add_place(place: float, bins: int, weight: float, scratch: np.ndarray) -> float:
    """Minus the log density at a place; ``weight`` times its gradient is added to.

    Between two knots the place is left + rise g / q, with t the share of the way, tau = t (1 - t),
    s the slope rise / step, g = s t^2 + a tau, q = s + (a + b - 2 s) tau and a, b the rates; its
    rate by v is s^2 n / q^2 with n = b t^2 + 2 s tau + a (1 - t)^2. The density is the level's rate
    by v over it, at the t that the place has; the gradient goes by that t, too.
    """
    step, knot = 1.0 / bins, 0
    while knot < bins - 1 and place >= scratch[KNOT, knot + 1]:
        knot += 1
    rise, a, b = scratch[RISE, knot], scratch[RATE, knot], scratch[RATE, knot + 1]
    s = rise / step
    bend = a + b - 2.0 * s
    up = min(max(place - scratch[KNOT, knot], 0.0), rise)
    # t is a root of a quadratic, in the form that loses nothing where it is small.
    linear, square = rise * a - up * bend, rise * (s - a) + up * bend
    t = 2.0 * s * up / (linear + math.sqrt(max(linear * linear + 4.0 * square * s * up, 0.0)))
    t = min(max(t, EDGE_WITHIN), 1.0 - EDGE_WITHIN)
    rest, tau, odd = 1.0 - t, t * (1.0 - t), 1.0 - 2.0 * t
    g, q = s * t * t + a * tau, s + bend * tau
    n = b * t * t + 2.0 * s * tau + a * rest * rest
    rate = s * s * n / (q * q)
    v = min(max((knot + t) * step, EDGE_KNOT), 1.0 - EDGE_KNOT)
    both = 1.0 - 2.0 * v + 2.0 * v * v
    log_density = math.log(2.0 * v * (1.0 - v) / (both * both * rate))
    by_v = 1.0 / v - 1.0 / (1.0 - v) - 4.0 * (2.0 * v - 1.0) / both
    by_t = step * by_v - (2.0 * (b * t + s * odd - a * rest) / n - 2.0 * bend * odd / q)
    moved = -by_t / (rate * step)  # by how far the place of a fixed t moves
    scale = rise / (q * q)
    by_a = rest * rest / n - 2.0 * tau / q - moved * scale * tau * (q - g)
    by_b = t * t / n - 2.0 * tau / q + moved * scale * tau * g
    by_s = 2.0 / s + 2.0 * tau / n - 2.0 * (1.0 - 2.0 * tau) / q
    by_s -= moved * scale * (t * t * q - g * (1.0 - 2.0 * tau))
    scratch[BY_LOG_RATE, knot] += weight * by_a * a
    scratch[BY_LOG_RATE, knot + 1] += weight * by_b * b
    scratch[BY_RISE, knot] += weight * (by_s / step - moved * g / q)
    for before in range(knot):
        scratch[BY_RISE, before] -= weight * moved
    return -log_density
