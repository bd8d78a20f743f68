"""Solutions as markers that RViz accepts."""

import math

import numpy as np
import pytest
from visualization_msgs.msg import Marker

from ik_nn_ros import IKSolver
from ik_nn_ros.ros.markers import posterior_markers

TARGET = (1.5, 0.5)


@pytest.fixture(scope="module")
def solver():
    return IKSolver.from_pretrained(4, "exact")


@pytest.fixture(scope="module")
def solutions(solver):
    return solver.solve(TARGET, 50, seed=1)


def as_array(points):
    return np.array([(point.x, point.y, point.z) for point in points])


def test_old_markers_go_before_new_ones_come(solver, solutions):
    markers = posterior_markers(solver.arm, solutions, "base_link", 50).markers
    assert markers[0].action == Marker.DELETEALL
    assert [marker.ns for marker in markers[1:]] == ["posterior", "best", "target"]
    assert all(marker.header.frame_id == "base_link" for marker in markers[1:])
    assert all(marker.header.stamp.sec == 0 for marker in markers)
    assert all(marker.pose.orientation.w == 1.0 for marker in markers[1:])


def test_one_line_list_holds_every_link_of_every_arm(solver, solutions):
    _, posterior, _, _ = posterior_markers(solver.arm, solutions, "base_link", 50).markers
    assert posterior.type == Marker.LINE_LIST
    assert 0.0 < posterior.color.a < 1.0
    lines = as_array(posterior.points).reshape(50, 4, 2, 3)
    chains = solver.arm.joint_positions(solutions.positions)
    np.testing.assert_allclose(lines[:, :, 0, :2], chains[:, :-1])
    np.testing.assert_allclose(lines[:, :, 1, :2], chains[:, 1:])
    assert np.all(lines[..., 2] == 0.0)


def test_the_best_arm_and_the_target_stand_out(solver, solutions):
    _, _, best, target = posterior_markers(solver.arm, solutions, "base_link", 50).markers
    chain = solver.arm.joint_positions(solutions.positions[0])
    np.testing.assert_allclose(as_array(best.points)[:, :2], chain)
    assert best.color.a == 1.0
    position = target.pose.position
    assert (position.x, position.y, position.z) == (*TARGET, 0.0)


@pytest.mark.parametrize("max_arms", [1, 7, 1000])
def test_no_more_arms_are_drawn_than_allowed_and_the_best_is_among_them(
    solver, solutions, max_arms
):
    _, posterior, best, _ = posterior_markers(solver.arm, solutions, "base_link", max_arms).markers
    arms = as_array(posterior.points).reshape(-1, 4, 2, 3)
    assert len(arms) == min(max_arms, 50)
    np.testing.assert_array_equal(arms[0, :, 1], as_array(best.points)[1:])
    assert len({arm.tobytes() for arm in arms}) > 0.5 * len(arms)


def test_nothing_in_the_markers_is_not_a_number(solver, solutions):
    for marker in posterior_markers(solver.arm, solutions, "base_link", 50).markers:
        assert np.isfinite(as_array(marker.points)).all()
        assert all(math.isfinite(value) for value in (marker.scale.x, marker.color.a))
