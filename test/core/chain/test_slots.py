"""What limits leave of an arc to each slot."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.backends.kernels.draws import cut_slot, find_arcs
from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.chain.chain_array import (
    BEARING,
    BEARINGS_WIDTH,
    BOUNDED,
    CLOSING,
    SLOT,
    SLOT_SIZE,
    SLOTS,
    TURN,
    chain_array,
)
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import advance, angle_at, arc, bounds_at, log_prior
from ik_nn_ros.chain.tile import HIGHS, LOWS, X, Y, new_tile

LINKS = (0.6, 0.5, 0.4, 0.35, 0.3)
LIMITS = ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2), (-1.0, 0.6), (-0.5, 1.2))
ARMS = {
    "paper": PlanarArm.of_paper(5),
    "mixed": PlanarArm(
        LINKS,
        prior=("normal", "normal", "uniform", "uniform", "normal"),
        prior_std=(0.7, 1.5, None, None, 3.0),
        prior_mean=(0.3, 2.0, None, None, -1.0),
        joint_limits=((-1.0, 0.9), (0.5, 5.8), (-4.0, 5.0), None, None),
    ),
    "limited": PlanarArm(LINKS, prior="uniform", joint_limits=LIMITS),
    "limited behind": PlanarArm(
        LINKS, 0.8, (None, None, (0.3, 2.0), (-1.0, 0.6), (0.5, 0.9)), prior_mean=0.6
    ),
    "two pieces": PlanarArm((0.5, 0.4, 0.3), prior="uniform", joint_limits=(0.5, 5.8)),
    "rail": PlanarArm((0.5, 0.4, 0.7), (0.3, 0.5, 0.6, 0.5), base="rail"),
    "limited rail": PlanarArm(
        (0.5, 0.4, 0.7),
        (0.3, 0.5, 0.6, 0.5),
        base="rail",
        joint_limits=((-0.4, 0.9), (-1.5, 1.5), (0.2, 2.0), None),
    ),
}
EVERY_ARM = pytest.mark.parametrize("arm", ARMS.values(), ids=ARMS)
CUT = pytest.mark.parametrize("name", ["limited", "limited behind", "two pieces"])
# The largest share of a slot's angles from which the joints behind cannot reach the target. That of
# the first arm is larger: gaps in what its closing joints reach are no ends of slots.
LOOSE = {"limited": 0.03, "limited behind": 0.001, "two pieces": 0.001}


def free_joints(chain: np.ndarray) -> range:
    return range(int(chain[0, CLOSING]))


def slots_at(chain: np.ndarray, joint: int, x: float, y: float) -> list[tuple[int, float, float]]:
    """The slots of a joint at a state that are open, and their intervals."""
    on = arc(chain, joint, x, y)
    if on.half == 0.0:
        return []
    slots = [
        (slot, *segment(chain, joint, slot, on, x, y)) for slot in range(int(chain[joint, SLOTS]))
    ]
    return [(slot, low, high) for slot, low, high in slots if high > low]


def rest_reaches(chain: np.ndarray, joint: int, x: float, y: float, theta: float) -> bool:
    """Whether the joints behind a joint at theta reach what is left, by bounds of their reach."""
    x, y, _ = advance(chain, joint, x, y, 0.0, theta)
    bearing = math.atan2(y, x)
    nearest, farthest = bounds_at(chain, joint + 1, bearing)
    turned = (bearing - chain[joint + 1, BEARING]) % TURN
    return turned <= chain[joint + 1, BEARINGS_WIDTH] and nearest <= math.hypot(x, y) <= farthest


def side_of(chain, joint, slot) -> float:
    return chain[joint, SLOT + SLOT_SIZE * slot]


def holds(chain, joint, x, y, slot, low, high, theta) -> bool:
    """Whether a slot's interval holds a joint's angle, in any turn, or a rail's position."""
    on = arc(chain, joint, x, y)
    ends = [angle_at(side_of(chain, joint, slot), on, math.cos(u)) for u in (low, high)]
    is_rail = chain[joint, SLOT + 3] > TURN
    turn = 0.0 if is_rail else TURN * math.ceil((min(ends) - theta) / TURN - 1e-12)
    return min(ends) - 1e-9 <= theta + turn <= max(ends) + 1e-9


