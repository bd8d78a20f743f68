"""The contract of `IKSolver`."""

import math
import subprocess
import sys

import numpy as np
import pytest

from ik_nn_ros import (
    IKSolver,
    InvalidRequestError,
    ModelNotFoundError,
    NoSolutionError,
    PlanarArm,
    SolveOptions,
    UnreachableTargetError,
)
from ik_nn_ros.posterior.evidence import LEAST_LOG_EVIDENCE
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.sampler import Sampler, Samples
from ik_nn_ros.solutions import LEAST_EFFECTIVE_SHARE
from ik_nn_ros.solver import DEFAULT_MODEL, FURTHER_ROUNDS, MOST_PER_ROUND

TARGET = (3.0, 0.5)


class NoisyPosterior(Sampler):
    """Exact samples pushed off the target: what a network gives that knows no weights."""

    name = "noisy"

    def __init__(self, arm, noise=0.02):
        self.arm = arm
        self.noise = noise

    def sample(self, targets, num_samples, rng):
        exact = ExactPosterior(self.arm).sample(targets, num_samples, rng).positions
        positions = exact + self.noise * rng.standard_normal(exact.shape)
        errors = self.arm.position_errors(positions, targets[:, None])
        return Samples(positions, errors, density=lambda: -np.square(positions).sum(-1))


class RareSolutions(NoisyPosterior):
    """So many samples that on average one is not beyond the joint limits by a turn and more."""

    name = "rare"

    def __init__(self, arm, rarity):
        super().__init__(arm)
        self.rarity = rarity

    def sample(self, targets, num_samples, rng):
        samples = super().sample(targets, num_samples, rng)
        misses = rng.random(samples.position_errors.shape) * self.rarity >= 1.0
        return Samples(samples.positions + 2.0 * np.pi * misses[..., None], samples.position_errors)


@pytest.fixture
def solver():
    return IKSolver(NoisyPosterior(PlanarArm.of_paper(6)))


def test_refined_solutions_reach_the_target(solver):
    solutions = solver.solve(TARGET, num_samples=500, seed=1)
    assert solutions.positions.dtype == np.float64
    assert solutions.positions.shape == (500, 6)
    assert 0 <= solutions.num_rejected < 5
    assert solutions.shortfall is None
    assert solutions.heading_errors is None
    errors = np.linalg.norm(solver.arm.forward(solutions.positions) - TARGET, axis=1)
    assert errors.max() <= 1e-6
    np.testing.assert_allclose(solutions.position_errors, errors, atol=1e-12)
    assert solutions.approximate_distance == 0.0


def test_raw_solutions_are_the_model_s_samples_in_the_order_of_their_errors(solver):
    solutions = solver.solve(TARGET, num_samples=100, seed=1, refine=False)
    samples = solver.sampler.sample(np.array([TARGET]), 100, np.random.default_rng(1)).positions[0]
    assert {tuple(row) for row in solutions.positions} == {tuple(row) for row in samples}
    assert np.all(np.diff(solutions.position_errors) >= 0.0)
    np.testing.assert_allclose(solutions.log_densities, -np.square(solutions.positions).sum(1))


def test_refined_solutions_are_ordered_by_prior_density(solver):
    solutions = solver.solve(TARGET, num_samples=100, seed=1)
    density = solver.arm.log_prior(solutions.positions)
    assert np.all(np.diff(density) <= 0.0)


def test_a_seed_state_puts_the_nearest_first(solver):
    seed_state = np.full(6, 0.2)
    solutions = solver.solve(TARGET, num_samples=100, seed=1, seed_state=seed_state)
    assert np.all(np.diff(np.linalg.norm(solutions.positions - seed_state, axis=1)) >= 0.0)


