"""A network of the chain's conditionals as a sampler: exact by its weights, whatever it learned."""

import math
import threading

import numba
import numpy as np
import pytest
import torch

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.backends import BACKENDS, build_sampler
from ik_nn_ros.backends.chain_sampler import even_rises
from ik_nn_ros.backends.kernels.draws import find_arcs, new_reading, step
from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.chain.chain_array import SLOT, SLOT_SIZE, SLOTS, chain_array
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import Arc, advance, angle_at, arc, log_prior
from ik_nn_ros.chain.tile import (
    CENTRE,
    HALF,
    HEADING,
    LOG_RATIO,
    MIDDLE,
    POSITIONS,
    X,
    Y,
    begin,
    new_tile,
    take_uniforms,
)
from ik_nn_ros.models.networks import build_network, trained_model
from ik_nn_ros.posterior import weighted
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.quantiles import level_of_knot

LINKS = (0.5, 0.4, 0.3, 0.3)
CASES = {
    "position": (PlanarArm(LINKS, 1.0), POSITION),
    "pose": (PlanarArm((*LINKS, 0.2), 1.0), POSE),
    "rail": (PlanarArm((0.5, 0.5, 1.0), (0.4, 1.0, 1.0, 1.0), base="rail"), POSITION),
    "rail pose": (PlanarArm((0.5, 0.5, 0.4), (0.4, 1.0, 1.0, 1.0), base="rail"), POSE),
    "circle": (PlanarArm(LINKS, prior="uniform"), POSITION),
    "circle pose": (PlanarArm(LINKS, prior="uniform"), POSE),
    "limited": (PlanarArm(LINKS, 0.6, ((-1.0, 1.5), (-0.3, 2.0), (-2.0, 1.0), None)), POSITION),
    "four slots": (PlanarArm(LINKS, 1.0, (-2.5, 2.5)), POSITION),
}
EVERY_CASE = pytest.mark.parametrize(("arm", "task"), CASES.values(), ids=CASES)
DRAWS = 20_000
ERRORS = 5.0  # standard errors, of which each test looks at some dozens


def network_of(arm, task, bins=6):
    """A network that has learned nothing: it says the same of no two states, and nothing right."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("cinn", arm, {"neurons": 8, "bins": bins}, task)
        for parameter in network.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    return network


def untrained(arm, task, backend="numba"):
    return build_sampler(trained_model(network_of(arm, task)), "cpu", backend)


def targets_of(arm, task, count=3):
    return task.forward(arm, arm.sample_prior(count, np.random.default_rng(0)))


def off(values, expected, errors):
    """How many standard errors each of the values is off."""
    return np.abs(values - expected) / errors


@EVERY_CASE
def test_both_backends_make_the_same_draws_with_the_same_weights(arm, task):
    """But for the few that float32 leaves uncertain: those near a choice between two slots."""
    samplers = [untrained(arm, task, backend) for backend in BACKENDS]
    assert [sampler.backend for sampler in samplers] == list(BACKENDS)
    for target in targets_of(arm, task):
        ours, theirs = (one.draw(target, 500, np.random.default_rng(1)) for one in samplers)
        lost = np.isneginf(ours.log_weights), np.isneginf(theirs.log_weights)
        assert np.mean(lost[0] != lost[1]) < 0.01
        known = ~lost[0] & ~lost[1]
        assert known.any()
        differences = np.abs(ours.positions[known] - theirs.positions[known]).max(1)
        assert np.quantile(differences, 0.98) < 1e-4
        differences = np.abs(ours.log_weights[known] - theirs.log_weights[known])
        assert np.quantile(differences, 0.98) < 1e-3


@EVERY_CASE
def test_draws_are_on_the_target_within_the_limits_and_know_their_priors(arm, task):
    sampler = untrained(arm, task)
    reach = max(1.0, sum(arm.link_lengths))
    for target in targets_of(arm, task):
        draws = sampler.draw(target, 500, np.random.default_rng(1))
        found = np.isfinite(draws.log_weights)
        assert found.sum() > 50
        positions = draws.positions[found]
        assert np.abs(task.residual(arm, positions, target)).max() < 1e-12 * reach
        assert draws.errors[found].max() < 1e-12 * reach
        assert arm.within_limits(positions).all()
        np.testing.assert_allclose(draws.log_priors[found], arm.log_prior(positions), atol=1e-6)


@EVERY_CASE
def test_the_mean_of_the_weights_is_the_exact_evidence(arm, task):
    sampler, exact = untrained(arm, task), ExactPosterior(arm, task)
    rng = np.random.default_rng(2)
    for target in targets_of(arm, task):
        expected = exact.draw(target, DRAWS, rng).log_evidence
        weights = np.exp(sampler.draw(target, DRAWS, rng).log_weights - expected)
        error = weights.std() / math.sqrt(DRAWS)
        assert error < 0.1
        assert off(weights.mean(), 1.0, error + 0.005) < ERRORS


def features_of(arm, positions):
    """Cosine and sine of each angle, and a rail's position, to compare means by: (n, k)."""
    parts = [np.cos(positions), np.sin(positions)]
    if arm.base == "rail":
        parts.append(positions[:, :1])
    return np.concatenate(parts, axis=1)


