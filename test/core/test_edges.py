"""Targets at the ends of the reach: what was rounded, or is a tolerance beyond, is answered."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver, NoSolutionError, PlanarArm, UnreachableTargetError
from ik_nn_ros.path import follow

SAMPLES = 10
BEARINGS = np.linspace(-3.1, 3.1, 16)
ARMS = {
    "paper's": PlanarArm.of_paper(4),
    "a sum that doubles round": PlanarArm([0.3] * 3),
    "a hole": PlanarArm([0.5, 0.2, 0.1, 0.1], prior="uniform"),
    "two joints": PlanarArm([0.3, 0.2], prior="uniform"),
    "60 micrometres": PlanarArm([3e-5, 2e-5, 1e-5]),
    "millimetres": PlanarArm([250.0, 250.0, 66.0]),
    "rail": PlanarArm([0.3, 0.25, 0.2], base="rail", prior_std=0.4),
}


def at(arm, task, distance, bearing):
    """A target at a distance and a bearing, or at an x and a y; a pose with the arm stretched."""
    shift = bearing * (arm.unit if arm.base == "rail" else 1.0)
    target = arm.base_joint.points(np.array(distance), np.array(shift))
    heading = 0.0 if arm.base == "rail" else bearing
    return target if task == "position" else np.append(target, heading)


def cases():
    for name, arm in ARMS.items():
        for task in ("position", "pose"):
            if arm.dof > 2 or task == "position":
                yield pytest.param(arm, task, id=f"{name}, {task}")


@pytest.mark.parametrize(("arm", "task"), list(cases()))
def test_full_reach_is_answered_at_every_bearing_and_a_tolerance_beyond(arm, task):
    solver = IKSolver.exact(arm, task)
    tolerance = 1e-4 * arm.unit
    for bearing in BEARINGS:
        target = at(arm, task, arm.reach[1], bearing)
        solutions = solver.solve(target, SAMPLES, seed=1)
        assert solutions.position_errors.max() <= 1e-6 * arm.unit
        assert solutions.approximate_distance == 0.0
        beyond = at(arm, task, arm.reach[1] + 0.5 * tolerance, bearing)
        solutions = solver.solve(beyond, SAMPLES, seed=1, position_tolerance=tolerance)
        errors = arm.position_errors(solutions.positions, beyond[:2])
        np.testing.assert_allclose(errors, solutions.position_errors, atol=1e-12 * arm.unit)
        assert errors.max() <= tolerance
        assert solutions.approximate_distance == 0.0
        with pytest.raises(UnreachableTargetError):
            solver.solve(beyond, SAMPLES, position_tolerance=0.4 * tolerance)


@pytest.mark.parametrize("name", ["a hole", "two joints", "rail"])
def test_the_inner_end_is_answered_as_the_outer_one(name):
    arm = ARMS[name]
    solver = IKSolver.exact(arm)
    tolerance = 1e-4 * arm.unit
    for bearing in BEARINGS:
        for gap in (0.0, 0.5 * tolerance):
            target = at(arm, "position", arm.reach[0] - gap, bearing)
            solutions = solver.solve(target, SAMPLES, seed=1, position_tolerance=tolerance)
            errors = arm.position_errors(solutions.positions, target)
            assert errors.max() <= (tolerance if gap else 1e-6 * arm.unit)
        with pytest.raises(UnreachableTargetError):
            solver.solve(target, SAMPLES, position_tolerance=0.4 * tolerance)


@pytest.mark.parametrize("model", ["cinn", "cvae", "inn"])
@pytest.mark.parametrize("dof", [4, 15])
def test_networks_answer_at_full_reach_and_at_the_base(model, dof):
    solver = IKSolver.from_pretrained(dof, model)
    reach = solver.arm.reach[1]
    for bearing in BEARINGS[::5]:
        for distance in (0.0, reach, reach + 5e-7):
            target = at(solver.arm, "position", distance, bearing)
            solutions = solver.solve(target, SAMPLES, seed=1)
            assert len(solutions) == SAMPLES
            assert solutions.position_errors.max() <= 1e-6


@pytest.mark.parametrize(
    ("links", "beyond", "said"),
    [
        ([0.5, 0.5], 0.5, "is 1.5000 m, the arm reaches 0.0000 m to 1.0000 m"),
        ([0.5, 0.5], 2e-6, "is 1.0000020 m, the arm reaches 0.0000000 m to 1.0000000 m"),
        ([3e-5, 3e-5], 2e-5, "is 0.000080 m, the arm reaches 0.000000 m to 0.000060 m"),
        ([250.0, 250.0], 0.02, "is 500.0200 m, the arm reaches 0.0000 m to 500.0000 m"),
    ],
)
def test_what_is_out_of_reach_does_not_read_as_in_reach(links, beyond, said):
    arm = PlanarArm(links)
    with pytest.raises(UnreachableTargetError, match=said):
        IKSolver.exact(arm).solve((arm.reach[1] + beyond, 0.0), SAMPLES)


def test_a_network_of_poses_answers_at_full_reach():
    solver = IKSolver.from_pretrained(6, "cinn", task="pose")
    for bearing in BEARINGS:
        target = at(solver.arm, "pose", 3.5 + 5e-7, bearing)
        solutions = solver.solve(target, SAMPLES, seed=1)
        assert len(solutions) == SAMPLES
        assert solutions.position_errors.max() <= 1e-6
        assert solutions.heading_errors.max() <= 1e-6


@pytest.mark.parametrize(
    ("dof", "task"), [(3, "position"), (3, "pose"), (4, "pose"), (12, "position")]
)
def test_a_path_goes_out_to_full_reach_and_along_it(dof, task):
    arm = PlanarArm.of_paper(dof)
    reach = arm.reach[1]
    ways = [(distance, 0.0) for distance in np.linspace(0.95 * reach, reach, 8)]
    ways += [(reach + 5e-7, bearing) for bearing in np.linspace(0.0, 0.2, 6)]
    targets = np.array([at(arm, task, *way) for way in ways])
    positions = np.array([*follow(IKSolver.exact(arm, task), targets, 50, 1, max_joint_step=0.6)])
    assert arm.position_errors(positions, targets[:, :2]).max() <= 1e-6


def test_what_limits_leave_of_the_reach_is_answered_up_to_its_ends():
    """The limits bend the arm: its reach ends where they are met, which angles miss by rounding."""
    limits = [(-2.5, 2.5), (0.2, 2.4), (-2.4, -0.2)]
    for lengths, task in (([0.4, 0.3], "position"), ([0.4, 0.3, 0.2], "pose")):
        arm = PlanarArm(lengths, joint_limits=limits[: len(lengths)], prior="uniform")
        solver = IKSolver.exact(arm, task)
        for bearing in np.linspace(-2.4, 2.4, 16):
            for elbow in limits[1]:
                theta = np.array([bearing, elbow, -0.2])[: arm.dof]
                solutions = solver.solve(solver.task.forward(arm, theta), seed=1)
                np.testing.assert_allclose(solutions.positions[0], theta, atol=1e-8)
                assert arm.within_limits(solutions.positions).all()
        with pytest.raises(NoSolutionError, match="no configuration within the joint limits"):
            solver.solve(at(arm, task, arm.reach[1], 0.0))
