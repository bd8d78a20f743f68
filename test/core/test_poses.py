"""Targets (x, y, heading) through the solver."""

import numpy as np
import pytest

from ik_nn_ros import (
    IKSolver,
    InvalidRequestError,
    ModelNotFoundError,
    PlanarArm,
    UnreachableTargetError,
)
from ik_nn_ros.arm.task import POSE as POSE_TASK

POSE_ARM = PlanarArm((0.5, 0.4, 0.3, 0.2), prior_std=0.7, joint_limits=(-2.0, 2.0))
POSE = (0.9, 0.5, 1.2)


@pytest.fixture(scope="module")
def pose_solver():
    return IKSolver.exact(POSE_ARM, "pose")


@pytest.mark.parametrize("options", [{}, {"weighted": True}, {"refine": False}])
def test_poses_are_met_in_position_and_heading(pose_solver, options):
    solutions = pose_solver.solve(POSE, 200, seed=1, **options)
    assert solutions.positions.shape == (200, 4)
    assert solutions.heading_errors.shape == (200,)
    assert solutions.position_errors.max() <= 1e-6
    assert solutions.heading_errors.max() <= 1e-6
    headings = POSE_ARM.headings(solutions.positions)
    np.testing.assert_allclose(headings, POSE[2], atol=1e-6)
    np.testing.assert_allclose(POSE_ARM.forward(solutions.positions), [POSE[:2]] * 200, atol=1e-6)
    assert POSE_ARM.within_limits(solutions.positions).all()
    assert solutions.weights.sum() == pytest.approx(1.0)
    assert 0.5 < solutions.effective_share <= 1.0 + 1e-12
    assert np.array_equal(solutions.target, POSE)


def test_a_heading_counts_whole_turns_as_none(pose_solver):
    turned = (*POSE[:2], POSE[2] + 2.0 * np.pi)
    first, second = (pose_solver.solve(pose, 20, seed=1) for pose in (POSE, turned))
    np.testing.assert_allclose(first.positions, second.positions, atol=1e-9)


def test_many_poses_are_answered_as_each_alone(pose_solver):
    poses = [POSE, (0.8, 0.3, 0.0)]
    for pose, answer in zip(poses, pose_solver.solve_many(poses, 20, seed=1), strict=True):
        alone = pose_solver.solve(pose, 20, seed=1)
        assert np.array_equal(answer.positions, alone.positions)
        assert np.array_equal(answer.heading_errors, alone.heading_errors)


def test_three_joints_have_each_solution_of_a_pose_once():
    arm = PlanarArm((0.5, 0.4, 0.3), prior_std=0.7)
    pose = (*arm.forward(np.array([0.2, 0.5, -0.4])), 0.3)
    solutions = IKSolver.exact(arm, "pose").solve(pose, 100)
    assert len(solutions) >= 2
    assert solutions.shortfall.startswith("all solutions")
    assert solutions.heading_errors.max() <= 1e-6
    assert any(np.allclose(one, (0.2, 0.5, -0.4)) for one in solutions.positions)


def test_a_pose_whose_position_alone_is_in_reach_says_so(pose_solver):
    with pytest.raises(UnreachableTargetError, match="with another heading the position is in re"):
        pose_solver.solve((1.3, 0.0, np.pi))
    with pytest.raises(UnreachableTargetError) as caught:
        pose_solver.solve((1.5, 0.0, 0.0))
    assert "another heading" not in str(caught.value)


def test_a_pose_out_of_reach_may_be_approximated_and_keeps_its_heading(pose_solver):
    solutions = pose_solver.solve((1.3, 0.0, 1.0), 20, seed=0, allow_approximate=True)
    assert solutions.approximate_distance > 0.0
    assert solutions.target[2] == 1.0
    assert solutions.heading_errors.max() <= 1e-6
    assert solutions.position_errors.max() <= 1e-6
    moved = np.linalg.norm(solutions.target[:2] - (1.3, 0.0))
    assert solutions.approximate_distance == pytest.approx(moved)


def test_a_pose_has_three_numbers_and_a_position_two(pose_solver):
    with pytest.raises(InvalidRequestError, match=r"target: of a pose must be \(x, y, heading\)"):
        pose_solver.solve(POSE[:2])
    with pytest.raises(InvalidRequestError, match=r"must be \(x, y\), got 3 numbers"):
        IKSolver.exact(POSE_ARM).solve(POSE)
    with pytest.raises(InvalidRequestError, match=r"targets: must be \(b, 3\), got \(1, 2\)"):
        pose_solver.solve_many([POSE[:2]])


def test_a_task_that_does_not_exist_or_does_not_fit_is_refused():
    with pytest.raises(InvalidRequestError, match="task: must be position or pose, got 'heading'"):
        IKSolver.exact(POSE_ARM, "heading")
    with pytest.raises(InvalidRequestError, match="a pose takes 3 joints or more"):
        IKSolver.exact(PlanarArm((1.0, 1.0)), "pose")


def test_samples_of_poses_are_raw_ones(pose_solver):
    samples = pose_solver.sample(np.array([POSE, POSE]), seed=1)
    assert samples.shape == (2, 4)
    np.testing.assert_allclose(POSE_ARM.headings(samples), POSE[2], atol=1e-9)


@pytest.mark.parametrize("model", ["cinn", "exact"])
def test_poses_of_the_paper_s_arm_are_solved_by_name(model):
    solver = IKSolver.from_pretrained(6, model, task="pose")
    assert solver.task is POSE_TASK
    solutions = solver.solve((2.9, 0.6, 0.4), 100, seed=1)
    assert len(solutions) == 100
    assert solutions.heading_errors.max() < 1e-6
    assert solutions.position_errors.max() < 1e-6
    assert solutions.effective_share > 0.5


def test_a_model_without_weights_for_a_pose_says_what_there_is():
    for model in ("cvae", "inn"):
        with pytest.raises(ModelNotFoundError, match="no weights for a pose at dof 6; available:"):
            IKSolver.from_pretrained(6, model, task="pose")
    with pytest.raises(InvalidRequestError, match="position or pose"):
        IKSolver.from_pretrained(6, "cinn", task="dance")


def test_cinn_answers_poses_as_the_exact_sampler_does():
    """With weights it has not learned: they make up for what it does not know."""
    pytest.importorskip("torch")
    from ik_nn_ros.backends.eager import eager_sampler
    from ik_nn_ros.models.networks import build_network

    arm = PlanarArm((0.5, 0.4, 0.3, 0.2), prior_std=0.7)
    network = build_network("cinn", arm, {"neurons": 8, "hidden_layers": 1}, POSE_TASK)
    ours, exact = IKSolver(eager_sampler(network)), IKSolver.exact(arm, "pose")
    first, second = (solver.solve(POSE, 2000, seed=1) for solver in (ours, exact))
    assert first.heading_errors.max() <= 1e-6
    assert first.position_errors.max() <= 1e-6
    assert first.log_evidence == pytest.approx(second.log_evidence, abs=0.2)
    mean = np.average(first.positions, axis=0, weights=first.weights)
    deviation = second.positions.std(0) / np.sqrt(2000.0 * first.effective_share)
    assert (np.abs(mean - second.positions.mean(0)) < 5.0 * deviation).all()
