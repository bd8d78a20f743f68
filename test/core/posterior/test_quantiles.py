"""Quantile functions of a joint's conditional, against the conditional by a plain quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSITION
from ik_nn_ros.chain.chain_array import SLOTS, chain_array
from ik_nn_ros.chain.states import advance, angle_at, arc, log_prior, roots
from ik_nn_ros.posterior.conditional import NODES, find_conditional, new_conditional
from ik_nn_ros.posterior.densities import BEGIN, END, HIGH, LOG_MASS, LOW, SIDE, quantile
from ik_nn_ros.posterior.quantiles import (
    KNOTS,
    STEP,
    knot_of_level,
    level_of_knot,
    spline,
    tabulate,
)
from ik_nn_ros.posterior.tables import Tables

LEVELS = np.linspace(0.005, 0.995, 100)
FINE = 6000  # nodes of the plain quadrature
OFF = 0.05  # of all mass: how far a level by 40 cells or 17 knots may be from the plain one
ARMS = {
    "normal": PlanarArm((0.5, 0.5, 1.0), 0.2),
    "wide": PlanarArm((0.5, 0.4, 0.3), 1.5),
    "circle": PlanarArm((0.5, 0.4, 0.3), prior="uniform"),
    "limited": PlanarArm((0.6, 0.5, 0.4), 0.6, ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2))),
    "nearly a turn": PlanarArm((0.6, 0.5, 0.4), 1.0, (-3.0, 3.0)),
    "rail": PlanarArm((0.5, 0.8), (0.3, 0.6, 0.6), base="rail"),
}
EVERY_ARM = pytest.mark.parametrize("arm", ARMS.values(), ids=ARMS)
NO_TABLES = Tables(np.zeros((3, 5), np.int64), np.zeros((0, 4)), np.zeros((0, KNOTS, 2)))


def conditionals(arm: PlanarArm) -> list[tuple[np.ndarray, np.ndarray, tuple[float, float]]]:
    """The first of three joints, the others of which close: chain, conditional, target."""
    chain, found = chain_array(arm, POSITION), []
    for theta in arm.sample_prior(8, np.random.default_rng(0)):
        target = tuple(arm.forward(theta).tolist())
        conditional = new_conditional()
        find_conditional(
            chain, NO_TABLES.grid, NO_TABLES.values, 0, *target, 0.0, conditional, None, 1
        )
        found.append((chain, conditional, target))
    return found


def slots_of(chain: np.ndarray, found: np.ndarray) -> list[int]:
    return [slot for slot in range(int(chain[0, SLOTS])) if found[slot, LOG_MASS] > -math.inf]


def plain_levels(
    chain: np.ndarray, found: np.ndarray, slot: int, target: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Places u, the share of a slot's mass below each of them, and that mass."""
    u = np.linspace(found[slot, BEGIN], found[slot, END], FINE + 1)
    middles = 0.5 * (u[1:] + u[:-1])
    on, densities = arc(chain, 0, *target), []
    for middle in middles:
        theta = angle_at(found[slot, SIDE], on, math.cos(middle))
        both = roots(chain, *advance(chain, 0, *target, 0.0, theta))
        closed = math.exp(both.log_up) + math.exp(both.log_down)
        densities.append(math.exp(log_prior(chain, 0, theta)) * closed * math.sin(middle))
    masses = np.array(densities) * on.half * (u[1] - u[0])
    below = np.append(0.0, np.cumsum(masses))
    return u, below / below[-1], below[-1]


def by_knots(table: np.ndarray, share: float) -> tuple[float, float]:
    """Place in [0, 1] of a slot's interval at a level, and its rate by the level."""
    v = knot_of_level(share)
    knot = min(int(v / STEP), KNOTS - 2)
    place, rate = spline(*table[knot].tolist(), *table[knot + 1].tolist(), STEP, v / STEP - knot)
    return place, rate / level_of_knot(v)[1]