@EVERY_CASE
def test_weighted_means_are_those_of_exact_samples(arm, task):
    sampler, exact = untrained(arm, task), ExactPosterior(arm, task)
    rng = np.random.default_rng(3)
    for target in targets_of(arm, task, 2):
        draws = sampler.sample(target[None], DRAWS, rng)
        theirs = exact.sample(target[None], DRAWS, rng).positions[0]
        weights = np.exp(draws.log_weights[0] - draws.log_weights[0].max())
        weights /= weights.sum()
        values, expected = features_of(arm, draws.positions[0]), features_of(arm, theirs)
        means = weights @ values
        errors = np.sqrt(np.square(weights) @ np.square(values - means))
        errors = np.hypot(errors, expected.std(0) / math.sqrt(DRAWS)) + 1e-6
        assert off(means, expected.mean(0), errors).max() < ERRORS


@EVERY_CASE
def test_accepted_samples_are_exact_ones(arm, task, monkeypatch):
    """So many draws as it takes: of what a network draws that has learned nothing, one in 1000."""
    monkeypatch.setattr(weighted, "MOST_DRAWS", 20_000)
    sampler, exact = untrained(arm, task).accepted(), ExactPosterior(arm, task)
    rng, count = np.random.default_rng(4), 300
    for target in targets_of(arm, task, 2):
        samples = sampler.sample(target[None], count, rng)
        assert np.isfinite(samples.positions).all()
        assert len(np.unique(samples.positions[0], axis=0)) == count
        assert samples.num_drawn[0] > count
        assert (samples.log_weights == samples.log_evidence[0]).all()
        values = features_of(arm, samples.positions[0])
        expected = features_of(arm, exact.sample(target[None], count, rng).positions[0])
        errors = np.hypot(values.std(0), expected.std(0)) / math.sqrt(count) + 1e-6
        assert off(values.mean(0), expected.mean(0), errors).max() < ERRORS


def test_densities_are_the_prior_over_the_weight():
    arm, task = CASES["position"]
    samples = untrained(arm, task).sample(targets_of(arm, task, 2), 100, np.random.default_rng(0))
    expected = arm.log_prior(samples.positions) - samples.log_weights
    np.testing.assert_allclose(samples.log_densities, expected, atol=1e-6)


def test_weighted_and_accepted_leave_the_sampler_as_it_was():
    arm, task = CASES["position"]
    sampler, targets = untrained(arm, task), targets_of(arm, task, 1)
    before = sampler.sample(targets, 50, np.random.default_rng(0))
    assert len(np.unique(before.log_weights)) > 1
    accepted = sampler.accepted()
    assert len(np.unique(accepted.sample(targets, 50, np.random.default_rng(0)).log_weights)) == 1
    for same in (sampler, sampler.weighted(), accepted.weighted()):
        after = same.sample(targets, 50, np.random.default_rng(0))
        assert np.array_equal(after.positions, before.positions)
        assert np.array_equal(after.log_weights, before.log_weights)


@pytest.mark.parametrize("backend", BACKENDS)
def test_pieces_and_threads_change_nothing(backend, monkeypatch):
    arm, task = CASES["pose"]
    sampler, target = untrained(arm, task, backend), targets_of(arm, task, 1)[0]
    whole = sampler.draw(target, 700, np.random.default_rng(0))
    for threads, rows in ((1, 31), (3, 31), (2, 256)):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        monkeypatch.setattr(weighted, "ROWS_AT_ONCE", rows)
        other = sampler.draw(target, 700, np.random.default_rng(0))
        differences = np.abs(other.positions - whole.positions).max(1)
        assert np.nanquantile(differences, 0.98) < 1e-4


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_draws_are_shared_by_as_many_threads_as_are_allowed(threads, monkeypatch):
    arm, task = CASES["position"]
    sampler, workers = untrained(arm, task), []
    together, make = threading.Barrier(threads), sampler._draw_rows

    def noted(*target):
        draw_rows = make(*target)

        def work(uniforms, out):
            assert len(uniforms) <= weighted.ROWS_AT_ONCE
            workers.append(threading.get_ident())
            together.wait(60.0)  # until all of them are at work
            draw_rows(uniforms, out)

        return work

    monkeypatch.setattr(sampler, "_draw_rows", noted)
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
    rows = threads * weighted.ROWS_AT_ONCE - (threads - 1) * weighted.HEAD_START
    sampler.draw(targets_of(arm, task, 1)[0], rows, np.random.default_rng(0))
    assert len(workers) == len(set(workers)) == threads