def test_the_same_seed_gives_the_same_solutions(solver):
    first, second, third = (solver.solve(TARGET, 50, seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(first.positions, second.positions)
    assert not np.array_equal(first.positions, third.positions)


def test_without_a_seed_no_two_calls_are_alike(solver):
    first, second = (solver.solve(TARGET, 50) for _ in "ab")
    assert not np.array_equal(first.positions, second.positions)


LIMITED = PlanarArm(PlanarArm.of_paper(4).link_lengths, joint_limits=((-0.3, 0.3),) * 4)
LIMITED_TARGET = LIMITED.forward(np.array([0.2, 0.2, -0.1, 0.1]))


@pytest.mark.parametrize("num_samples", [1, 200])
def test_where_samples_miss_the_joint_limits_as_many_are_answered_as_were_asked_for(num_samples):
    solver = IKSolver(NoisyPosterior(LIMITED, noise=0.1))
    solutions = solver.solve(LIMITED_TARGET, num_samples, seed=5)
    assert len(solutions) == len(solutions.log_densities) == num_samples
    assert len(np.unique(solutions.positions, axis=0)) == num_samples
    assert LIMITED.within_limits(solutions.positions).all()
    assert solutions.position_errors.max() <= 1e-6
    assert num_samples == 1 or solutions.num_rejected > 0
    assert solutions.shortfall is None
    again = solver.solve(LIMITED_TARGET, num_samples, seed=5)
    assert np.array_equal(again.positions, solutions.positions)


def test_densities_follow_their_solutions_through_further_rounds():
    """The sampler's density is of its samples; what the projection moves is a tenth at most."""
    solver = IKSolver(NoisyPosterior(LIMITED, noise=0.02))
    solutions = solver.solve(LIMITED_TARGET, 200, seed=0, seed_state=np.zeros(4))
    assert solutions.num_rejected > 0
    expected = -np.square(solutions.positions).sum(1)
    np.testing.assert_allclose(solutions.log_densities, expected, atol=0.1)


def test_draws_end_and_the_shortfall_says_what_was_found():
    solutions = IKSolver(RareSolutions(LIMITED, 1000)).solve(LIMITED_TARGET, 50, seed=1)
    drawn = len(solutions) + solutions.num_rejected
    assert 0 < len(solutions) < 50
    assert 50 < drawn <= 50 * (1 + FURTHER_ROUNDS * MOST_PER_ROUND)
    assert solutions.shortfall.startswith(f"{len(solutions)} of 50 solutions after {drawn} draws: ")


def test_of_many_targets_each_is_answered_with_as_many_as_were_asked_for():
    solver = IKSolver(NoisyPosterior(LIMITED, noise=0.1))
    targets = LIMITED.forward(np.array([[0.2, 0.2, -0.1, 0.1], [-0.25, 0.1, 0.2, -0.1]]))
    for target, answer in zip(targets, solver.solve_many(targets, 100, seed=3), strict=True):
        assert len(answer) == 100
        assert answer.num_rejected > 0
        alone = solver.solve(target, 100, seed=3)
        # To rounding: NumPy takes other instructions for the last numbers of an array.
        np.testing.assert_allclose(answer.positions, alone.positions, rtol=0.0, atol=1e-14)


def test_two_joints_have_each_solution_once_with_its_weight():
    arm = PlanarArm((1.0, 1.0), prior_std=(0.5, 1.0))
    target = arm.forward(np.array([0.8, -1.0]))
    solutions = IKSolver.exact(arm).solve(target, 100, seed=0)
    assert solutions.shortfall == f"all solutions of this target: {len(solutions)}"
    assert solutions.num_rejected == 0
    assert len(np.unique(solutions.positions.round(9), axis=0)) == len(solutions)
    # Both roots bend the elbow alike, so that the Jacobian's share in their weights is the same.
    density = np.exp(arm.log_prior(solutions.positions))
    np.testing.assert_allclose(solutions.weights, density / density.sum(), rtol=1e-9)
    (best,) = IKSolver.exact(arm).solve(target, 1, seed=0).positions
    assert any(np.allclose(best, one) for one in solutions.positions)


@pytest.mark.parametrize("weighted", [False, True])
def test_weights_sum_to_one_and_say_how_well_the_answer_represents_the_posterior(weighted):
    solver = IKSolver.from_pretrained(6, "exact")
    solutions = solver.solve(TARGET, 500, seed=1, weighted=weighted)
    assert solutions.weights.shape == (500,)
    assert solutions.weights.sum() == pytest.approx(1.0)
    assert 0.9 < solutions.effective_share <= 1.0 + 1e-12
    assert (len(np.unique(solutions.weights)) == 1) is not weighted
    assert not solutions.off_distribution
    assert solutions.log_evidence == pytest.approx(
        float(solver.sampler.log_evidence(np.array([TARGET]))[0]), abs=0.2
    )


def test_weights_stay_with_their_solutions():
    """Weight = prior / |J| / (the draw's density), all of which a draw of its own has."""
    solver = IKSolver.exact(PlanarArm((0.5, 0.4, 0.3), prior_std=0.7, joint_limits=(-1.5, 1.5)))
    target = (0.7, 0.5)
    solutions = solver.solve(target, 50, seed=2, weighted=True, seed_state=(0.5, 0.5, 0.0))
    samples = solver.sampler.weighted().sample(np.array([target]), 50, np.random.default_rng(2))
    weights = np.exp(samples.log_weights[0])
    for position, weight in zip(solutions.positions, solutions.weights, strict=True):
        (row,) = np.flatnonzero(np.abs(samples.positions[0] - position).max(1) < 1e-9)
        assert weight == pytest.approx(weights[row] / weights.sum())


@pytest.mark.parametrize("model", ["cvae", "inn"])
def test_a_model_without_weights_has_no_effective_share(model):
    solutions = IKSolver.from_pretrained(6, model).solve(TARGET, 10, seed=1)
    assert solutions.weights is None
    assert solutions.effective_share is None


@pytest.mark.parametrize("exact", [False, True])
def test_cinn_answers_with_weights_that_are_nearly_alike(exact):
    solutions = IKSolver.from_pretrained(6, "cinn").solve(TARGET, 500, seed=1, exact=exact)
    assert len(solutions) == 500
    assert solutions.weights.sum() == pytest.approx(1.0)
    assert solutions.effective_share > 0.9
    assert solutions.position_errors.max() < 1e-12
    assert (len(np.unique(solutions.weights)) == 1) is exact


@pytest.mark.parametrize(("target", "expected"), [((3.0, 0.5), False), ((-2.0, 1.0), True)])
def test_solutions_say_whether_their_target_was_learned(target, expected):
    """By the prior's evidence; where the model knows weights, by these."""
    solutions = IKSolver.from_pretrained(6, "cvae").solve(target, 20, seed=1)
    assert solutions.off_distribution is expected
    assert (solutions.log_evidence < LEAST_LOG_EVIDENCE) is expected
    for model in ("cinn", "exact"):
        known = IKSolver.from_pretrained(6, model).solve(target, 200, seed=1)
        assert known.off_distribution is (known.effective_share < LEAST_EFFECTIVE_SHARE)
        assert not known.off_distribution
        assert known.log_evidence == pytest.approx(solutions.log_evidence, abs=0.5)


def test_out_of_reach_is_refused_with_distance_and_reach(solver):
    with pytest.raises(UnreachableTargetError, match=r"is 5\.0000 m, .* 3\.5000 m") as caught:
        solver.solve((3.0, 4.0))
    assert caught.value.distance == 5.0
    assert caught.value.reach == (0.0, 3.5)


def test_out_of_reach_may_be_approximated():
    solver = IKSolver.from_pretrained(6, "exact")
    solutions = solver.solve((3.0, 4.0), 20, seed=0, allow_approximate=True)
    assert solutions.approximate_distance == pytest.approx(1.5, abs=1e-6)
    np.testing.assert_allclose(solutions.target, (2.1, 2.8), atol=1e-6)
    assert solutions.position_errors.max() <= 1e-6


def test_the_hole_around_the_base_is_out_of_reach_too():
    solver = IKSolver(ExactPosterior(PlanarArm((2.0, 0.5, 0.5), prior_std=2.0)))
    with pytest.raises(UnreachableTargetError):
        solver.solve((0.0, 0.5))
    solutions = solver.solve((0.0, 0.5), 20, seed=0, allow_approximate=True)
    assert solutions.approximate_distance == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"target": (math.nan, 0.0)}, "target"),
        ({"target": (math.inf, 0.0)}, "target"),
        ({"target": (1.0, 2.0, 3.0)}, "target"),
        ({"target": (1.0,)}, "target"),
        ({"target": 1.0}, "target"),
        ({"target": ("a", 1.0)}, "target"),
        ({"num_samples": 0}, "num_samples"),
        ({"num_samples": 10.5}, "num_samples"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"position_tolerance": 0.0}, "position_tolerance"),
        ({"position_tolerance": math.nan}, "position_tolerance"),
        ({"heading_tolerance": -1.0}, "heading_tolerance"),
        ({"seed_state": [0.0] * 5}, "seed_state"),
        ({"seed_state": [math.nan] * 6}, "seed_state"),
        ({"options": SolveOptions(seed_state=[0.0] * 7)}, "seed_state"),
        ({"tolerance": 1e-6}, "tolerance"),
    ],
)
def test_bad_arguments_are_named(solver, arguments, field):
    with pytest.raises(InvalidRequestError) as caught:
        solver.solve(**({"target": TARGET} | arguments))
    assert caught.value.field == field
    assert field in str(caught.value)


