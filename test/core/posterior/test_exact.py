"""The exact posterior: its samples, weights and densities, for every kind of arm and both tasks."""

from __future__ import annotations

import math
import pickle
from threading import Thread

import numpy as np
import pytest
from scipy.stats import ks_2samp

from ik_nn_ros import IKSolver, InvalidRequestError, PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION, TASKS
from ik_nn_ros.compile import ARMS
from ik_nn_ros.posterior import exact as module
from ik_nn_ros.posterior import weighted
from ik_nn_ros.posterior.exact import ExactPosterior
from measuring.chart_mixture import ChartMixture
from measuring.mmd import mmd2
from measuring.tight_rejection import tight_rejection

FALSE_ALARM_RATE = 1e-4  # of each Kolmogorov-Smirnov test
CLOSE = 2e-3  # largest mmd2 of 1000 samples of one posterior: that of two exact samplers is < 1e-3
LIMITS = ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2), (-1.0, 0.6), (-0.5, 1.2))
LINKS = (0.6, 0.5, 0.4, 0.3, 0.3)
RAIL = PlanarArm((0.5, 0.5, 1.0), (0.25, 0.5, 0.5, 0.5), base="rail")
NARROW = PlanarArm(LINKS[:4], 0.03, prior_mean=(0.2, -1.0, 0.5, 2.0))
CIRCLE = PlanarArm(LINKS[:4], prior="uniform")
TRUNCATED = PlanarArm(LINKS[:4], 0.6, LIMITS[:4])
UNIFORM = PlanarArm(LINKS[:4], prior="uniform", joint_limits=LIMITS[:4])
CASES = {
    "three joints": (PlanarArm.of_paper(3), "position"),
    "paper": (PlanarArm.of_paper(6), "position"),
    "wide": (PlanarArm((0.5,) * 5 + (1.0,), 1.0), "position"),
    "means": (PlanarArm(LINKS[:4], 0.3, prior_mean=(0.3, 0.8, -0.6, 0.9)), "position"),
    "narrow": (NARROW, "position"),
    "several turns": (PlanarArm(LINKS[:4], 5.0), "position"),
    "circle": (CIRCLE, "position"),
    "truncated": (TRUNCATED, "position"),
    "uniform": (UNIFORM, "position"),
    "limits nearly a turn apart": (PlanarArm(LINKS[:4], 1.0, (-3.14, 3.14)), "position"),
    "limits over a turn": (PlanarArm(LINKS[:4], 2.0, (-4.0, 5.0)), "position"),
    "rail": (RAIL, "position"),
    "limits never felt": (PlanarArm(LINKS, 0.2, (-2.6, 2.6)), "position"),
    "millimetres": (PlanarArm((250.0, 250.0, 66.0, 30.0), 0.5, (-2.5, 2.5)), "position"),
    "pose": (PlanarArm.of_paper(5), "pose"),
    "truncated pose": (PlanarArm(LINKS, 0.6, LIMITS), "pose"),
    "limits never felt, pose": (PlanarArm(LINKS, 0.2, (-2.6, 2.6)), "pose"),
    "circle pose": (PlanarArm(LINKS[:4], prior="uniform"), "pose"),
    "rail pose": (RAIL, "pose"),
}
# By the module: all tests of a case run one after the other, while its tables are remembered.
EVERY_CASE = pytest.mark.parametrize(("arm", "task"), CASES.values(), ids=CASES, scope="module")


def cases(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("arm", "task"), [CASES[name] for name in names], ids=names)


def targets_of(arm: PlanarArm, task: str, count: int, seed: int = 0) -> np.ndarray:
    """Targets (count, size) of configurations from the prior."""
    return TASKS[task].forward(arm, arm.sample_prior(count, np.random.default_rng(seed)))


def effective_share(log_weights: np.ndarray) -> float:
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / len(weights) / np.square(weights).sum())