@EVERY_CASE
def test_out_of_reach_there_is_nothing(arm, task):
    target = np.array((3.0 * sum(arm.link_lengths), 0.5, 0.1))[: task.size]
    for sampler in (untrained(arm, task), untrained(arm, task).accepted()):
        samples = sampler.sample(target[None], 5, np.random.default_rng(0))
        assert np.isnan(samples.positions).all()
        assert np.isneginf(samples.log_weights).all()


@pytest.mark.parametrize("bins", [1, 2, 10, 17])
def test_even_rises_are_those_of_the_levels(bins):
    rises = even_rises(bins)
    levels = [level_of_knot(index / bins)[0] for index in range(bins + 1)]
    assert rises.dtype == np.float32
    np.testing.assert_allclose(np.cumsum(rises), levels[1:], atol=1e-6)


def drawn_by_step(arm, task, said, uniforms):
    """A first joint drawn by what is said (outputs,): chain, arc, angles and log ratios."""
    chain = chain_array(arm, task)
    state = np.array((*task.carried(arm, targets_of(arm, task, 1)[0]).points, 0.3))
    rises = even_rises((len(said) // int(chain[0, SLOTS]) - 2) // 2)
    read, said = new_reading(len(rises)), np.repeat(said, TILE)
    theta, log_ratios = np.empty(len(uniforms)), np.empty(len(uniforms))
    for start in range(0, len(uniforms), TILE):
        tile = new_tile(arm.dof)
        begin(state, tile)
        find_arcs(chain, 0, tile)
        take_uniforms(uniforms[:, None], start, 0, tile)
        step(chain, 0, rises, said, tile, read)
        rows = min(TILE, len(uniforms) - start)
        theta[start : start + rows] = tile[POSITIONS : POSITIONS + rows]
        log_ratios[start : start + rows] = tile[LOG_RATIO : LOG_RATIO + rows]
        expected = advance(chain, 0, *state, tile[POSITIONS])
        np.testing.assert_allclose(tile[[X, Y, HEADING]], expected, atol=1e-12)
    return chain, Arc(*tile[[CENTRE, MIDDLE, HALF]]), theta, log_ratios


@pytest.mark.parametrize("name", ["position", "rail", "circle", "limited", "four slots"])
def test_the_density_of_a_draw_is_the_rate_at_which_uniform_numbers_pass_it(name):
    """Between two neighbouring uniform numbers lies as much mass as they are apart."""
    arm, task = CASES[name]
    slots, bins, count = int(chain_array(arm, task)[0, SLOTS]), 5, 40_000
    rng = np.random.default_rng(0)
    said = rng.normal(0.0, 0.7, slots * (2 * bins + 2)).astype(np.float32)
    uniforms = (np.arange(count) + 0.5) / count
    chain, on, theta, log_ratios = drawn_by_step(arm, task, said, uniforms)
    assert np.isfinite(theta).all()
    expected = arc(chain, 0, *task.carried(arm, targets_of(arm, task, 1)[0]).points)
    np.testing.assert_allclose(on, expected, atol=1e-12)
    log_priors = np.array([log_prior(chain, 0, one) for one in theta])
    densities = np.exp(log_priors - log_ratios)  # of the angle
    steps = np.abs(np.diff(theta))
    between = 0.5 * (densities[1:] + densities[:-1])
    right = np.isclose(between * steps * count, 1.0, rtol=0.02)
    assert right.mean() > 0.99  # of the others some are of two slots, some near a pole


@pytest.mark.parametrize("name", ["position", "limited", "four slots"])
def test_slots_are_drawn_by_their_masses_and_none_that_limits_have_cut_off(name):
    arm, task = CASES[name]
    slots, bins, count = int(chain_array(arm, task)[0, SLOTS]), 4, 20_000
    said = np.zeros(slots * (2 * bins + 2), np.float32)
    said[:slots] = np.log(1.0 + np.arange(slots))
    chain, on, theta, _ = drawn_by_step(arm, task, said, (np.arange(count) + 0.5) / count)
    state = task.carried(arm, targets_of(arm, task, 1)[0]).points
    intervals = [segment(chain, 0, slot, on, *state) for slot in range(slots)]
    open_slots = [slot for slot in range(slots) if intervals[slot][1] > intervals[slot][0]]
    total = sum(1.0 + slot for slot in open_slots)
    shares = []
    for slot in open_slots:
        ends = [
            angle_at(chain[0, SLOT + SLOT_SIZE * slot], on, math.cos(u)) for u in intervals[slot]
        ]
        here = (theta >= min(ends) - 1e-9) & (theta <= max(ends) + 1e-9)
        shares.append(here.mean() * total / (1.0 + slot))
    np.testing.assert_allclose(shares, 1.0, atol=0.01)