@pytest.mark.parametrize("dof", [2, 3])
def test_no_solution_is_said_not_returned(dof):
    solver = IKSolver.exact(PlanarArm((1.0,) * dof, joint_limits=(-0.1, 0.1)))
    with pytest.raises(NoSolutionError, match="no configuration within the joint limits") as caught:
        solver.solve((0.0, 1.5), 10, seed=0)
    assert 1.5 < caught.value.distance < 3.5
    assert f"misses it by {caught.value.distance:.3g} m" in str(caught.value)


def test_a_pose_s_refusal_tells_what_its_heading_misses():
    solver = IKSolver.exact(PlanarArm((1.0,) * 3, joint_limits=(-0.1, 0.1)), "pose")
    with pytest.raises(NoSolutionError, match=r"misses it by [\d.e-]+ m and [\d.]+ rad") as caught:
        solver.solve_many([(2.998, 0.0, 0.0), (1.5, 0.9, 2.0)], 10, seed=0)
    assert caught.value.index == 1
    assert 1.0 < caught.value.heading < 2.0


@pytest.mark.parametrize(
    ("arm", "task", "count"),  # of solutions found 1e-8 inside, of 50
    [
        (PlanarArm((1.0,) * 4, prior="uniform", joint_limits=(-1.0, 1.0)), "position", 1),
        (PlanarArm((1.0,) * 4, prior="uniform", joint_limits=(-1.0, 1.0)), "pose", 50),
        (
            PlanarArm((1.0, 1.0), (0.5,) * 3, ((-1.0, 1.0), (-0.5, 1.0), (-1.0, 1.0)), base="rail"),
            "position",
            50,
        ),
    ],
    ids=["position", "pose", "rail"],
)
def test_in_a_corner_of_what_limits_leave_there_is_a_solution(arm, task, count):
    solver = IKSolver.exact(arm, task)
    corner = arm.bounds[1]
    solutions = solver.solve(solver.task.forward(arm, corner), 50, seed=0)
    np.testing.assert_allclose(solutions.positions, [corner], atol=1e-6)
    assert solutions.off_distribution
    assert solutions.weights is None
    assert "1 of 50" in solutions.shortfall
    beside = corner - 1e-8
    solutions = solver.solve(solver.task.forward(arm, beside), 50, seed=0)
    np.testing.assert_allclose(solutions.positions, np.tile(beside, (count, 1)), atol=1e-6)
    assert (solutions.weights is None) == solutions.off_distribution == (count == 1)