def random_arm(seed: int) -> PlanarArm:
    """Three to five joints, each with a prior of its own; every third stands on a rail."""
    rng = np.random.default_rng(seed)
    dof, rail = 3 + seed % 3, seed % 3 == 2
    priors, stds, means, limits = [], [], [], []
    for joint in range(dof):
        on_rail = rail and joint == 0
        kind = rng.choice(("normal", "truncated", "uniform", "circle"))
        kind = "normal" if on_rail and kind == "circle" else kind
        normal = kind in ("normal", "truncated")
        priors.append("normal" if normal else "uniform")
        stds.append(float(rng.choice((0.03, 0.2, 1.0, 4.0))) if normal else None)
        means.append(float(rng.uniform(-2.0, 2.0)) if normal else None)
        middle, width = (means[-1] or 0.0) + rng.uniform(-0.5, 0.5), rng.choice((1.0, 4.0, 8.0))
        limited = kind in ("truncated", "uniform")
        limits.append((middle - 0.5 * width, middle + 0.5 * width) if limited else None)
    links = tuple(np.exp(rng.uniform(-2.0, 0.5, dof - rail)))
    return PlanarArm(links, stds, limits, priors, "rail" if rail else "revolute", means)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seed", range(9))
def test_every_draw_is_on_the_target_and_within_the_limits(seed, task):
    arm = random_arm(seed)
    exact, rng = ExactPosterior(arm, task), np.random.default_rng(1)
    reach = sum(arm.link_lengths)
    for target in targets_of(arm, task, 3):
        samples = exact.sample(target[None], 300, rng)
        positions = samples.positions[0][np.isfinite(samples.positions[0, :, 0])]
        assert len(positions) > (200 if not exact.finite else 0)
        residuals = TASKS[task].residual(arm, positions, target)
        assert np.abs(residuals[:, :2]).max() < 1e-12 * max(reach, np.abs(target[:2]).max())
        assert np.abs(residuals).max() < 1e-12 * max(1.0, reach, np.abs(positions).max())
        assert arm.within_limits(positions).all()
        errors = samples.position_errors[0][: len(positions)]
        np.testing.assert_allclose(errors, arm.position_errors(positions, target[:2]), atol=1e-13)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e8])
def test_the_size_of_an_arm_does_not_matter(scale):
    one, other = (
        ExactPosterior(PlanarArm(tuple(size * link for link in LINKS[:4]), 0.6, LIMITS[:4]))
        for size in (1.0, scale)
    )
    target = targets_of(one.arm, "position", 1)[0]
    ours, theirs = (
        exact.draw(size * target, 500, np.random.default_rng(0))
        for exact, size in ((one, 1.0), (other, scale))
    )
    assert theirs.log_evidence + 2.0 * math.log(scale) == pytest.approx(ours.log_evidence, abs=0.01)
    moved = np.abs(ours.positions - theirs.positions).max(1)
    assert np.nanquantile(moved, 0.95) < 0.01


@EVERY_CASE
def test_draws_are_nearly_the_posterior_s_before_any_is_rejected(arm, task):
    exact, rng = ExactPosterior(arm, task), np.random.default_rng(2)
    shares = [
        effective_share(exact.draw(target, 500, rng).log_weights)
        for target in targets_of(arm, task, 12, seed=3)
    ]
    assert np.mean(shares) > 0.97


@pytest.mark.parametrize(
    ("dof", "target"),
    [
        *((6, target) for target in ((1.0, 0.0), (0.2, 0.1), (-1.0, 0.5), (0.0, 3.49))),
        *((6, target) for target in ((-3.4, 0.0), (3.4999, 0.0), (3.5, 0.0), (0.0, 0.0))),
        (10, (1.0, 1.0)),
    ],
)
def test_draws_are_nearly_the_posterior_s_at_far_targets_too(dof, target):
    exact = ExactPosterior(PlanarArm.of_paper(dof))
    draws = exact.draw(np.array(target), 1000, np.random.default_rng(0))
    assert effective_share(draws.log_weights) > 0.9


