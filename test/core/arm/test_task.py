"""What is asked of the TCP: positions and poses."""

import math

import numpy as np
import pytest

from ik_nn_ros import InvalidRequestError, PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION, TASKS, task_named

ARMS = {
    "revolute": PlanarArm((0.5, 0.7, 0.4, 0.3)),
    "rail": PlanarArm((0.5, 0.7, 0.4), base="rail"),
}


@pytest.fixture(params=ARMS)
def arm(request):
    return ARMS[request.param]


@pytest.fixture(params=TASKS)
def task(request):
    return TASKS[request.param]


@pytest.fixture
def theta(arm):
    return np.random.default_rng(0).uniform(-3.0, 3.0, (4, 3, arm.dof))


def test_the_two_tasks_and_their_sizes():
    assert [(task.name, task.size, task.closing_joints) for task in (POSITION, POSE)] == [
        ("position", 2, 2),
        ("pose", 3, 3),
    ]
    assert task_named("pose") is POSE


def test_an_unknown_task_is_refused_with_what_there_is():
    with pytest.raises(InvalidRequestError, match="task: must be position or pose, got 'twist'"):
        task_named("twist")


def test_a_target_begins_with_the_tcp_and_a_pose_ends_with_its_heading(arm, task, theta):
    targets = task.forward(arm, theta)
    assert targets.shape == (4, 3, task.size)
    np.testing.assert_allclose(targets[..., :2], arm.forward(theta))
    np.testing.assert_allclose(POSE.forward(arm, theta)[..., 2], arm.headings(theta))


def test_the_jacobian_is_the_difference_quotient(arm, task, theta):
    step = 1e-6
    jacobian = task.jacobian(arm, theta)
    assert jacobian.shape == (4, 3, task.size, arm.dof)
    for joint in range(arm.dof):
        moved = step * np.eye(arm.dof)[joint]
        change = task.forward(arm, theta + moved) - task.forward(arm, theta - moved)
        np.testing.assert_allclose(jacobian[..., joint], change / (2.0 * step), atol=1e-8)


def test_numpy_and_torch_agree(arm, task, theta):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(theta)
    targets = task.forward(arm, theta + 0.1)
    for array, other in (
        (task.forward(arm, theta), task.forward(arm, tensor)),
        (task.jacobian(arm, theta), task.jacobian(arm, tensor)),
        (
            task.residual(arm, theta, targets),
            task.residual(arm, tensor, torch.from_numpy(targets)),
        ),
    ):
        np.testing.assert_allclose(array, other.numpy(), atol=1e-12)


def test_residuals_and_errors_go_the_short_way_round(arm, theta):
    targets = POSE.forward(arm, theta) + np.array((0.03, -0.04, 5.0 * math.tau + 3.5))
    residual = POSE.residual(arm, theta, targets)
    expected = np.broadcast_to((0.03, -0.04, 3.5 - math.tau), residual.shape)
    np.testing.assert_allclose(residual, expected, atol=1e-12)
    np.testing.assert_allclose(POSE.position_errors(arm, theta, targets), 0.05)
    np.testing.assert_allclose(POSE.heading_errors(arm, theta, targets), math.tau - 3.5)
    assert POSITION.heading_errors(arm, theta, targets[..., :2]) is None
    np.testing.assert_allclose(POSITION.position_errors(arm, theta, targets[..., :2]), 0.05)
    np.testing.assert_allclose(
        POSITION.residual(arm, theta, targets[..., :2]), residual[..., :2], atol=1e-12
    )


def test_what_configurations_reach_is_reachable(arm, task, theta):
    assert task.reachable(arm, task.forward(arm, theta)).all()


def test_a_pose_is_reachable_where_the_other_links_reach_the_wrist():
    arm = PlanarArm((1.0, 0.4, 0.5))  # the first two links reach 0.6 m to 1.4 m
    targets = np.array([[1.9, 0.0, 0.0], [0.91, 0.0, math.pi], [1.9, 0.0, 0.1], [1.0, 0.0, 0.0]])
    assert POSE.reachable(arm, targets).tolist() == [True, False, False, False]
    assert POSITION.reachable(arm, targets[:, :2]).tolist() == [True, True, True, True]
    rail = PlanarArm((1.0, 0.4, 0.5), base="rail")
    far = np.array([[1.9, 70.0, 0.0], [1.5, 70.0, math.pi / 2.0]])
    assert POSE.reachable(rail, far).tolist() == [True, False]
