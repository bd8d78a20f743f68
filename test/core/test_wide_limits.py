"""Limits that leave more than half a turn: an elbow bends both ways, beyond half a turn, too."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver, PlanarArm

LIMITS = [(0.5, 5.8), (0.3, 6.0), (-5.5, -0.4), (-4.0, 4.5)]
TURNS = 2.0 * np.pi * np.arange(-1, 2)
NEAR = 0.02  # [m], within which draws of the prior count as a target's


@pytest.mark.parametrize("task", ["position", "pose"])
@pytest.mark.parametrize("limits", LIMITS)
def test_an_elbow_s_solutions_are_all_found(limits, task):
    arm = PlanarArm([0.5, 0.4], prior="uniform", joint_limits=[None, limits])
    if task == "pose":
        arm = PlanarArm([0.5, 0.4, 0.2], prior="uniform", joint_limits=[None, limits, None])
    solver = IKSolver.exact(arm, task)
    for bend in np.linspace(0.9, 2.4, 5):
        for bearing in (-0.8, 0.4):
            target = solver.task.forward(arm, np.array([bearing, bend, 0.7])[: arm.dof])
            solutions = solver.solve(target, seed=1)
            angles = np.array([bend + TURNS, -bend + TURNS]).ravel()
            wanted = np.sort(angles[(angles >= limits[0]) & (angles <= limits[1])])
            assert len(wanted) >= 2
            np.testing.assert_allclose(np.sort(solutions.positions[:, 1]), wanted, atol=1e-9)


@pytest.mark.parametrize("limits", LIMITS[:3])
def test_the_sides_have_the_prior_s_shares(limits):
    """Beside plain rejection, which knows nothing of sides."""
    arm = PlanarArm([0.5, 0.4, 0.3], prior="uniform", joint_limits=[(-3.0, 3.0), limits, limits])
    draws = arm.sample_prior(400_000, np.random.default_rng(0))
    target = arm.forward(np.array([0.4, limits[0] + 0.8, limits[0] + 0.8]))
    near = draws[arm.position_errors(draws, target) <= NEAR]
    positions = IKSolver.exact(arm).solve(target, 2000, seed=1).positions
    assert len(near) > 60
    for joint in (1, 2):
        shares = [(one[:, joint] > 0.5 * sum(limits)).mean() for one in (near, positions)]
        assert 0.1 < shares[0] < 0.9
        assert shares[1] == pytest.approx(shares[0], abs=0.05 + 2.0 / np.sqrt(len(near)))
