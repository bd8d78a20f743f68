"""How a target is to be answered, checked where it is said."""

import dataclasses
import math

import numpy as np
import pytest

from ik_nn_ros import IKSolver, InvalidRequestError, PlanarArm, SolveOptions

TARGET = (3.0, 0.5)


def test_every_option_has_a_default_that_solves():
    options = SolveOptions()
    assert (options.refine, options.allow_approximate) == (True, False)
    assert (options.weighted, options.exact) == (False, False)
    assert options == SolveOptions(position_tolerance=None, heading_tolerance=None)
    assert options.heading_tolerance == 1e-6
    for dof in (2, 6, 15):
        assert options.of_arm(PlanarArm.of_paper(dof)).position_tolerance == pytest.approx(1e-6)
    small = PlanarArm([2e-5, 2e-5, 4e-5])
    assert options.of_arm(small).position_tolerance == pytest.approx(4e-11)
    assert SolveOptions(position_tolerance=1e-3).of_arm(small).position_tolerance == 1e-3
    assert options.seed_state is None


@pytest.mark.parametrize("name", ["position_tolerance", "heading_tolerance"])
@pytest.mark.parametrize("value", [0.0, -1e-6, math.nan, math.inf, True, "1e-6", [1e-6]])
def test_a_tolerance_is_a_positive_number(name, value):
    with pytest.raises(InvalidRequestError, match=f"{name}: must be positive and finite") as caught:
        SolveOptions(**{name: value})
    assert caught.value.field == name
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", [1, 1e-4, np.float32(1e-4), np.int64(1), np.array(0.5)])
def test_a_tolerance_may_be_of_any_kind_of_number(value):
    assert SolveOptions(position_tolerance=value).position_tolerance == value


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ([0.0, math.nan], "must be finite"),
        ([[0.0, 0.0]], "must be one row of numbers"),
        (0.5, "must be one row of numbers"),
        (["a"], "must be numbers"),
    ],
)
def test_a_seed_state_is_a_row_of_finite_numbers(state, reason):
    with pytest.raises(InvalidRequestError, match=f"seed_state: {reason}"):
        SolveOptions(seed_state=state)


def test_a_seed_state_is_kept_as_it_was():
    state = np.zeros(6)
    options = SolveOptions(seed_state=state)
    state[0] = 1.0
    assert options.seed_state == (0.0,) * 6
    assert options == SolveOptions(seed_state=[0.0] * 6)
    assert hash(options) == hash(SolveOptions(seed_state=(0.0,) * 6))


def test_a_seed_state_of_another_length_than_the_arm_is_refused():
    solver = IKSolver.from_pretrained(6, "exact")
    for length in (0, 5, 7):
        with pytest.raises(InvalidRequestError, match="seed_state: must be 6 numbers") as caught:
            solver.solve(TARGET, 10, options=SolveOptions(seed_state=[0.0] * length))
        assert caught.value.field == "seed_state"


def test_an_unknown_option_is_named_with_those_that_there_are():
    with pytest.raises(InvalidRequestError) as caught:
        IKSolver.from_pretrained(6, "exact").solve(TARGET, 10, tolerance=1e-3)
    assert caught.value.field == "tolerance"
    for field in dataclasses.fields(SolveOptions):
        assert field.name in caught.value.reason


def test_keywords_take_the_place_of_options():
    options = SolveOptions(refine=False, position_tolerance=1e-3)
    assert options.changed(refine=True) == SolveOptions(position_tolerance=1e-3)
    with pytest.raises(InvalidRequestError, match="position_tolerance"):
        options.changed(position_tolerance=0.0)
    solver = IKSolver.from_pretrained(6, "cvae")
    raw = solver.solve(TARGET, 50, seed=1, options=options)
    refined = solver.solve(TARGET, 50, seed=1, options=options, refine=True)
    assert raw.position_errors.max() > 1e-3 >= refined.position_errors.max()


def test_options_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SolveOptions().refine = False


def test_samples_cannot_be_weighted_and_exact():
    with pytest.raises(InvalidRequestError, match="exact samples are all alike") as caught:
        SolveOptions(weighted=True, exact=True)
    assert caught.value.field == "exact"
    solver = IKSolver.from_pretrained(6, "exact")
    with pytest.raises(InvalidRequestError, match="exact: "):
        solver.solve(TARGET, 10, options=SolveOptions(weighted=True), exact=True)


@pytest.mark.parametrize("model", ["cvae", "inn"])
@pytest.mark.parametrize("option", ["weighted", "exact"])
def test_a_model_without_weights_refuses_both_by_its_name(model, option):
    solver = IKSolver.from_pretrained(6, model)
    reason = f"{option}: the samples of {model} have no weights"
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        solver.solve(TARGET, 10, **{option: True})
    assert caught.value.field == option


@pytest.fixture(scope="module")
def cinn():
    """A network that has learned nothing, whose weights are right all the same."""
    torch = pytest.importorskip("torch")
    from ik_nn_ros.backends.eager import eager_sampler
    from ik_nn_ros.models.networks import build_network

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("cinn", PlanarArm.of_paper(4), {"neurons": 8, "bins": 6})
    return IKSolver(eager_sampler(network))


def test_cinn_answers_with_weights_and_their_effective_share(cinn):
    plain, weighted = (cinn.solve((2.2, 0.5), 300, seed=1, weighted=one) for one in (False, True))
    assert len(plain) == 300
    assert plain.weights.sum() == pytest.approx(1.0)
    assert len(np.unique(plain.weights)) > 250
    assert 0.0 < plain.effective_share < 1.0
    assert np.array_equal(plain.positions, weighted.positions)
    assert np.array_equal(plain.weights, weighted.weights)


def test_exact_samples_of_cinn_are_as_many_as_asked_for_and_all_alike(cinn):
    solutions = cinn.solve((2.2, 0.5), 300, seed=1, exact=True)
    assert len(solutions) == 300
    assert solutions.shortfall is None
    assert len(np.unique(solutions.positions, axis=0)) == 300
    np.testing.assert_allclose(solutions.weights, 1.0 / 300)
    assert solutions.effective_share == pytest.approx(1.0)
    assert solutions.num_rejected > 0
    assert not solutions.off_distribution
    again = cinn.solve((2.2, 0.5), 300, seed=1, exact=True)
    assert np.array_equal(again.positions, solutions.positions)


def test_exact_changes_nothing_of_the_exact_sampler():
    solver = IKSolver.from_pretrained(4, "exact")
    plain, exact = (solver.solve((2.2, 0.5), 100, seed=1, exact=one) for one in (False, True))
    assert np.array_equal(plain.positions, exact.positions)
    assert np.array_equal(plain.weights, exact.weights)


def test_many_targets_are_answered_exactly_as_each_alone(cinn):
    targets = [(2.2, 0.5), (2.1, -0.3)]
    answers = cinn.solve_many(targets, 50, seed=2, exact=True)
    for target, answer in zip(targets, answers, strict=True):
        alone = cinn.solve(target, 50, seed=2, exact=True)
        assert np.array_equal(answer.positions, alone.positions)
