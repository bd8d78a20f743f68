"""How a target is to be answered, checked where it is said."""

import dataclasses
import math

import numpy as np
import pytest

from ik_nn_ros import IKSolver, InvalidRequestError, SolveOptions

TARGET = (3.0, 0.5)


def test_every_option_has_a_default_that_solves():
    options = SolveOptions()
    assert (options.refine, options.allow_approximate, options.weighted) == (True, False, False)
    assert options.position_tolerance == options.heading_tolerance == 1e-6
    assert options.seed_state is None


@pytest.mark.parametrize("name", ["position_tolerance", "heading_tolerance"])
@pytest.mark.parametrize("value", [0.0, -1e-6, math.nan, math.inf, None, "1e-6", [1e-6]])
def test_a_tolerance_is_a_positive_number(name, value):
    with pytest.raises(InvalidRequestError, match=f"{name}: must be positive and finite") as caught:
        SolveOptions(**{name: value})
    assert caught.value.field == name
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", [1, 1e-4, np.float32(1e-4), np.int64(1)])
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
