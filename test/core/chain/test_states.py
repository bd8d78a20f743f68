"""Remaining targets, arcs, slots and closing roots, against forward kinematics and priors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.joints import Joint
from ik_nn_ros.arm.task import POSE, POSITION, Task
from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.chain.chain_array import CLOSING, INNER, OUTER, TURN, chain_array
from ik_nn_ros.chain.states import (
    Roots,
    advance,
    arc,
    last_angle,
    log_prior,
    roots,
)
from ik_nn_ros.chain.tile import LOG_OWN, LOG_PRIOR, POSITIONS, THETA, UNIFORM, new_tile
from ik_nn_ros.chain.turns import settle, write_log_prior

LINKS = (0.6, 0.5, 0.4, 0.35, 0.3)
MIXED = PlanarArm(
    LINKS,
    prior=("normal", "normal", "uniform", "uniform", "normal"),
    prior_std=(0.7, 1.5, None, None, 3.0),
    prior_mean=(0.3, 2.0, None, None, -1.0),
    joint_limits=((-1.0, 0.9), (0.5, 5.8), (-4.0, 5.0), None, None),
)
RAIL = PlanarArm((0.5, 0.4, 0.7), (0.3, 0.5, 0.6, 0.5), base="rail")
LIMITED_RAIL = PlanarArm(
    (0.5, 0.4, 0.7),
    (0.3, 0.5, 0.6, 0.5),
    base="rail",
    joint_limits=((-0.4, 0.9), (-2.0, 2.0), (0.2, 2.0), None),
)
ARMS = {
    "paper": PlanarArm.of_paper(5),
    "mixed": MIXED,
    "rail": RAIL,
    "limited rail": LIMITED_RAIL,
    "inner reach": PlanarArm((1.2, 0.3, 0.2, 0.1), 0.7),
    "unequal": PlanarArm((1.0, 0.01, 0.3, 0.02), 1.0),
}
EVERY_ARM = pytest.mark.parametrize("arm", ARMS.values(), ids=ARMS)
CLOSING_ARMS = {
    "two joints": (PlanarArm((1.0, 0.7), (0.8, 1.2), prior_mean=(0.2, -0.4)), POSITION),
    "equal links": (PlanarArm((0.5, 0.5), 0.9), POSITION),
    "wide": (PlanarArm((1.0, 0.7), 4.0), POSITION),
    "pose": (PlanarArm((1.0, 0.7, 0.4), (0.8, 1.2, 2.5)), POSE),
    "limited pose": (PlanarArm((1.0, 0.7, 0.4), 0.8, (-2.0, 2.0)), POSE),
    "rail and one link": (PlanarArm((0.7,), (0.5, 1.0), base="rail"), POSITION),
    "rail with a pose": (PlanarArm((0.7, 0.4), (0.5, 1.0, 1.5), base="rail"), POSE),
}
TO_JOINTS = {
    "normal": Joint("normal", "continuous", "normal", 0.3, 0.2),
    "narrow": Joint("narrow", "continuous", "normal", -1.0, 0.01),
    "next to half a turn": Joint("half", "continuous", "normal", 3.1, 0.9),
    "wide": Joint("wide", "continuous", "normal", -0.4, 5.0),
    "turns away": Joint("away", "continuous", "normal", 21.0, 0.4),
    "truncated": Joint("truncated", "revolute", "normal", 0.8, 0.5, (0.2, 2.4)),
    "mean beyond the limits": Joint("beyond", "revolute", "normal", 2.5, 0.3, (-0.5, 0.5)),
    "nearly a turn": Joint("nearly", "revolute", "normal", 0.5, 1.0, (-3.14, 3.14)),
    "one turn": Joint("turn", "revolute", "normal", 0.5, 2.0, (-math.pi, math.pi)),
    "over a turn": Joint("over", "revolute", "normal", 1.0, 2.0, (-5.0, 9.0)),
    "uniform": Joint("uniform", "revolute", "uniform", limits=(0.5, 5.8)),
    "uniform over a turn": Joint("many", "revolute", "uniform", limits=(-4.0, 9.0)),
    "circle": Joint("circle", "continuous", "uniform"),
}
ANY_JOINT = pytest.mark.parametrize("joint", TO_JOINTS.values(), ids=TO_JOINTS)


def chain_of(joint: Joint) -> np.ndarray:
    """A chain whose first joint is this one."""
    rail = joint.kind == "rail"
    arm = PlanarArm(
        (0.5, 0.4) if rail else (0.5, 0.4, 0.3),
        prior=(joint.prior, "normal", "normal"),
        prior_std=(joint.std, 0.2, 0.2),
        prior_mean=(None if joint.prior == "uniform" else joint.mean, 0.0, 0.0),
        joint_limits=(joint.limits, None, None),
        base="rail" if rail else "revolute",
    )
    return chain_array(arm, POSITION)


def left(chain: np.ndarray, joint: int, x: float, y: float, theta: float) -> float:
    """How far the target is from the next joint when this one stands at theta [m]."""
    return math.hypot(*advance(chain, joint, x, y, 0.0, theta)[:2])


def free_joints(chain: np.ndarray) -> range:
    return range(int(chain[0, CLOSING]))


@EVERY_ARM
def test_the_remaining_target_of_all_joints_together_is_nothing(arm):
    for task in (POSITION, POSE):
        chain = chain_array(arm, task)
        for theta in arm.sample_prior(20, np.random.default_rng(0)):
            state = (*arm.forward(theta), float(arm.headings(theta)))
            for joint, angle in enumerate(theta):
                state = advance(chain, joint, *state, angle)
            np.testing.assert_allclose(state, 0.0, atol=1e-13)


@EVERY_ARM
def test_an_arc_is_just_what_leaves_the_rest_within_its_reach(arm, random_states):
    chain = chain_array(arm, POSITION)
    ends = 0
    for joint in free_joints(chain):
        inner, outer = chain[joint + 1, [INNER, OUTER]]
        for x, y in random_states(chain, joint, 100):
            on = arc(chain, joint, x, y)
            if on.half == 0.0:
                angles = on.centre + np.linspace(-math.pi, math.pi, 500)
                lefts = np.array([left(chain, joint, x, y, theta) for theta in angles])
                assert not ((lefts > inner + 1e-9) & (lefts < outer - 1e-9)).any()
                continue
            for side in (-1.0, 1.0):
                for cosine in (-1.0, -0.3, 0.5, 1.0):
                    theta = on.centre + side * (on.middle - (1.0 - 1e-7) * on.half * cosine)
                    assert inner <= left(chain, joint, x, y, theta) <= outer
                for end in (on.middle - on.half, on.middle + on.half):
                    outside = end + math.copysign(1e-6, end - on.middle)
                    if end == 0.0 or (arm.joints[joint].is_angle and outside > math.pi):
                        continue  # both sides meet there
                    ends += 1
                    beyond = left(chain, joint, x, y, on.centre + side * outside)
                    assert not inner <= beyond <= outer
    assert ends > 20


def test_a_state_at_the_very_end_of_an_arc_is_a_number():
    arm = PlanarArm.of_paper(4)
    chain = chain_array(arm, POSITION)
    for distance in (2.5, np.nextafter(2.5, 0.0), np.nextafter(2.5, 3.0), 0.0, 1e-300):
        on = arc(chain, 0, distance, 0.0)
        assert all(map(math.isfinite, on))
        assert 0.0 <= on.middle - on.half <= on.middle + on.half <= math.pi
    rest = arc(chain, 1, 0.0, 0.0)  # the next joint is on the target
    assert rest.half > 0.0


def written_log_priors(chain, angles):
    """Those of a first joint's angles, a tile at a time."""
    found = []
    for start in range(0, len(angles), TILE):
        tile, own = new_tile(1), angles[start : start + TILE]
        tile[THETA : THETA + len(own)] = own
        write_log_prior(chain, 0, tile, TILE)
        found.append(tile[LOG_OWN : LOG_OWN + len(own)])
    return np.concatenate(found)