def test_a_model_none_of_whose_samples_is_a_solution_gives_one_that_a_search_finds():
    solver = IKSolver(RareSolutions(LIMITED, 1e9))
    solutions = solver.solve(LIMITED_TARGET, 5, seed=0)
    assert len(solutions) == 1
    assert solutions.position_errors[0] < 1e-6
    assert LIMITED.within_limits(solutions.positions).all()
    assert 100 < solutions.num_rejected <= 5 * (1 + FURTHER_ROUNDS * MOST_PER_ROUND)


@pytest.mark.parametrize(
    "targets", [[(1.0, 2.0), (3.0,)], "ab", [("a", 1.0)], np.zeros(2), np.zeros((0, 3))]
)
def test_what_are_no_targets_is_refused(solver, targets):
    for answer in (solver.solve_many, solver.sample):
        with pytest.raises(InvalidRequestError, match="targets: must be"):
            answer(targets)


def test_of_a_rail_the_reach_is_along_x():
    solver = IKSolver(ExactPosterior(PlanarArm((0.5, 0.5, 1.0), base="rail")))
    with pytest.raises(UnreachableTargetError, match=r"its x is -9\.0000 m, .* -2\.0000 m"):
        solver.solve((-9.0, 100.0))


def test_the_exact_sampler_answers_where_no_model_is_named():
    solver = IKSolver.from_pretrained(4)
    assert solver.model == DEFAULT_MODEL == "exact"
    assert len(solver.solve((2.2, 0.3), 20, seed=1)) == 20