@pytest.mark.parametrize(
    ("arm", "target", "least"),
    [
        (TRUNCATED, (1.587, 0.2859), 0.8),
        (TRUNCATED, (-1.0435, 0.2906), 0.8),
        (UNIFORM, (0.5341, -0.6633), 0.4),
        (UNIFORM, (-0.5219, 0.918), 0.4),
    ],
)
def test_no_draw_outweighs_the_others_where_limits_cut_cells(arm, target, least):
    """At the last two targets the limits leave but a corner of the joints' ranges."""
    draws = ExactPosterior(arm).draw(np.array(target), 10_000, np.random.default_rng(1))
    assert effective_share(draws.log_weights) > least


@cases("paper", "means", "circle", "truncated", "several turns", "pose", "truncated pose")
def test_samples_are_the_reference_s(arm, task):
    exact, rng = ExactPosterior(arm, task), np.random.default_rng(4)
    reference = ChartMixture(arm, task)
    for target in targets_of(arm, task, 2, seed=5):
        ours = arm.wrapped(exact.sample(target[None], 1000, rng).positions[0])
        theirs = reference.sample(target, 1000, rng)
        pairs = zip(
            (*ours.T, arm.log_prior(ours), ours[:, :2].sum(1)),
            (*theirs.T, arm.log_prior(theirs), theirs[:, :2].sum(1)),
            strict=True,
        )
        for one, other in pairs:
            if np.ptp(one) > 1e-9:  # on circles the prior's density is the same everywhere
                assert ks_2samp(one, other).pvalue > FALSE_ALARM_RATE
        assert abs(mmd2(arm.embed(ours), arm.embed(theirs))) < CLOSE


def test_samples_are_what_rejection_accepts():
    arm = PlanarArm.of_paper(4)
    target, rng = arm.forward(np.array((0.2, 0.3, -0.25, 0.2))), np.random.default_rng(6)
    (theirs,) = tight_rejection(arm, target[None], 2000, rng, radius=0.02, most_pools=1)
    assert len(theirs) > 500
    ours = ExactPosterior(arm).sample(target[None], 2000, rng).positions[0]
    for joint in range(arm.dof):
        assert ks_2samp(ours[:, joint], theirs[:, joint]).pvalue > FALSE_ALARM_RATE


@EVERY_CASE
def test_as_many_samples_as_are_asked_for_and_all_of_them_different(arm, task):
    target = targets_of(arm, task, 1)
    samples = ExactPosterior(arm, task).sample(target, 1000, np.random.default_rng(0))
    assert np.isfinite(samples.positions).all()
    assert len(np.unique(samples.positions[0], axis=0)) == 1000
    assert 1000 <= samples.num_drawn[0] < 100_000
    assert (samples.log_weights == samples.log_evidence[0]).all()


@EVERY_CASE
def test_the_same_generator_gives_the_same_samples_on_however_many_threads(arm, task, monkeypatch):
    exact, target, answers = ExactPosterior(arm, task), targets_of(arm, task, 2), []
    for threads in (1, 1, 2, 5):
        monkeypatch.setattr(weighted, "num_threads", lambda threads=threads: threads)
        answers.append(exact.sample(target, 700, np.random.default_rng(7)))
    for other in answers[1:]:
        np.testing.assert_array_equal(answers[0].positions, other.positions)
        np.testing.assert_array_equal(answers[0].log_densities, other.log_densities)
    different = exact.sample(target, 700, np.random.default_rng(8))
    assert not np.isclose(different.positions, answers[0].positions).all(-1).any()


@cases("paper", "means", "circle", "truncated", "rail", "pose")
def test_draws_move_smoothly_with_the_target(arm, task):
    """A tenth of a millimetre at a time, with the same uniform numbers."""
    exact, target = ExactPosterior(arm, task), targets_of(arm, task, 1, seed=9)[0]
    step = np.array((1e-4, 0.0, 0.0))[: len(target)]
    path = [exact.draw(target + k * step, 300, np.random.default_rng(0)) for k in range(10)]
    positions = np.stack([draws.positions for draws in path])
    moved = np.abs(np.diff(positions, axis=0))
    moved = np.minimum(moved, np.abs(moved - 2.0 * math.pi)).max(2)
    assert np.nanmedian(moved) < 5e-3
    assert np.mean(moved > 0.05) < 0.04  # of the others some change sides, or are near a pole


