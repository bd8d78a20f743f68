"""The contract of `IKSolver`."""

import math

import numpy as np
import pytest

from ik_nn_ros import (
    IKSolver,
    InvalidRequestError,
    ModelNotFoundError,
    NoSolutionError,
    PlanarArm,
    UnreachableTargetError,
)
from ik_nn_ros.models import RawSamples, Sampler
from ik_nn_ros.posterior import ExactPosterior

TARGET = (3.0, 0.5)


class NoisyPosterior(Sampler):
    """Exact samples pushed off the target: what a network gives, without its weights."""

    name = "noisy"

    def __init__(self, arm, noise=0.02):
        self.arm = arm
        self.noise = noise

    def sample(self, targets, num_samples, rng):
        exact = ExactPosterior(self.arm).sample(targets, num_samples, rng).positions
        positions = exact + self.noise * rng.standard_normal(exact.shape)
        errors = self.arm.position_errors(positions, targets[:, None])
        return RawSamples(positions, errors, lambda: -np.square(positions).sum(-1))


@pytest.fixture
def solver():
    return IKSolver(NoisyPosterior(PlanarArm.of_paper(6)))


def test_refined_solutions_reach_the_target(solver):
    solutions = solver.solve(TARGET, num_samples=500, seed=1)
    assert solutions.positions.dtype == np.float64
    assert len(solutions) + solutions.num_rejected == 500
    assert solutions.num_rejected < 5
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
    density = solver.arm.joint_log_priors(solutions.positions).sum(1)
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


def test_solutions_outside_the_joint_limits_are_dropped_and_counted():
    arm = PlanarArm(PlanarArm.of_paper(4).link_lengths, joint_limits=((-0.3, 0.3),) * 4)
    unlimited = PlanarArm(arm.link_lengths)
    target = unlimited.forward(np.array([0.2, 0.2, -0.1, 0.1]))
    solutions = IKSolver(NoisyPosterior(arm)).solve(target, num_samples=200, seed=0)
    assert arm.within_limits(solutions.positions).all()
    assert len(solutions) + solutions.num_rejected == 200
    assert solutions.num_rejected > 0


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
        ({"target": ("a", 1.0)}, "target"),
        ({"num_samples": 0}, "num_samples"),
        ({"num_samples": 10.5}, "num_samples"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"position_tolerance": 0.0}, "position_tolerance"),
        ({"position_tolerance": math.nan}, "position_tolerance"),
        ({"seed_state": [0.0] * 5}, "seed_state"),
        ({"seed_state": [math.nan] * 6}, "seed_state"),
    ],
)
def test_bad_arguments_are_named(solver, arguments, field):
    with pytest.raises(InvalidRequestError) as caught:
        solver.solve(**({"target": TARGET} | arguments))
    assert caught.value.field == field
    assert field in str(caught.value)


def test_no_solution_is_said_not_returned():
    solver = IKSolver(ExactPosterior(PlanarArm((1.0, 1.0), joint_limits=((-0.1, 0.1),) * 2)))
    with pytest.raises(NoSolutionError):
        solver.solve((0.0, 1.5), 10, seed=0)


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


@pytest.mark.parametrize(("model", "dof"), [("unheard_of", 6), ("cvae", 99)])
def test_a_missing_model_lists_what_there_is(model, dof):
    with pytest.raises(ModelNotFoundError, match="exact") as caught:
        IKSolver.from_pretrained(dof, model)
    assert caught.value.model == model
    assert any(offer.startswith("cvae") for offer in caught.value.available)


@pytest.mark.parametrize("model", ["cvae", "exact"])
def test_a_device_that_is_not_there_is_refused(model):
    with pytest.raises(InvalidRequestError, match="device of this machine"):
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
    solver = IKSolver.from_pretrained(6)
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
    with pytest.raises(NoSolutionError, match="target 2: none of 10") as caught:
        limited.solve_many([(1.999, 0.0), (0.0, 1.5)], 10, seed=0)
    assert caught.value.index == 1


def test_many_targets_out_of_reach_may_be_approximated(solver):
    near, far = solver.solve_many([TARGET, (3.0, 4.0)], 20, seed=0, allow_approximate=True)
    assert near.approximate_distance == 0.0
    assert far.approximate_distance == pytest.approx(1.5, abs=1e-6)