@ANY_JOINT
def test_the_kernel_s_prior_is_the_joint_s(joint):
    chain, rng = chain_of(joint), np.random.default_rng(2)
    angles = np.concatenate((np.linspace(-15.0, 30.0, 4001), joint.sample(1000, rng)))
    if joint.limits is not None:
        ends = np.array(joint.limits)
        angles = np.concatenate((angles, ends + 1e-9, ends - 1e-9, ends + TURN + 1e-9))
    expected = joint.log_density_of_angle(angles)
    found = np.array([log_prior(chain, 0, theta) for theta in angles])
    np.testing.assert_array_equal(np.isneginf(found), np.isneginf(expected))
    np.testing.assert_allclose(written_log_priors(chain, angles), found, rtol=1e-12, atol=1e-12)
    # The joint leaves out turns with less than 1e-8 of the likeliest one's density.
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    "joint",
    [
        Joint("free", "rail", "normal", 0.2, 3.0),
        Joint("cut", "rail", "normal", 0.2, 0.5, (-1.0, 0.4)),
        Joint("flat", "rail", "uniform", limits=(-1.0, 20.0)),
    ],
    ids=lambda joint: joint.name,
)
def test_a_rail_s_prior_knows_no_turns(joint):
    chain, values = chain_of(joint), np.linspace(-30.0, 30.0, 2000)
    found = np.array([log_prior(chain, 0, value) for value in values])
    np.testing.assert_allclose(found, joint.log_density(values), rtol=1e-12)
    values = joint.sample(50, np.random.default_rng(0))
    settled = np.transpose(settled_by(chain, values, 0.3))
    expected = np.stack((values, joint.log_density(values), np.full(50, 0.3)), axis=1)
    np.testing.assert_allclose(settled, expected, atol=1e-12)


