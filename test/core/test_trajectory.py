"""Times and velocities along a path, as a controller that joins points by cubics takes them."""

import numpy as np
import pytest

from ik_nn_ros.trajectory import timed

NO_LIMITS = np.full(2, np.inf)
AT_START = np.zeros(2)
WAVE = np.stack((np.sin(np.linspace(0.0, 6.0, 40)), np.linspace(0.0, 1.0, 40) ** 2), axis=1)


def cubic_velocities(trajectory, per_way=200):
    """Velocities along the cubics through positions and velocities, for each way: (k-1, p, dof)."""
    s = np.linspace(0.0, 1.0, per_way)[None, :, None]
    h = np.diff(trajectory.times)[:, None, None]
    p, q = trajectory.positions[:-1, None], trajectory.positions[1:, None]
    u, v = trajectory.velocities[:-1, None], trajectory.velocities[1:, None]
    basis = (6 * s**2 - 6 * s) / h * p + (6 * s - 6 * s**2) / h * q
    return basis + (1 - 4 * s + 3 * s**2) * u + (3 * s**2 - 2 * s) * v


def test_it_starts_after_a_lead_in_and_at_rest_and_ends_at_rest():
    trajectory = timed(WAVE, 0.1, NO_LIMITS, AT_START, 0.2)
    assert trajectory.times[0] == pytest.approx(0.1)
    assert not trajectory.velocities[[0, -1]].any()
    np.testing.assert_allclose(np.diff(trajectory.times), [0.2, *[0.1] * 37, 0.2])
    assert trajectory.time_step == 0.1


def test_velocities_are_the_path_s_own():
    """Positions along a sine that is passed at an even pace."""
    pace = 6.0 / 39 / 0.1
    velocities = timed(WAVE, 0.1, NO_LIMITS, AT_START, 0.2).velocities[2:-2, 0]
    expected = pace * np.cos(np.linspace(0.0, 6.0, 40))[2:-2]
    np.testing.assert_allclose(velocities, expected, atol=0.01 * pace)


@pytest.mark.parametrize("limits", [(0.5, np.inf), (np.inf, 0.1), (0.3, 0.05)])
def test_no_cubic_is_faster_than_allowed_and_the_time_step_is_stretched_for_it(limits):
    trajectory = timed(WAVE, 0.1, np.array(limits), AT_START, 0.2)
    peaks = np.abs(cubic_velocities(trajectory)).max(axis=(0, 1)) / limits
    assert peaks.max() == pytest.approx(1.0, abs=1e-3)
    assert trajectory.time_step > 0.1
    np.testing.assert_allclose(np.diff(trajectory.times)[1:-1], trajectory.time_step)


def test_without_need_nothing_is_stretched():
    unlimited = timed(WAVE, 0.1, NO_LIMITS, AT_START, 0.2)
    limited = timed(WAVE, 0.1, np.full(2, 5.0), AT_START, 0.2)
    np.testing.assert_array_equal(unlimited.times, limited.times)


def test_the_lead_in_is_long_enough_for_the_way_from_where_the_robot_is():
    way = np.array((1.0, -0.2))
    limited = timed(WAVE, 0.1, np.array((0.5, 4.0)), way, 0.2)
    assert limited.times[0] == pytest.approx(1.5 * 1.0 / 0.5)
    stepwise = timed(WAVE, 0.1, NO_LIMITS, way, 0.2)
    assert stepwise.times[0] == pytest.approx(1.5 * 1.0 / 2.0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_paths_have_times_too(count):
    trajectory = timed(WAVE[:count], 0.1, NO_LIMITS, AT_START, 0.2)
    assert trajectory.velocities.shape == (count, 2)
    assert (np.diff(trajectory.times) > 0.0).all() and trajectory.times[0] > 0.0
    assert not trajectory.velocities[[0, -1]].any()


def test_a_robot_that_need_not_move_does_not_wait():
    still = np.ones((5, 2))
    trajectory = timed(still, 0.1, np.full(2, 1e-3), AT_START, 0.2)
    assert trajectory.times[-1] == pytest.approx(0.1 + 0.2 + 0.1 + 0.1 + 0.2)