@cases("paper", "truncated", "several turns", "pose", "rail pose")
def test_draws_come_with_their_prior_densities(arm, task):
    exact, target = ExactPosterior(arm, task), targets_of(arm, task, 1)[0]
    draws = exact.draw(target, 200, np.random.default_rng(0))
    reached = np.isfinite(draws.log_weights)
    expected = arm.log_prior(draws.positions[reached])
    np.testing.assert_allclose(draws.log_priors[reached], expected, atol=1e-6)


@cases("three joints", "paper", "truncated", "pose")
def test_densities_of_samples_are_the_prior_over_the_evidence(arm, task):
    """With respect to delta(FK(theta) - target)."""
    exact, target = ExactPosterior(arm, task), targets_of(arm, task, 1)
    samples = exact.sample(target, 200, np.random.default_rng(0))
    expected = arm.log_prior(samples.positions[0]) - samples.log_evidence[0]
    np.testing.assert_allclose(samples.log_densities[0], expected, atol=1e-6)


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_a_draw_s_own_density_integrates_to_its_share(prior, up):
    """Over the one free joint: |J| / density, summed over draws, is the length that they cover."""
    arm = PlanarArm((0.5, 0.4, 0.6), 1.0 if prior == "normal" else None, prior=prior)
    exact = ExactPosterior(arm).weighted()
    samples = exact.sample(np.array([[1.1, 0.3]]), 20_000, np.random.default_rng(0))
    first = samples.positions[0, :, 0]
    chosen = (samples.positions[0, :, 2] > 0.0) == up
    low, high = np.quantile(first[chosen], (0.1, 0.9))
    chosen &= (first > low) & (first < high)
    volumes = np.abs(np.linalg.det(arm.jacobian(samples.positions[0, chosen])[..., 1:]))
    length = np.sum(volumes / np.exp(samples.log_densities[0, chosen])) / len(first)
    assert length == pytest.approx(high - low, rel=0.03)


@cases("three joints", "circle", "truncated", "rail", "truncated pose")
def test_weighted_draws_have_the_posterior_s_moments(arm, task):
    exact, target = ExactPosterior(arm, task), targets_of(arm, task, 1, seed=2)
    rng = np.random.default_rng(0)
    draws = exact.weighted().sample(target, 4000, rng)
    accepted = exact.sample(target, 4000, rng)
    weights = np.exp(draws.log_weights[0] - draws.log_weights[0].max())
    features = [
        np.concatenate((np.cos(theta), np.sin(theta)), axis=1)
        for theta in (draws.positions[0], accepted.positions[0])
    ]
    weighted = np.average(features[0], axis=0, weights=weights)
    np.testing.assert_allclose(weighted, features[1].mean(0), atol=5.0 * math.sqrt(2.0 / 4000))
    assert np.ptp(draws.log_weights) > 0.0
    assert exact._accepting
    difference = draws.log_evidence[0] - accepted.log_evidence[0]
    assert abs(difference) < 0.05


@EVERY_CASE
def test_out_of_reach_there_is_nothing(arm, task):
    reach = sum(arm.link_lengths)
    target = np.array((3.0 * reach, 0.5, 0.1))[: TASKS[task].size]
    exact = ExactPosterior(arm, task)
    for sampler in (exact, exact.weighted()):
        samples = sampler.sample(target[None], 5, np.random.default_rng(0))
        assert np.isnan(samples.positions).all()
        assert np.isnan(samples.position_errors).all()
        assert np.isneginf(samples.log_weights).all()
        assert np.isneginf(samples.log_evidence).all()


def test_what_only_the_limits_forbid_is_nothing_too():
    samples = ExactPosterior(TRUNCATED).sample(
        np.array([[-0.6, -0.9]]), 5, np.random.default_rng(0)
    )
    assert np.isnan(samples.positions).all()


def test_a_target_without_samples_leaves_the_others_theirs():
    targets = np.array([[1.2, 0.3], [9.0, 0.0], [1.1, 0.2]])
    positions = ExactPosterior(CIRCLE).sample(targets, 50, np.random.default_rng(0)).positions
    np.testing.assert_array_equal(np.isnan(positions).all((1, 2)), (False, True, False))


