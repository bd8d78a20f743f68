"""Bounds of what the chain from each joint on reaches."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.chain.chain_array import (
    BEARING,
    BEARINGS_WIDTH,
    BOUNDED,
    CLOSING,
    INNER,
    INNER_POWER,
    OUTER,
    OUTER_POWER,
    RIM,
    RIM_WIDTH,
    TURN,
    chain_array,
)
from ik_nn_ros.chain.states import bounds_at

DRAWS = 100_000
BINS = 90  # of bearings, in which the nearest and the farthest draw are looked for
LOOSE = 0.024  # of the reach: how far bounds may be from the draws, averaged over the bins


def limited_arm(seed: int) -> PlanarArm:
    """Three or four joints, of which at least the last two have limits."""
    rng = np.random.default_rng(seed)
    dof = 3 + seed % 2
    limits: list[tuple[float, float] | None] = []
    for joint in range(dof):
        width = rng.choice((0.3, 1.5, 3.0, 4.5, 7.0))
        middle = rng.uniform(-2.5, 2.5)
        free = joint < dof - 2 and rng.random() < 0.3
        limits.append(None if free else (middle - 0.5 * width, middle + 0.5 * width))
    return PlanarArm(tuple(rng.uniform(0.2, 1.0, dof)), prior="uniform", joint_limits=limits)


# What the last joint reaches goes through the joint before it, which cannot turn all the way.
FOLDING = PlanarArm((0.5, 0.5, 0.5), prior="uniform", joint_limits=(None, (-1.9, 1.1), None))
ARMS = {**{f"random {seed}": limited_arm(seed) for seed in range(8)}, "folding": FOLDING}


def rest_of(arm: PlanarArm, joint: int) -> PlanarArm:
    """The chain from a joint on, as an arm of its own."""
    return PlanarArm(
        arm.link_lengths[joint:], prior="uniform", joint_limits=arm.joint_limits[joint:]
    )


def extreme_draws(arm: PlanarArm) -> np.ndarray:
    """Points (m, 2) that an arm reaches; joints stand at one of their limits every other time."""
    rng = np.random.default_rng(0)
    u = np.clip(rng.uniform(-0.5, 1.5, (DRAWS, arm.dof)), 0.0, 1.0)
    return arm.forward(arm.prior_quantiles(u))


@pytest.mark.parametrize("arm", ARMS.values(), ids=ARMS)
def test_nothing_is_reached_beyond_the_bounds_and_they_are_not_loose(arm):
    chain = chain_array(arm, POSITION)
    for joint in range(arm.dof - 1):
        points = extreme_draws(rest_of(arm, joint))
        distances, bearings = np.hypot(*points.T), np.arctan2(points[:, 1], points[:, 0])
        turned = (bearings - chain[joint, BEARING]) % TURN
        assert turned.max() <= chain[joint, BEARINGS_WIDTH]
        bounds = np.array([bounds_at(chain, joint, bearing) for bearing in bearings[::10]])
        assert (distances[::10] >= bounds[:, 0] - 1e-12).all()
        assert (distances[::10] <= bounds[:, 1] + 1e-12).all()
        assert distances.min() >= chain[joint, INNER] - 1e-12
        assert distances.max() <= chain[joint, OUTER] + 1e-12
        if chain[joint, BOUNDED]:
            assert looseness(chain, joint, distances, bearings) < LOOSE


def looseness(chain: np.ndarray, joint: int, distances: np.ndarray, bearings: np.ndarray) -> float:
    """How far the bounds lie from the nearest and the farthest draws, over the reach."""
    begin, width = chain[joint, BEARING], chain[joint, BEARINGS_WIDTH]
    edges = begin + np.linspace(0.0, width, BINS + 1)
    number = (((bearings - begin) % TURN) / width * BINS).astype(int)
    off = []
    for index, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        here = distances[number == index]
        if len(here) < 50:
            continue
        bounds = np.array([bounds_at(chain, joint, b) for b in np.linspace(low, high, 7)])
        off += [here.min() - bounds[:, 0].min(), bounds[:, 1].max() - here.max()]
    assert len(off) > BINS // 2  # where it can be reached, it is
    return float(np.mean(off) / chain[joint, OUTER])


@pytest.mark.parametrize("limits", [(0.2, 1.5), (-0.4, 0.9), (1.0, 1.01)])
def test_two_links_reach_what_the_law_of_cosines_says(limits):
    """Behind a joint that turns all the way the second joint's limits alone bound the distance."""
    arm = PlanarArm((0.8, 0.6, 0.5), 0.5, (None, None, limits))
    chain = chain_array(arm, POSITION)
    cosines = np.cos((*limits, 0.0 if limits[0] < 0.0 < limits[1] else limits[0]))
    reached = np.sqrt(0.6**2 + 0.5**2 + 2.0 * 0.6 * 0.5 * cosines)
    assert chain[1, INNER] == pytest.approx(reached.min(), abs=1e-4)
    assert chain[1, OUTER] == pytest.approx(reached.max(), abs=1e-4)
    assert chain[1, INNER] <= reached.min()
    assert chain[1, OUTER] >= reached.max()


