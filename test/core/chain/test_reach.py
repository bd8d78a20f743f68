"""Values between which nothing lies above straight lines."""

from __future__ import annotations

import numpy as np
import pytest

from ik_nn_ros.chain.reach import FINER, above

COUNT = 20


def dense_places() -> np.ndarray:
    """As many as those of an outline: some near each place."""
    return np.linspace(0.0, COUNT, 2 * FINER * COUNT + 1)


@pytest.mark.parametrize("seed", range(5))
def test_no_point_lies_above_and_no_value_above_all_points_beside_it(seed):
    rng = np.random.default_rng(seed)
    places = rng.uniform(0.0, COUNT, 5000)
    values = rng.normal(size=20)[places.astype(int)] + np.sin(7.0 * places)  # it jumps
    found = above(places, values, COUNT)
    assert (np.interp(places, np.arange(COUNT + 1), found) >= values - 1e-7).all()
    for node, value in enumerate(found):
        assert value <= values[np.abs(places - node) <= 1.0].max()


def test_it_is_a_straight_line_where_points_are_on_one():
    places = dense_places()
    found = above(places, 3.0 - 0.5 * places, COUNT)
    np.testing.assert_allclose(found, 3.0 - 0.5 * np.arange(COUNT + 1), atol=0.5 / FINER)


def test_where_there_is_nothing_it_is_minus_infinite():
    places = np.append(dense_places()[:50], 15.5)
    values = np.append(np.zeros(50), -np.inf)
    found = above(places, values, COUNT)
    assert (found[:2] == 0.0).all()
    assert (found[3:] == -np.inf).all()