@pytest.mark.parametrize(
    "arm",
    [
        PlanarArm.of_paper(4),
        PlanarArm((1.2, 0.3, 0.2, 0.1)),
        PlanarArm((0.6, 0.5, 0.45, 0.3), prior="uniform"),
    ],
    ids=["paper", "inner reach", "circle"],
)
@pytest.mark.parametrize("bearing", [0.0, 2.0, math.pi])
def test_the_edges_of_the_reach_are_in_reach(arm, bearing):
    exact, (inner, outer) = ExactPosterior(arm), arm.reach
    for distance in (outer, outer * (1.0 + 1e-12), inner, max(inner - 1e-12, 0.0)):
        target = distance * np.array((math.cos(bearing), math.sin(bearing)))
        samples = exact.sample(target[None], 100, np.random.default_rng(0))
        assert np.isfinite(samples.positions).all()
        assert samples.position_errors.max() < 5e-12 * outer


def test_two_threads_that_want_the_same_arm_make_its_tables_once(monkeypatch):
    arm, made, original = PlanarArm((0.51, 0.42, 0.33, 0.24), 0.45), [], module.chain_array

    def counted(*arguments):
        made.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(module, "chain_array", counted)
    samplers: list[ExactPosterior] = []
    threads = [Thread(target=lambda: samplers.append(ExactPosterior(arm))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(samplers) == 2
    assert len(made) == 1
    assert samplers[0].tables is samplers[1].tables


def test_a_sampler_survives_a_pickle():
    exact = ExactPosterior(TRUNCATED)
    other = pickle.loads(pickle.dumps(exact))
    target = targets_of(TRUNCATED, "position", 1)
    ours, theirs = (one.sample(target, 20, np.random.default_rng(0)) for one in (exact, other))
    np.testing.assert_array_equal(ours.positions, theirs.positions)


@pytest.mark.parametrize(
    "arm",
    [PlanarArm((0.5, 0.5)), PlanarArm((0.5,), (0.2, 0.2), base="rail")],
    ids=["two joints", "a rail and one link"],
)
def test_a_pose_takes_three_joints(arm):
    with pytest.raises(InvalidRequestError, match="a pose takes 3 joints or more"):
        ExactPosterior(arm, "pose")


def test_a_task_is_given_by_its_name_or_as_it_is():
    arm = PlanarArm.of_paper(3)
    assert ExactPosterior(arm).task is POSITION
    assert ExactPosterior(arm, "pose").task is ExactPosterior(arm, POSE).task is POSE
    with pytest.raises(InvalidRequestError, match="position or pose"):
        ExactPosterior(arm, "heading")


def test_one_heavy_draw_does_not_stop_an_answer():
    """A bound leaves a thousandth of the mass beyond it, and no more."""
    log_weights = np.concatenate((np.zeros(100_000), [np.log(50.0)], np.full(10, -np.inf)))
    over_bound = weighted._over_bound(log_weights)
    assert over_bound[0] == 1.0 and over_bound[100_000] == pytest.approx(50.0)
    assert (over_bound[-10:] == 0.0).all()
    even = np.exp(np.random.default_rng(0).normal(0.0, 1.0, 10_000))
    over_bound = weighted._over_bound(np.log(even))
    beyond = np.maximum(over_bound - 1.0, 0.0).sum() / over_bound.sum()
    assert 0.0005 < beyond <= weighted.BEYOND


@pytest.mark.parametrize(
    ("arm", "times"), [(TRUNCATED, 1), (ARMS[0], 1), (ARMS[1], 1), (PlanarArm.of_paper(4), 0)]
)
def test_no_request_waits_until_what_limits_take_is_compiled(arm, times, monkeypatch):
    """Where all solutions of a target lie in cells that limits cut, other machine code draws."""
    calls = []
    search = ExactPosterior._find_first_carefully
    monkeypatch.setattr(
        ExactPosterior,
        "_find_first_carefully",
        lambda self, state: (calls.append(state), search(self, state))[1],
    )
    IKSolver.exact(arm)
    assert len(calls) == times
