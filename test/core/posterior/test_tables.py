"""Tables of the density of what is left, against its definition and an independent estimate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSITION, TASKS
from ik_nn_ros.chain.chain_array import CLOSING, chain_array
from ik_nn_ros.chain.states import bounds_at
from ik_nn_ros.posterior.conditional import find_conditional, new_conditional
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.tables import (
    BEARINGS,
    DISTANCES,
    ENTRY,
    HEADINGS,
    LOG_VALUE,
    NODE_SLOTS,
    bearing_of_node,
    find_place,
    node_of_share,
    share_of_node,
    slot_value,
    state_value,
)
from measuring.chart_mixture import ChartMixture

LIMITS = ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2), (-1.0, 0.6), (-0.5, 1.2))
LINKS = (0.6, 0.5, 0.4, 0.3, 0.3)
RAIL = PlanarArm((0.5, 0.5, 1.0), (0.25, 0.5, 0.5, 0.5), base="rail")
CASES = {
    "three joints": (PlanarArm.of_paper(3), "position"),
    "four joints": (PlanarArm.of_paper(4), "position"),
    "six joints": (PlanarArm.of_paper(6), "position"),
    "wide": (PlanarArm(LINKS[:4], 1.5), "position"),
    "means": (PlanarArm(LINKS[:4], 0.3, prior_mean=(0.3, 0.8, -0.6, 0.9)), "position"),
    "circle": (PlanarArm(LINKS[:4], prior="uniform"), "position"),
    "truncated": (PlanarArm(LINKS[:4], 0.6, LIMITS[:4]), "position"),
    "uniform": (PlanarArm(LINKS[:4], prior="uniform", joint_limits=LIMITS[:4]), "position"),
    "limits a turn apart": (PlanarArm(LINKS[:4], 1.0, (-math.pi, math.pi)), "position"),
    "limits over a turn": (PlanarArm(LINKS[:4], 2.0, (-4.0, 5.0)), "position"),
    "rail": (RAIL, "position"),
    "pose": (PlanarArm.of_paper(5), "pose"),
    "truncated pose": (PlanarArm(LINKS, 0.6, LIMITS), "pose"),
    "circle pose": (PlanarArm(LINKS, prior="uniform"), "pose"),
    "rail pose": (RAIL, "pose"),
}
# By the module: all tests of a case run one after the other, while its tables are remembered.
EVERY_CASE = pytest.mark.parametrize(("arm", "task"), CASES.values(), ids=CASES, scope="module")


@EVERY_CASE
def test_the_evidence_is_the_reference_s(arm, task):
    """Both are estimates, from 4000 and 20 000 draws: 0.04 nats are four standard errors."""
    exact, reference = ExactPosterior(arm, task), ChartMixture(arm, task)
    rng = np.random.default_rng(0)
    for theta in arm.sample_prior(2, rng):
        target = TASKS[task].forward(arm, theta)
        expected = reference.log_evidence(target, 20_000, rng)
        assert exact.draw(target, 4000, rng).log_evidence == pytest.approx(expected, abs=0.04)
        assert exact.log_evidence(target[None])[0] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("name", ["four joints", "wide", "means", "limits a turn apart"])
def test_values_between_nodes_are_the_density_of_the_rest(name):
    """The last three of four joints are an arm of their own."""
    arm, _ = CASES[name]
    exact = ExactPosterior(arm)
    rest = PlanarArm(
        arm.link_lengths[1:],
        arm.prior_std[1:],
        arm.joint_limits and arm.joint_limits[1:],
        prior_mean=arm.prior_mean[1:],
    )
    chain, found, off = chain_array(rest, POSITION), new_conditional(), []
    no_tables = np.zeros((rest.dof, 5), np.int64), np.zeros((0, 4))
    for x, y in rest.forward(rest.sample_prior(200, np.random.default_rng(1))):
        expected = find_conditional(chain, *no_tables, 0, x, y, 0.0, found, None, 1)
        high, factor = state_value(exact.chain, *exact.tables[:2], 1, x, y, 0.0)
        off.append(high + math.log(factor) - expected)
    assert np.mean(np.abs(off)) < 0.01
    assert np.quantile(np.abs(off), 0.95) < 0.05


def test_a_density_of_three_links_is_its_integral():
    """Quadrature by the slots against a plain sum over the first angle."""
    arm = PlanarArm((0.5, 0.7, 0.6), 0.6)
    chain, found = chain_array(arm, POSITION), new_conditional()
    no_tables = np.zeros((3, 5), np.int64), np.zeros((0, 4))
    rng = np.random.default_rng(2)
    for theta in arm.sample_prior(2, rng):
        x, y = arm.forward(theta)
        expected = ChartMixture(arm).log_evidence(np.array((x, y)), 50_000, rng)
        value = find_conditional(chain, *no_tables, 0, x, y, 0.0, found, None, 1)
        assert value == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("name", ["six joints", "circle", "truncated", "rail", "truncated pose"])
def test_a_node_s_state_is_found_at_the_node(name):
    arm, task = CASES[name]
    exact = ExactPosterior(arm, task)
    chain, (grid, values, _) = exact.chain, exact.tables
    rng, joints = np.random.default_rng(3), range(1, int(chain[0, CLOSING]))
    assert len(joints) > 0
    for joint in joints:
        distances, bearings, headings, slots = grid[joint, :ENTRY]
        for _ in range(200):
            row, k, h = (rng.integers(count) for count in (distances, bearings, headings))
            bearing = bearing_of_node(chain, joint, k, bearings)
            inner, outer = bounds_at(chain, joint, bearing)
            distance = inner + (outer - inner) * share_of_node(
                chain, joint, (row + 0.5) / distances
            )
            x, y = distance * math.cos(bearing), distance * math.sin(bearing)
            heading = bearing + 2.0 * math.pi * h / headings
            at = find_place(chain, grid, joint, x, y, heading)
            assert sum(at.weights) == pytest.approx(1.0, abs=1e-12)
            assert at.ends > 0.0
            entry = grid[joint, ENTRY] + ((row * bearings + k) * headings + h) * slots
            for slot in range(slots):
                expected = values[entry + slot, LOG_VALUE]
                if expected > -1e3:
                    value = slot_value(values, at, slot, headings)
                    assert value == pytest.approx(expected, abs=1e-2)  # -1e9 is beside some


@EVERY_CASE
def test_every_entry_is_a_number(arm, task):
    exact = ExactPosterior(arm, task)
    grid, values, quantiles = exact.tables
    assert np.isfinite(values).all()
    assert np.isfinite(quantiles).all()
    assert grid[:, ENTRY].max() <= len(values)
    if len(quantiles):
        places = quantiles[:, :, 0]
        assert (np.diff(places) >= 0.0).all()
        assert (places[:, 0] == 0.0).all()
        assert (places[:, -1] == 1.0).all()


def test_beyond_the_reach_the_density_is_nothing():
    exact = ExactPosterior(PlanarArm.of_paper(5))
    for x in (2.5, 2.0 + 1e-9, 3.0):
        _, factor = state_value(exact.chain, *exact.tables[:2], 2, x, 0.0, 0.0)
        assert factor == 0.0 or x < 2.0


@pytest.mark.parametrize("name", ["six joints", "circle", "truncated"])
def test_nodes_are_denser_towards_both_bounds_and_are_found_where_they_are(name):
    chain = ExactPosterior(CASES[name][0]).chain
    places = (np.arange(64) + 0.5) / 64
    shares = np.array([share_of_node(chain, 1, place) for place in places])
    found = [node_of_share(chain, 1, math.sqrt(x), math.sqrt(1.0 - x)) for x in shares]
    np.testing.assert_allclose(found, places, atol=1e-9)
    steps = np.diff(shares)
    assert 0.0 < shares[0] < 1e-2
    assert 0.99 < shares[-1] < 1.0
    assert (steps > 0.0).all()
    assert max(steps[0], steps[-1]) < 0.3 * steps.max()


@pytest.mark.parametrize("task", ["position", "pose"])
def test_circles_need_no_bearings_and_a_last_one_no_headings(task):
    exact = ExactPosterior(PlanarArm(LINKS, prior="uniform"), task)
    grid = exact.tables.grid
    tabled = grid[grid[:, DISTANCES] > 0]
    assert (tabled[:, BEARINGS] == 1).all()
    assert (tabled[:, HEADINGS] == 1).all()
    assert (tabled[:, NODE_SLOTS] == 2).all()


def test_a_distance_alone_takes_no_more_nodes_where_limits_cut():
    limits = (None, None, (-1.0, 0.6), (-0.5, 1.2))
    grid = ExactPosterior(PlanarArm(LINKS[:4], prior="uniform", joint_limits=limits)).tables.grid
    assert grid[1, DISTANCES] == 2048
    assert (grid[1, BEARINGS], grid[1, NODE_SLOTS]) == (1, 1)


def test_ten_joints_take_less_than_forty_megabytes():
    assert 1e6 < ExactPosterior(PlanarArm.of_paper(10)).tables_bytes < 40e6
