"""The last free joint's density, cut by the closing joints' limits, against a plain quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import TASKS
from ik_nn_ros.chain.chain_array import CLOSING, PIECEWISE, SLOT, SLOT_SIZE, SLOTS, chain_array
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import advance, angle_at, arc, log_prior, roots
from ik_nn_ros.posterior.densities import HIGH, LOG_MASS, LOW, SIDE, quantile
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.pieces import NODES, Pieces, find_pieces, new_pieces
from ik_nn_ros.posterior.weighted import effective_shares

LIMITS = ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2), (-1.0, 0.6))
LINKS = (0.6, 0.5, 0.4, 0.3)
RAIL_LIMITS = ((-0.5, 0.5), *LIMITS)
FINE = 2000  # nodes of the plain quadrature, on either side
CASES = {
    "truncated": (PlanarArm(LINKS[:3], 0.6, LIMITS[:3]), "position"),
    "uniform": (PlanarArm(LINKS[:3], prior="uniform", joint_limits=LIMITS[:3]), "position"),
    "wide limits": (PlanarArm(LINKS[:3], 1.5, (-2.8, 2.8)), "position"),
    "over a turn": (PlanarArm(LINKS[:3], 1.5, ((-4.0, 5.0), *LIMITS[1:3])), "position"),
    "free": (PlanarArm(LINKS[:3], 0.6, (None, *LIMITS[1:3])), "position"),
    "pose": (PlanarArm(LINKS, 0.6, LIMITS), "pose"),
    "pose by the last": (PlanarArm(LINKS, 0.6, (None, None, None, LIMITS[3])), "pose"),
    "rail": (PlanarArm(LINKS[:2], (0.3, 0.6, 0.6), RAIL_LIMITS[:3], base="rail"), "position"),
    "rail pose": (PlanarArm(LINKS[:3], 0.6, RAIL_LIMITS[:4], base="rail"), "pose"),
}
EVERY_CASE = pytest.mark.parametrize(("arm", "task"), CASES.values(), ids=CASES)


def found_at(arm: PlanarArm, task: str) -> list[tuple[np.ndarray, tuple, Pieces, float]]:
    """Chain, state of the one free joint, its pieces and log V, of some of the prior's targets."""
    chain, found = chain_array(arm, TASKS[task]), []
    for theta in arm.sample_prior(12, np.random.default_rng(0)):
        target = TASKS[task].forward(arm, theta)[None]
        sampler = ExactPosterior(arm, task)
        state = tuple(sampler.states(sampler.carried(target))[0].tolist())
        pieces = new_pieces(chain)
        found.append((chain, state, pieces, find_pieces(chain, *state, pieces)))
    return found


def plain_density(chain: np.ndarray, state: tuple, theta: float) -> float:
    """p_i V_{i+1} of the first joint."""
    both = roots(chain, *advance(chain, 0, *state, theta))
    closed = math.exp(both.log_up) + math.exp(both.log_down)
    return math.exp(log_prior(chain, 0, theta)) * closed


def plain_value(chain: np.ndarray, state: tuple) -> float:
    """V by a sum over both sides of the arc, its slots and their limits aside."""
    on, total = arc(chain, 0, *state[:2]), 0.0
    sides = {chain[0, SLOT + SLOT_SIZE * slot] for slot in range(int(chain[0, SLOTS]))}
    for side in sides:
        for u in (np.arange(FINE) + 0.5) * math.pi / FINE:
            theta = angle_at(side, on, math.cos(u))
            total += plain_density(chain, state, theta) * on.half * math.sin(u) * math.pi / FINE
    return total


def with_mass(pieces: Pieces) -> list[int]:
    return np.flatnonzero(pieces.rows[:, LOG_MASS] > -math.inf).tolist()


@EVERY_CASE
def test_the_value_is_that_of_a_plain_quadrature(arm, task):
    off = []
    for chain, state, _, log_value in found_at(arm, task)[:6]:
        off.append(abs(math.exp(log_value) / plain_value(chain, state) - 1.0))
    assert np.mean(off) < 0.015
    assert max(off) < 0.05