def tabulated(found: np.ndarray, slot: int) -> np.ndarray:
    table = np.zeros((1, KNOTS, 2))
    tabulate(found, slot, table, 0)
    return table[0]


def test_knots_and_levels_are_inverse_and_the_rate_is_the_derivative():
    for v in np.linspace(0.0, 1.0, 101):
        level, rate = level_of_knot(v)
        assert knot_of_level(level) == pytest.approx(v, abs=1e-12)
        after, before = level_of_knot(v + 1e-6)[0], level_of_knot(v - 1e-6)[0]
        assert rate == pytest.approx((after - before) / 2e-6, abs=1e-8)


@EVERY_ARM
def test_mass_and_quantiles_are_those_of_the_plain_quadrature(arm):
    for chain, found, target in conditionals(arm)[:1]:
        for slot in slots_of(chain, found):
            u, below, mass = plain_levels(chain, found, slot, target)
            assert found[slot, LOG_MASS] == pytest.approx(math.log(mass), abs=0.03)
            for share in LEVELS[::5]:
                place, _ = quantile(found, slot, NODES, share)
                assert np.interp(place, u, below) == pytest.approx(share, abs=OFF)
            table, width = tabulated(found, slot), found[slot, END] - found[slot, BEGIN]
            for share in LEVELS[::5]:
                place, _ = by_knots(table, share)
                level = np.interp(found[slot, BEGIN] + width * place, u, below)
                assert level == pytest.approx(share, abs=OFF)


@EVERY_ARM
def test_quantiles_rise_at_the_rate_of_their_density(arm):
    for chain, found, _ in conditionals(arm):
        for slot in slots_of(chain, found):
            pairs = [quantile(found, slot, NODES, share) for share in LEVELS]
            places, densities = np.transpose(pairs)
            assert (np.diff(places) > 0.0).all()
            assert places[-1] <= found[slot, HIGH]
            assert found[slot, LOW] <= quantile(found, slot, NODES, 0.0)[0] <= places[0]
            last, _ = quantile(found, slot, NODES, 1.0 - 1e-12)
            assert places[-1] <= last <= found[slot, HIGH] + 1e-9
            rises = [
                quantile(found, slot, NODES, share + 1e-7)[0]
                - quantile(found, slot, NODES, share - 1e-7)[0]
                for share in LEVELS
            ]
            # The density jumps between two cells; one or two of the hundred levels may lie there.
            right = np.isclose(2e-7 / np.array(rises), densities, rtol=1e-3)
            assert right.mean() > 0.97


@EVERY_ARM
def test_splines_rise_from_one_end_to_the_other_at_their_rate(arm):
    for chain, found, _ in conditionals(arm):
        for slot in slots_of(chain, found):
            table = tabulated(found, slot)
            assert by_knots(table, 1e-15)[0] == pytest.approx(0.0, abs=1e-3)
            assert by_knots(table, 1.0 - 1e-15)[0] == pytest.approx(1.0, abs=1e-3)
            places, rates = np.transpose([by_knots(table, share) for share in LEVELS])
            assert (np.diff(places) > 0.0).all()
            rises = [
                by_knots(table, share + 1e-7)[0] - by_knots(table, share - 1e-7)[0]
                for share in LEVELS
            ]
            np.testing.assert_allclose(np.array(rises) / 2e-7, rates, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("step", [STEP, 0.1, 1.0])
@pytest.mark.parametrize("rates", [(1.0, 1.0), (1e-6, 5.0), (3.0, 1e-6), (0.0, 0.0)])
def test_a_spline_meets_its_knots_with_their_rates(rates, step):
    left, right = 0.2, 0.7
    for within, place, rate in ((0.0, left, rates[0]), (1.0, right, rates[1])):
        found = spline(left, rates[0], right, rates[1], step, within)
        assert found == pytest.approx((place, rate), abs=1e-12)
    places = [
        spline(left, rates[0], right, rates[1], step, w)[0] for w in np.linspace(0.0, 1.0, 200)
    ]
    assert (np.diff(places) > 0.0).all()