@pytest.mark.parametrize(("model", "dof"), [("unheard_of", 6), ("cvae", 99)])
def test_a_missing_model_lists_what_there_is(model, dof):
    with pytest.raises(ModelNotFoundError, match="exact") as caught:
        IKSolver.from_pretrained(dof, model)
    assert caught.value.model == model
    assert any(offer.startswith("cvae") for offer in caught.value.available)


@pytest.mark.parametrize("model", ["cvae", "exact"])
def test_a_device_that_is_not_there_is_refused(model):
    with pytest.raises(InvalidRequestError, match="device: .*abacus"):
        IKSolver.from_pretrained(6, model, device="abacus")


def test_sample_gives_one_raw_sample_per_target(solver):
    targets = np.array([[3.0, 0.5], [3.2, 0.1], [2.9, -0.4]])
    samples = solver.sample(targets, seed=1)
    assert samples.shape == (3, 6)
    errors = np.linalg.norm(solver.arm.forward(samples) - targets, axis=1)
    assert 1e-6 < errors.max() < 0.5
    assert np.array_equal(samples, solver.sample(targets, seed=1))
    with pytest.raises(InvalidRequestError):
        solver.sample(np.zeros(2))


MANY = np.array([[3.0, 0.5], [3.2, 0.1], [2.9, -0.4]])


@pytest.mark.parametrize("model", ["cinn", "cvae", "inn", "exact"])
@pytest.mark.parametrize("refine", [True, False])
def test_many_targets_are_answered_as_each_alone(model, refine):
    solver = IKSolver.from_pretrained(6, model)
    answers = solver.solve_many(MANY, 50, seed=3, refine=refine, seed_state=np.zeros(6))
    assert len(answers) == len(MANY)
    for target, answer in zip(MANY, answers, strict=True):
        alone = solver.solve(target, 50, seed=3, refine=refine, seed_state=np.zeros(6))
        np.testing.assert_allclose(answer.positions, alone.positions, atol=1e-5)
        np.testing.assert_allclose(answer.position_errors, alone.position_errors, atol=1e-5)
        assert answer.num_rejected == alone.num_rejected
        assert np.array_equal(answer.target, target)
        if alone.log_densities is None:
            assert answer.log_densities is None
        else:
            np.testing.assert_allclose(answer.log_densities, alone.log_densities, atol=1e-2)


def test_many_targets_without_a_seed_share_no_latents():
    twice, nearest_first = [MANY[0], MANY[0]], np.zeros(6)
    solver = IKSolver.from_pretrained(6, "cvae")
    first, second = solver.solve_many(twice, 20, seed_state=nearest_first)
    assert np.median(np.abs(first.positions - second.positions)) > 1e-2


def test_no_targets_have_no_answers(solver):
    for none in (np.empty((0, 2)), []):
        assert solver.solve_many(none, 10) == []
        assert solver.sample(none).shape == (0, 6)


def test_of_many_targets_the_one_that_cannot_be_answered_is_named(solver):
    with pytest.raises(UnreachableTargetError, match="target 2 out of reach") as caught:
        solver.solve_many([TARGET, (3.0, 4.0)], 10)
    assert caught.value.index == 1
    with pytest.raises(InvalidRequestError, match="number 3 is not"):
        solver.solve_many([TARGET, TARGET, (math.nan, 0.0)], 10)
    limited = IKSolver(ExactPosterior(PlanarArm((1.0, 1.0), joint_limits=((-0.1, 0.1),) * 2)))
    with pytest.raises(NoSolutionError, match="target 2: no configuration within") as caught:
        limited.solve_many([(1.999, 0.0), (0.0, 1.5)], 10, seed=0)
    assert caught.value.index == 1