@EVERY_CASE
def test_pieces_are_apart_and_hold_all_angles_with_density_and_no_others(arm, task):
    rng = np.random.default_rng(1)
    for chain, state, pieces, _ in found_at(arm, task):
        on, held = arc(chain, 0, *state[:2]), []
        for row in with_mass(pieces):
            low, high, side = pieces.rows[row, [LOW, HIGH, SIDE]]
            for u in np.linspace(low, high, 40)[1:-1]:
                assert plain_density(chain, state, angle_at(side, on, math.cos(u))) > 0.0
            held.append((side, low, high))
        for slot in range(int(chain[0, SLOTS])):
            side, ends = chain[0, SLOT + SLOT_SIZE * slot], segment(chain, 0, slot, on, *state[:2])
            for u in rng.uniform(*ends, 50) if ends[0] < ends[1] else ():
                density = plain_density(chain, state, angle_at(side, on, math.cos(u)))
                holding = [low <= u <= high for other, low, high in held if other == side]
                assert sum(holding) == (density > 0.0)


@EVERY_CASE
def test_quantiles_have_the_density_that_they_say(arm, task):
    shares = (np.arange(200) + 0.5) / 200
    for chain, state, pieces, log_value in found_at(arm, task)[:4]:
        on, rows, weights = arc(chain, 0, *state[:2]), pieces.rows, []
        for row in with_mass(pieces):
            for share in shares:
                u, density = quantile(rows, row, NODES, share)
                theta = angle_at(rows[row, SIDE], on, math.cos(u))
                exact = plain_density(chain, state, theta) * on.half * math.sin(u)
                weights.append((exact / density, math.exp(rows[row, LOG_MASS])))
        ratios, masses = np.transpose(weights)
        share = np.average(ratios / masses, weights=masses) ** 2
        share /= np.average((ratios / masses) ** 2, weights=masses)
        assert share > 0.95
        assert np.exp(rows[with_mass(pieces), LOG_MASS]).sum() == pytest.approx(math.exp(log_value))


def test_peaks_that_are_far_narrower_than_their_piece_are_resolved():
    narrow = PlanarArm(
        LINKS[:3], (0.6, 0.02, 0.02), ((-2.8, 2.8), (-2.0, 2.0), (0.26, 2.0)), prior_mean=0.3
    )
    for chain, state, _, log_value in found_at(narrow, "position")[:4]:
        assert math.exp(log_value) == pytest.approx(plain_value(chain, state), rel=0.03)
    sampler = ExactPosterior(narrow)
    targets = narrow.forward(narrow.sample_prior(20, np.random.default_rng(1)))
    rng = np.random.default_rng(0)
    for target in targets:
        assert effective_shares(sampler.draw(target, 1000, rng).log_weights) > 0.9


@pytest.mark.parametrize(
    ("prior_std", "limits", "prior_mean"),
    [
        ((0.6, 0.004, 0.6), ((-2.8, 2.8), (0.28, 0.32), (-2.0, -0.2)), (0.3, 0.3, -0.5)),
        ((1.5, 0.6, 0.004), (None, (-1.0, 1.0), (0.68, 0.72)), (0.0, 0.3, 0.7)),
    ],
)
def test_where_a_narrow_prior_has_limits_near_by_a_mode_is_found(prior_std, limits, prior_mean):
    """All that one joint may do lies between two nodes of a search that does not know its limits,
    five deviations from its mean."""
    arm = PlanarArm(LINKS[:3], prior_std, limits, prior_mean=prior_mean)
    sampler, rng = ExactPosterior(arm), np.random.default_rng(0)
    for target in arm.forward(arm.sample_prior(50, np.random.default_rng(1))):
        assert effective_shares(sampler.draw(target, 300, rng).log_weights) > 0.8


def test_limits_that_the_prior_never_feels_and_circles_have_no_pieces():
    for arm in (
        PlanarArm.of_paper(4),
        PlanarArm(LINKS, 0.2, (-2.6, 2.6)),
        PlanarArm(LINKS, prior="uniform"),
        PlanarArm(LINKS, 0.6, (LIMITS[0], LIMITS[1], None, None)),
    ):
        chain = chain_array(arm, TASKS["position"])
        assert chain[0, PIECEWISE] == -1.0
        assert new_pieces(chain) is None
    chain = chain_array(PlanarArm(LINKS, 0.6, LIMITS), TASKS["position"])
    assert chain[0, PIECEWISE] == chain[0, CLOSING] - 1.0 == 1.0


def test_an_unreachable_state_has_no_pieces():
    arm, _ = CASES["truncated"]
    chain = chain_array(arm, TASKS["position"])
    pieces = new_pieces(chain)
    for x in (1.6, 3.0, 1e-3):
        assert find_pieces(chain, x, 0.0, 0.0, pieces) == -math.inf
        assert with_mass(pieces) == []
