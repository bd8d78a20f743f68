"""Whether an answer represents the posterior: asked at the rim, at the base and far from both."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver, PlanarArm

SAMPLES = 300


def flags(solver, *places):
    """Flags of targets so far from full reach or, where the distance is negative, from the base."""
    answers = []
    for slack, bearing in places:
        distance = solver.arm.reach[1] - slack if slack >= 0.0 else -slack
        target = [distance * np.cos(bearing), distance * np.sin(bearing)]
        target += [bearing] * (solver.task.size - 2)
        answers.append(solver.solve(target, SAMPLES, seed=1).off_distribution)
    return answers


@pytest.mark.parametrize("dof", [4, 6, 15])
@pytest.mark.parametrize("model", ["exact", "cinn", "cvae", "inn"])
def test_near_the_rim_where_training_targets_lie_answers_represent_the_posterior(model, dof):
    solver = IKSolver.from_pretrained(dof, model)
    places = [(1e-3, 0.0), (1e-3, 0.2), (1e-2, -0.1), (0.0, 0.0), (1e-9, 0.1)]
    assert flags(solver, *places) == [False] * 5


@pytest.mark.parametrize("dof", [4, 6, 15])
def test_at_the_base_models_differ_in_what_they_know(dof):
    """There the prior brings no TCP; exact and cinn see to it all the same."""
    places = [(-1e-300, 0.0), (-1e-12, 0.0), (-1e-3, 1.0)]
    for model in ("exact", "cinn"):
        solver = IKSolver.from_pretrained(dof, model)
        assert not solver.solve((0.0, 0.0), SAMPLES, seed=1).off_distribution
        assert flags(solver, *places) == [False] * 3
    for model in ("cvae", "inn"):
        assert flags(IKSolver.from_pretrained(dof, model), *places) == [True] * 3


@pytest.mark.parametrize("model", ["exact", "cinn"])
def test_poses_at_the_rim_and_with_the_wrist_at_the_base(model):
    solver = IKSolver.from_pretrained(6, model, task="pose")
    assert flags(solver, (1e-3, 0.0), (1e-3, 0.2), (0.0, 0.0), (0.02, -0.3)) == [False] * 4
    assert not solver.solve((1.0, 0.0, 0.0), SAMPLES, seed=1).off_distribution


def test_the_inner_end_of_the_reach():
    arm = PlanarArm([0.5, 0.2, 0.1, 0.1], prior="uniform")
    solver = IKSolver.exact(arm)
    for distance in arm.reach[0] + np.array([0.0, 1e-6, 1e-3]):
        assert not solver.solve((0.0, distance), SAMPLES, seed=1, weighted=True).off_distribution


def test_at_the_base_exact_finds_what_it_finds_beside_it():
    solver = IKSolver.exact(PlanarArm([0.3, 0.2, 0.4, 0.1], prior="uniform"))
    # The density has a pole there: what of all draws is accepted changes with each decade.
    at_base, beside = (solver.solve((x, 0.0), SAMPLES, seed=1) for x in (0.0, 6e-12))
    assert len(at_base) == pytest.approx(len(beside), rel=0.2)
    assert at_base.position_errors.max() < 1e-9
    assert at_base.log_evidence == pytest.approx(beside.log_evidence, abs=0.3)
