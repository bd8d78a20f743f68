"""The hull of re-simulated TCPs."""

import numpy as np
import pytest

from ik_nn_ros.hull import convex_hull, tcp_hull


def test_a_hull_s_area_and_perimeter_are_told_apart():
    """97 of 100 TCPs fill a square of 2 m; three lie far away."""
    rng = np.random.default_rng(0)
    corners = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
    tcp = np.concatenate((corners, rng.uniform(-0.9, 0.9, (93, 2)), np.full((3, 2), 50.0)))
    hull = tcp_hull(tcp + (3.0, 0.5), np.array([3.0, 0.5]))
    assert hull.area == pytest.approx(4.0)
    assert hull.perimeter == pytest.approx(8.0)
    assert len(hull.corners) == 4


def test_samples_that_are_on_their_target_have_no_hull():
    tcp = np.array([3.0, 0.5]) + 1e-14 * np.random.default_rng(0).normal(size=(100, 2))
    hull = tcp_hull(tcp, np.array([3.0, 0.5]))
    assert (hull.area, hull.perimeter, len(hull.corners)) == (0.0, 0.0, 1)


@pytest.mark.parametrize(
    ("points", "corners"),
    [
        ([(0, 0), (2, 0), (1, 1), (2, 2), (0, 2), (1, 0)], [(0, 0), (2, 0), (2, 2), (0, 2)]),
        ([(0, 0), (1, 1), (3, 3)], [(0, 0), (3, 3)]),
        ([(1, 2), (1, 2)], [(1, 2)]),
    ],
)
def test_the_hull_has_the_corners_and_nothing_else(points, corners):
    hull = convex_hull(np.array(points, dtype=float))
    start = min(range(len(hull.corners)), key=lambda i: tuple(hull.corners[i]))
    assert np.roll(hull.corners, -start, axis=0).tolist() == [list(c) for c in corners]