@EVERY_ARM
def test_slots_hold_the_angles_of_an_arc_that_limits_allow_and_each_once(arm, random_states):
    chain, rng = chain_array(arm, POSITION), np.random.default_rng(1)
    counts = {True: 0, False: 0}  # of angles, by whether the joint's own limits allow them
    for joint in free_joints(chain):
        for x, y in random_states(chain, joint, 40):
            on, slots = arc(chain, joint, x, y), slots_at(chain, joint, x, y)
            for slot, low, high in slots:
                assert 0.0 <= low <= high <= math.pi
                for u in rng.uniform(low, high, 5):
                    theta = angle_at(side_of(chain, joint, slot), on, math.cos(u))
                    assert log_prior(chain, joint, theta) > -math.inf
            if on.half == 0.0:
                continue
            for side, u in zip((-1.0, 1.0) * 20, rng.uniform(0.0, math.pi, 40), strict=True):
                theta = on.centre + side * (on.middle - on.half * math.cos(u))
                density = arm.joints[joint].log_density_of_angle(np.array(theta))
                allowed = bool(np.isfinite(density))
                holding = sum(holds(chain, joint, x, y, *slot, theta) for slot in slots)
                if allowed and rest_reaches(chain, joint, x, y, theta):
                    assert holding == 1, (joint, theta)
                else:
                    assert holding <= allowed, (joint, theta)
                counts[allowed] += 1
    assert counts[True] > 500
    assert counts[False] > 100 or arm.joint_limits is None


@CUT
@pytest.mark.parametrize("task", [POSITION, POSE], ids=["position", "pose"])
def test_every_solution_is_in_a_slot(name, task):
    """Draws near limits, too, where the reach has its corners."""
    arm, rng = ARMS[name], np.random.default_rng(2)
    chain = chain_array(arm, task)
    u = np.clip(rng.uniform(-0.3, 1.3, (2000, arm.dof)), 1e-9, 1.0 - 1e-9)
    for theta in arm.prior_quantiles(u):
        carrying = theta if task is POSITION else theta[:-1]
        of = arm if task is POSITION else arm.wrist_arm
        x, y = of.forward(carrying)
        for joint in free_joints(chain):
            slots = slots_at(chain, joint, x, y)
            assert any(holds(chain, joint, x, y, *slot, theta[joint]) for slot in slots)
            x, y, _ = advance(chain, joint, x, y, 0.0, theta[joint])


@CUT
def test_hardly_any_angle_of_a_slot_leaves_more_than_the_rest_reaches(name, random_states):
    chain = chain_array(ARMS[name], POSITION)
    beyond, cut, room = 0.0, 0.0, 0.0
    for joint in free_joints(chain):
        if not chain[joint + 1, BOUNDED]:
            continue
        for x, y in random_states(chain, joint, 300):
            on = arc(chain, joint, x, y)
            room += int(chain[joint, SLOTS]) * math.pi * (on.half > 0.0)
            for slot, low, high in slots_at(chain, joint, x, y):
                cut += high - low
                for u in low + (high - low) * (np.arange(20) + 0.5) / 20:
                    theta = angle_at(side_of(chain, joint, slot), on, math.cos(u))
                    beyond += (high - low) / 20 * (not rest_reaches(chain, joint, x, y, theta))
    assert cut < 0.8 * room
    assert beyond < LOOSE[name] * cut


def test_slots_on_either_side_of_a_gap_leave_out_what_the_rest_cannot_reach(random_states):
    chain, gaps = chain_array(ARMS["limited"], POSITION), []
    for x, y in random_states(chain, 0, 1000):
        on, slots = arc(chain, 0, x, y), slots_at(chain, 0, x, y)
        for (slot, _, high), (other, low, _) in itertools.pairwise(slots):
            side = side_of(chain, 0, slot)
            if side != side_of(chain, 0, other):
                continue
            assert high <= low
            gaps.append(low - high)
            for u in np.linspace(high + 1e-9, low - 1e-9, 9) if low - high > 1e-6 else ():
                assert not rest_reaches(chain, 0, x, y, angle_at(side, on, math.cos(u)))
    assert np.sum(np.array(gaps) > 0.1) > 10


@EVERY_ARM
def test_a_tile_has_the_same_intervals(arm, random_states):
    chain, tile = chain_array(arm, POSITION), new_tile(arm.dof)
    for joint in free_joints(chain):
        states = random_states(chain, joint, TILE)
        tile[X : X + TILE], tile[Y : Y + TILE] = np.transpose(states)
        find_arcs(chain, joint, tile)
        for slot in range(int(chain[joint, SLOTS])):
            cut_slot(chain, joint, slot, tile)
            place = TILE * slot
            for i, (x, y) in enumerate(states):
                on = arc(chain, joint, x, y)
                if on.half > 0.0:
                    found = tile[LOWS + place + i], tile[HIGHS + place + i]
                    expected = segment(chain, joint, slot, on, x, y)
                    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("limits", "slots"),
    [
        (None, 2),
        ((-0.5, 0.9), 2),
        ((-1.5, 1.7), 4),
        ((0.5, 5.8), 4),
        ((-3.14, 3.14), 4),
        ((-math.pi, math.pi), 2),
        ((-4.0, 5.0), 2),
    ],
)
def test_limits_that_leave_a_small_gap_make_four_slots(limits, slots):
    chain = chain_array(PlanarArm((0.5, 0.4, 0.3), 1.0, limits), POSITION)
    assert chain[0, SLOTS] == slots
