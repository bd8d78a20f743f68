"""One configuration carried on to a target within its limits."""

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.continuation import carry_on
from ik_nn_ros.arm.projection import project
from ik_nn_ros.arm.task import POSE, POSITION

LINKS = (0.5, 0.4, 0.3, 0.2)
FREE = PlanarArm(LINKS)
START = np.array((0.3, 0.5, 0.4, 0.3))


def carried(arm, task, target):
    return carry_on(arm, task, START, np.asarray(target), 1e-6, 1e-6)


def test_without_limits_it_is_the_projection():
    target = FREE.forward(START) + (0.05, -0.08)
    reached = carried(FREE, POSITION, target)
    expected = project(FREE, START[None], target, 1e-6).positions[0]
    assert reached.converged and not reached.at_limit.any()
    np.testing.assert_allclose(reached.position, expected, atol=1e-6)


@pytest.mark.parametrize("task", [POSITION, POSE])
def test_a_joint_stops_at_its_limit_and_the_others_make_up_for_it(task):
    target = task.forward(FREE, START + (0.1, -0.1, 0.1, 0.05))
    free = carried(FREE, task, target).position
    joint = int(np.abs(free - START).argmax())
    limits = [(-3.0, 3.0)] * 4
    side = 1 if free[joint] > START[joint] else -1
    limit = START[joint] + 0.5 * (free[joint] - START[joint])
    limits[joint] = (-3.0, limit) if side > 0 else (limit, 3.0)
    arm = PlanarArm(LINKS, prior_std=1.0, joint_limits=limits)
    reached = carried(arm, task, target)
    assert reached.converged and arm.within_limits(reached.position)
    assert reached.position[joint] == pytest.approx(limit)
    np.testing.assert_allclose(task.residual(arm, reached.position, target), 0.0, atol=1e-6)


def test_where_the_limits_leave_no_way_it_says_which():
    arm = PlanarArm((0.6, 0.5), prior_std=1.0, joint_limits=((0.0, 0.4), (0.4, 2.0)))
    position = np.array((0.3, 0.5))
    target = arm.forward(np.array((0.6, 0.5)))
    reached = carry_on(arm, POSITION, position, target, 1e-6, 1e-6)
    assert not reached.converged
    assert reached.at_limit[0] == 1
    assert arm.within_limits(reached.position)


def test_the_configuration_that_it_starts_from_stays_as_it_is():
    before = START.copy()
    carried(FREE, POSITION, FREE.forward(START) + 0.01)
    np.testing.assert_array_equal(START, before)