@pytest.mark.parametrize(
    ("target", "distance"), [((1e300, 0.0), "1e\\+300 m"), ((1.3e308, 1.3e308), "inf m")]
)
def test_a_distance_that_a_float_hardly_holds_is_out_of_reach(solver, target, distance):
    with pytest.raises(UnreachableTargetError, match=f"base is {distance}, the arm reaches 0.0000"):
        solver.solve(target, 10)


def test_many_targets_out_of_reach_may_be_approximated(solver):
    near, far = solver.solve_many([TARGET, (3.0, 4.0)], 20, seed=0, allow_approximate=True)
    assert near.approximate_distance == 0.0
    assert far.approximate_distance == pytest.approx(1.5, abs=1e-6)


@pytest.mark.parametrize("model", ["cinn", "cvae", "inn", "exact"])
@pytest.mark.parametrize("bearing", np.linspace(-1.0, 1.0, 9))
def test_targets_that_rounding_puts_at_full_reach_are_answered(model, bearing):
    solver = IKSolver.from_pretrained(6, model)
    target = solver.arm.reach[1] * np.array([math.cos(bearing), math.sin(bearing)])
    solutions = solver.solve(target, 20, seed=1)
    assert len(solutions) == 20
    assert solutions.position_errors.max() <= 1e-6
    assert solutions.approximate_distance == 0.0


def test_a_reach_that_is_no_sum_in_doubles_is_answered():
    """0.3 + 0.3 + 0.3 is a little less than 0.9."""
    solver = IKSolver.exact(PlanarArm([0.3] * 3))
    for target in ((0.9, 0.0), (0.0, -0.9)):
        assert len(solver.solve(target, 20, seed=1)) == 20
    with pytest.raises(UnreachableTargetError):
        solver.solve((0.9 + 1e-6, 0.0), 20)


@pytest.mark.parametrize(
    "arm",
    [
        PlanarArm((2.0, 0.5, 0.5)),
        PlanarArm((2.0, 0.5, 0.5), prior="uniform"),
        PlanarArm((0.7, 0.3, 0.3)),
        PlanarArm((0.5, 0.5, 3.0), base="rail"),
    ],
    ids=repr,
)
def test_both_ends_of_the_reach_are_answered_at_every_bearing(arm):
    solver = IKSolver.exact(arm)
    for bearing in np.linspace(-3.1, 3.1, 32):
        for end in filter(None, arm.reach):
            target = arm.base_joint.points(np.array(end), np.array(bearing))
            solutions = solver.solve(target, 20, seed=1)
            assert len(solutions) == 20
            assert solutions.position_errors.max() <= 1e-6


@pytest.mark.parametrize("target", [(0.0, 4503599627370500.0), (-1e300, 2e300)])
def test_a_target_however_far_is_approximated_at_full_reach(target):
    solver = IKSolver.from_pretrained(6, "exact")
    solutions = solver.solve(target, 5, seed=0, allow_approximate=True)
    tcp = solver.arm.forward(solutions.positions)
    np.testing.assert_allclose(np.hypot(*tcp.T), 3.5, atol=1e-6)
    np.testing.assert_allclose(np.arctan2(tcp[:, 1], tcp[:, 0]), np.arctan2(*target[::-1]))


COMPILED_BEFORE = """
from ik_nn_ros import IKSolver
from ik_nn_ros.posterior.draws import draw
assert not draw.signatures
solver = IKSolver.from_pretrained(4, "exact")
ready = list(draw.signatures)
solver.solve((2.4, 0.2), 50)
assert ready and draw.signatures == ready
"""


def test_no_request_waits_until_the_exact_sampler_s_code_is_compiled():
    outcome = subprocess.run(
        [sys.executable, "-c", COMPILED_BEFORE], capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stderr