def settled_by(chain, angles, uniforms):
    """Of a first joint: angles as they settle, their log densities, what is left of the numbers."""
    angles, uniforms = np.broadcast_arrays(angles, uniforms)
    parts = []
    for start in range(0, len(angles), TILE):
        rows = min(TILE, len(angles) - start)
        tile = new_tile(1)
        tile[POSITIONS : POSITIONS + rows] = angles[start : start + rows]
        tile[UNIFORM : UNIFORM + rows] = uniforms[start : start + rows]
        settle(chain, 0, tile)
        parts.append(
            tile.reshape(-1, TILE)[[POSITIONS // TILE, LOG_PRIOR // TILE, UNIFORM // TILE], :rows]
        )
    return np.concatenate(parts, axis=1)


@ANY_JOINT
def test_an_angle_settles_in_its_turns_as_the_prior_has_them(joint):
    chain, count = chain_of(joint), 4000
    for theta in joint.sample(3, np.random.default_rng(3)):
        uniforms = (np.arange(count) + 0.5) / count
        values, log_densities, rest = settled_by(chain, theta - 3.0 * TURN, uniforms)
        np.testing.assert_allclose(
            (values - theta) / TURN, np.rint((values - theta) / TURN), atol=1e-12
        )
        np.testing.assert_allclose(log_densities, joint.log_density(values), atol=1e-9)
        turns, turn_log_densities = (array[0] for array in joint.turns(np.array([theta])))
        shares = np.exp(turn_log_densities - np.logaddexp.reduce(turn_log_densities))
        for turn, share in zip(turns, shares, strict=True):
            here = np.abs(values - turn) < 1e-6
            assert here.mean() == pytest.approx(share, abs=1.5 / count)
            if here.sum() > 100:  # what is left of the numbers is uniform again
                left_over = np.sort(rest[here])
                np.testing.assert_allclose(
                    left_over, np.linspace(0.0, 1.0, len(left_over)), atol=0.02
                )


@pytest.mark.parametrize(("arm", "task"), CLOSING_ARMS.values(), ids=CLOSING_ARMS)
def test_roots_close_the_chain_on_the_target(arm, task):
    chain = chain_array(arm, task)
    for theta in arm.sample_prior(50, np.random.default_rng(4)):
        target = task.forward(arm, theta)
        both = roots(chain, *state_of(arm, task, target))
        solutions = {sign: solution(arm, task, target, both, sign) for sign in (1.0, -1.0)}
        for sign, log_weight in ((1.0, both.log_up), (-1.0, both.log_down)):
            angles = solutions[sign]
            residual = task.residual(arm, angles, target)
            np.testing.assert_allclose(residual, 0.0, atol=1e-11)
            determinant = np.linalg.det(task.jacobian(arm, angles))
            assert both.log_volume == pytest.approx(math.log(abs(determinant)), abs=1e-7)
            pairs = zip(arm.joints, angles, strict=True)
            prior = sum(joint.log_density_of_angle(np.array(angle)) for joint, angle in pairs)
            assert log_weight == pytest.approx(float(prior) - both.log_volume, abs=1e-6)
        nearest = min(miss(arm, angles, theta) for angles in solutions.values())
        assert nearest < 1e-7  # one of them is the configuration itself


def state_of(arm: PlanarArm, task: Task, target: np.ndarray) -> tuple[float, float, float]:
    """What the first joint sees: of a pose, the wrist and the heading."""
    x, y = task.carried(arm, target)[1]
    return float(x), float(y), float(target[2]) if task is POSE else 0.0


def solution(
    arm: PlanarArm, task: Task, target: np.ndarray, both: Roots, sign: float
) -> np.ndarray:
    """Joint positions (N,) of one of the roots."""
    angles = [both.base - sign * both.offset, sign * both.bend]
    if task is POSE:
        angles.append(last_angle(arm.base == "rail", float(target[2]), *angles))
    return np.array(angles)


def miss(arm: PlanarArm, angles: np.ndarray, theta: np.ndarray) -> float:
    """Largest difference, of angles the short way round."""
    difference = np.abs(angles - theta)
    turned = np.array([joint.is_angle for joint in arm.joints])
    return float(
        np.where(turned, np.abs(difference - TURN * np.rint(difference / TURN)), difference).max()
    )


def test_out_of_reach_there_are_no_roots():
    chain = chain_array(PlanarArm((1.0, 0.7), 0.8), POSITION)
    for distance in (0.0, 0.3 - 1e-9, 1.7 + 1e-9, 5.0):
        both = roots(chain, distance, 0.0, 0.0)
        assert both.log_up == both.log_down == both.log_volume == -math.inf
    for distance in (0.3 + 1e-12, 1.0, 1.7 * (1.0 - 1e-12)):
        assert math.isfinite(roots(chain, distance, 0.0, 0.0).log_volume)


def test_forbidden_roots_weigh_nothing():
    arm = PlanarArm((1.0, 0.7), 0.8, (None, (0.2, 2.0)))
    chain = chain_array(arm, POSITION)
    both = roots(chain, *arm.forward(np.array([0.1, 0.9])), 0.0)
    assert both.log_up > -math.inf
    assert both.log_down == -math.inf