@pytest.mark.parametrize(
    "arm",
    [
        PlanarArm((1.2, 0.3, 0.2, 0.1), 0.7),
        PlanarArm((1.2, 0.3, 0.2, 0.1), prior="uniform"),
        PlanarArm((1.2, 0.3, 0.2, 0.1), 0.7, (-math.pi, math.pi)),
        PlanarArm((1.2, 0.3, 0.2, 0.1), (0.4, 0.7, 0.7, 0.7, 0.7), base="rail"),
    ],
    ids=["normal", "circle", "limits a turn apart", "rail"],
)
def test_without_limits_the_reach_is_the_annulus_of_the_links(arm):
    chain, links = chain_array(arm, POSITION), np.array(arm.link_lengths)
    rail = int(arm.base == "rail")
    for joint in range(rail, arm.dof - 1):
        rest = links[joint - rail :]
        natural = (max(0.0, 2.0 * rest.max() - rest.sum()), rest.sum())
        for bearing in (-3.0, 0.0, 1.0):
            assert bounds_at(chain, joint, bearing) == natural
        # The density of n links vanishes as the slack to the power (n - 3) / 2.
        assert chain[joint, OUTER_POWER] == len(rest) - 3 or len(rest) < 3
        if natural[0] > 0.0:
            assert chain[joint, INNER_POWER] == len(rest) - 3 or len(rest) < 3


def test_a_pose_leaves_the_last_link_out_of_the_reach():
    arm = PlanarArm((0.5, 0.4, 0.3, 2.0), 0.5, (None, (-1.0, 1.0), (0.2, 1.0), (-0.1, 0.1)))
    pose = chain_array(arm, POSE)
    wrist = chain_array(arm.wrist_arm, POSITION)
    assert pose[0, CLOSING] == wrist[0, CLOSING] == 1
    np.testing.assert_array_equal(pose[:3, [INNER, OUTER]], wrist[:3, [INNER, OUTER]])
    assert pose[3, OUTER] == 0.0


@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e7])
def test_bounds_scale_with_the_arm(scale):
    limits = ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2))
    one = chain_array(PlanarArm((0.6, 0.5, 0.4), 0.6, limits), POSITION)
    other = chain_array(PlanarArm((0.6 * scale, 0.5 * scale, 0.4 * scale), 0.6, limits), POSITION)
    for bearing in np.linspace(-3.0, 3.0, 50):
        expected = scale * np.array(bounds_at(one, 0, bearing))
        np.testing.assert_allclose(bounds_at(other, 0, bearing), expected, rtol=1e-9)


def test_an_arm_that_its_prior_holds_all_but_stiff_has_a_rim():
    with np.errstate(all="raise"):
        chain = chain_array(PlanarArm((0.6, 0.5, 0.4), 1e-8), POSITION)
    assert 0.0 < chain[0, RIM] < 1e-3
    assert math.isfinite(chain[0, RIM_WIDTH])
