"""A few solutions that stand for the posterior."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver, InvalidRequestError, PlanarArm
from ik_nn_ros.posterior.representatives import representatives

ARM = PlanarArm((1.0, 1.0, 1.0))


def clusters(sizes, centres):
    rng = np.random.default_rng(0)
    samples = [
        centre + 0.05 * rng.standard_normal((size, 3))
        for size, centre in zip(sizes, centres, strict=True)
    ]
    return np.concatenate(samples)


def test_each_mode_is_represented_with_its_share_largest_first():
    centres = np.array([[0.0, 0.0, 0.0], [1.0, -1.0, 0.5], [-1.0, 1.0, 0.0]])
    positions = clusters((20, 70, 10), centres)
    chosen = representatives(ARM, positions, 3)
    np.testing.assert_allclose(chosen.shares, (0.7, 0.2, 0.1))
    np.testing.assert_allclose(positions[chosen.indices], centres[[1, 0, 2]], atol=0.1)


def test_a_mode_at_half_a_turn_is_one_where_joints_turn_all_the_way():
    arm = PlanarArm((1.0, 1.0, 1.0), prior="uniform")
    positions = clusters((50, 50), np.array([[np.pi, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    positions = np.remainder(positions + np.pi, 2.0 * np.pi) - np.pi
    np.testing.assert_allclose(representatives(arm, positions, 2).shares, (0.5, 0.5))


def test_solutions_are_represented_by_some_of_their_own():
    solutions = IKSolver.from_pretrained(6).solve((3.0, 0.5), 200, seed=1)
    chosen = solutions.representatives(5)
    assert len(set(chosen.indices.tolist())) == 5
    assert chosen.shares.sum() == pytest.approx(1.0)
    assert np.all(np.diff(chosen.shares) <= 0.0)
    again = solutions.representatives(5)
    np.testing.assert_array_equal(again.indices, chosen.indices)


def test_weights_decide_about_the_shares_and_the_regions():
    """Ten samples of the first mode weigh as much as ninety of the second; a third weighs none."""
    centres = np.array([[0.0, 0.0, 0.0], [1.0, -1.0, 0.5], [-3.0, 3.0, 0.0]])
    positions = clusters((10, 90, 20), centres)
    weights = np.repeat([6.0 / 10.0, 4.0 / 90.0, 0.0], (10, 90, 20))
    chosen = representatives(ARM, positions, 2, weights / weights.sum())
    np.testing.assert_allclose(chosen.shares, (0.6, 0.4))
    np.testing.assert_allclose(positions[chosen.indices], centres[:2], atol=0.1)


def test_weights_decide_which_modes_share_a_region():
    """By number the second mode joins the few of the third; by weight the light first one."""
    centres = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.2, 0.0, 0.0]])
    positions = clusters((100, 100, 5), centres)
    np.testing.assert_allclose(representatives(ARM, positions, 2).shares, (105 / 205, 100 / 205))
    weights = np.repeat([0.05 / 100, 0.35 / 100, 0.6 / 5], (100, 100, 5))
    chosen = representatives(ARM, positions, 2, weights)
    np.testing.assert_allclose(chosen.shares, (0.6, 0.4))
    np.testing.assert_allclose(positions[chosen.indices[0]], centres[2], atol=0.1)


def test_equal_weights_are_none():
    positions = ARM.sample_prior(100, np.random.default_rng(0))
    without = representatives(ARM, positions, 4)
    equal = representatives(ARM, positions, 4, np.full(100, 0.01))
    np.testing.assert_array_equal(equal.indices, without.indices)
    np.testing.assert_allclose(equal.shares, without.shares)


def test_weighted_solutions_are_represented_by_their_weights():
    arm = PlanarArm((1.0, 1.0), prior_std=(0.5, 1.0))
    target = arm.forward(np.array([0.8, -1.0]))
    solutions = IKSolver.exact(arm).solve(target, 2)
    chosen = solutions.representatives(2)
    np.testing.assert_allclose(chosen.shares, solutions.weights[chosen.indices])
    assert chosen.shares[0] > chosen.shares[1]


def test_where_few_solutions_differ_few_represent_them():
    chosen = IKSolver.from_pretrained(6).solve((3.5, 0.0), 100, seed=1).representatives(5)
    assert len(chosen.indices) == 1
    np.testing.assert_allclose(chosen.shares, 1.0)


@pytest.mark.parametrize("count", [0, 11, 101])
def test_more_regions_than_samples_are_refused(count):
    with pytest.raises(InvalidRequestError, match="num_representatives: must be from 1 to 10 for"):
        IKSolver.from_pretrained(6).solve((3.0, 0.5), 10, seed=1).representatives(count)
