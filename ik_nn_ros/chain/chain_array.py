"""An arm and a task as numbers for the chain's machine code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ik_nn_ros.arm.joints import TURN, Joint
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.chain.gaps import gaps
from ik_nn_ros.chain.reach import (
    BINS,
    CELLS,
    MARGIN,
    annulus,
    beside,
    cuts,
    encloses_joint,
    outline,
    turned,
)

UNBOUNDED = 1e290  # [m], instead of an infinite period or limit, which arithmetic would turn to NaN
ROUNDING = 1e-17  # a share that is lost in rounding
RIM_DRAWS = 500  # of the prior, which tell how near full reach it keeps the arm
LEAST_RIM = 1e-6  # of an arm that its prior holds all but stiff
FEATURES_OF_POSITIONS, FEATURES_OF_POSES = 13, 19
FEATURES_OF_BOUNDS = 2  # beside the ends of each slot


# Columns of a chain's array. Machine code takes it as one array, because every access to an array
# within a tuple is counted as a reference, which takes longer than the access.
LINK = 0  # length of the link after the joint [m]; 0 after a rail
MEAN, PRECISION, LOG_NORMALISER = 1, 2, 3  # of the prior, see `ik_nn_ros.arm.joints`
START, UPPER, PERIOD = 4, 5, 6  # where the joint's turn starts, its upper limit, a turn
FIRST_TURN, LAST_TURN = 7, 8  # the turns that the prior's sum is over
ALONE = 9  # how far from the mean an angle's nearest turn is the only one that counts
INNER, OUTER = 10, 11  # bounds of the distance that the chain from the joint on reaches [m]
BEARING, BEARINGS_WIDTH = 12, 13  # where the bearings that it reaches begin, how far they go [rad]
INNER_POWER, OUTER_POWER = 14, 15  # twice the powers with which V vanishes at both ends
CLOSING = 16  # the first of the two joints that close the chain; those before it are free
POSE = 17  # whether the last joint turns the TCP to a heading, which the others do not know of
RAIL = 18  # whether the first joint is a rail
PIECEWISE = 19  # the last free joint, where limits of the closing joints cut its density; or -1
SLOTS = 20  # how many slots the joint has
UNIT = 21  # by which its position is judged: 1 rad, of a rail the arm's unit [m]
SLOT = 22  # of the first slot: side, lower, upper, period, part, see `joint_slots`; others follow
PERIOD_OF_SLOT, PART_OF_SLOT, SLOT_SIZE = 3, 4, 5
MOST_WHOLE_SLOTS, MOST_SLOTS = 4, 8  # without and with gaps in what the rest reaches
RIM = SLOT + SLOT_SIZE * MOST_SLOTS  # how near full reach the prior keeps the chain, see `_rim`
RIM_WIDTH = RIM + 1  # asinh(1 / RIM)
BOUNDED = RIM_WIDTH + 1  # whether limits bound the distance at each bearing
BOUNDS = BOUNDED + 1  # its bounds at the first bearing [m]; those at the others, BINS on, follow
# What the rest's reach leaves of the joint's arc: least and largest angle, and begin and end of the
# gap between them, at the first distance; those at the others follow. See `reach.cuts` and `gaps`.
CUTS = BOUNDS + 2 * (BINS + 1)
CUTS_OF_CELL = 4
CUTS_OF_SIDE = CUTS_OF_CELL * (CELLS + 1)
COLUMNS = CUTS + 2 * CUTS_OF_SIDE


@lru_cache(maxsize=8)
def chain_array(arm: PlanarArm, task: Task) -> np.ndarray:
    """What the posterior of an arm's task follows from: (N + 1, COLUMNS), a row for each joint.

    Of N joints all carry a position; of a pose all but the last one, and the point that they carry
    is the wrist. The row after them stands for what is left at its end: a point.

    The array is kept for those who ask again: it is not to be written.
    """
    rail, pose = arm.base == "rail", task.closing_joints == 3
    carrying = arm.dof - pose
    chain = np.zeros((arm.dof + 1, COLUMNS))
    links = np.array([0.0] * rail + list(arm.link_lengths))
    chain[:-1, LINK] = links
    chain[:-1, UNIT] = arm.joint_units
    chain[:, CLOSING], chain[:, POSE], chain[:, RAIL] = carrying - 2, pose, rail
    for row, joint in zip(chain, arm.joints, strict=False):
        row[MEAN : ALONE + 1] = _prior_row(joint)
        _write_slots(row, joint, (False, False))
    closing_cut = chain[carrying - 2 :, SLOT + PERIOD_OF_SLOT].any()
    chain[:, PIECEWISE] = carrying - 3 if closing_cut else -1
    _write_reach(chain, arm.joints[:carrying], links[:carrying])
    return chain


def num_features(chain: np.ndarray) -> int:
    """How many numbers a network sees of a state, see `ik_nn_ros.chain.features`."""
    count = FEATURES_OF_POSES if chain[0, POSE] > 0.0 else FEATURES_OF_POSITIONS
    if cut_by_limits(chain):
        slots = chain[: int(chain[0, CLOSING]), SLOTS]
        count += FEATURES_OF_BOUNDS + 2 * int(slots.max(initial=0.0))
    return count


def cut_by_limits(chain: np.ndarray) -> bool:
    """Whether limits cut the slots of any joint that carries the target."""
    return bool(chain[: int(chain[0, CLOSING]) + 2, SLOT + PERIOD_OF_SLOT].any())


def joint_slots(
    joint: Joint, gapped: Sequence[bool]
) -> list[tuple[float, float, float, float, float]]:
    """Pieces of a joint's range in each of which its density given the remaining target is smooth.

    The two sides of the direction to the remaining target are kept apart: an arm that curls to the
    left and one that curls to the right are two modes. Limits that leave a gap of less than half a
    turn can split a side in two; there the two halves of the range are kept apart as well.

    Limits that the prior does not feel cut off nothing: beyond them the density is simply zero.

    Args:
        joint: the joint.
        gapped: whether to the left and to the right of the direction what the rest of the chain
            reaches has a gap, see `gaps`; what lies on either side of that is kept apart, too.

    Returns:
        (side, lower, upper, period, part) of each slot; the period is 0 where nothing is cut off;
        the part -1 or 1 below or above a gap, else 0.
    """
    lower, upper, width = joint.lower, joint.upper, joint.upper - joint.lower
    period = TURN if joint.is_angle else UNBOUNDED
    if not joint.feels_limits or width >= period:
        pieces = [(0.0, 0.0, 0.0)]
    elif joint.is_angle and width > math.pi:
        middle = 0.5 * (lower + upper)
        pieces = [(lower, middle, period), (middle, upper, period)]
    else:
        pieces = [(lower, upper, period)]
    return [
        (side, *piece, part)
        for piece in pieces
        for side, gap in zip((1.0, -1.0), gapped, strict=True)
        for part in ((-1.0, 1.0) if gap else (0.0,))
    ]


def _write_slots(row: np.ndarray, joint: Joint, gapped: Sequence[bool]) -> None:
    slots = joint_slots(joint, gapped)
    row[SLOTS] = len(slots)
    row[SLOT : SLOT + SLOT_SIZE * len(slots)] = np.ravel(slots)


def _prior_row(joint: Joint) -> tuple[float, ...]:
    period = TURN if joint.is_angle else UNBOUNDED
    start, upper, first, last, alone = joint.lower, joint.upper, 0, 0, math.inf
    if joint.is_circle:
        upper = UNBOUNDED
    elif math.isfinite(upper - start):
        last = math.floor((upper - start) / period)
        alone = 0.0 if last > 0 else alone
    else:
        start, upper = joint.mean - 0.5 * period, UNBOUNDED
        first, last = -joint.num_turns, joint.num_turns
        # Beside the nearest turn the next one's density is exp((|off| - pi) 2 pi precision).
        alone = 0.5 * period + math.log(ROUNDING) / (period * joint.precision)
    return (
        *(joint.mean, joint.precision, joint.log_normaliser),
        *(start, upper, period, first, last, alone),
    )


def _write_reach(chain: np.ndarray, joints: tuple[Joint, ...], links: np.ndarray) -> None:
    """Bounds of what the chain from each joint on reaches, from the last joint to the first."""
    chain[:, BEARINGS_WIDTH] = TURN
    rest = annulus(0.0, 0.0)  # behind the last joint
    for index in range(len(joints) - 1, -1, -1):
        joint, row, bounded = joints[index], chain[index], chain[index + 1, BOUNDED] > 0.0
        lengths, link = links[index:], links[index]
        natural = np.array((max(0.0, 2.0 * lengths.max() - lengths.sum()), lengths.sum()))
        row[INNER], row[OUTER] = natural
        if not joint.is_angle:
            continue
        margin, own = MARGIN * lengths.sum(), annulus(*natural)
        if any(one.feels_limits for one in joints[index:]):
            lines = outline(rest, link)
            own = turned(lines, encloses_joint(rest, link), joint, natural)
            own = own._replace(bounds=(own.bounds + (-margin, margin)).clip(*natural))
        row[BEARING], row[BEARINGS_WIDTH] = own.bearing, own.width
        row[BOUNDS:CUTS] = own.bounds.ravel()
        row[BOUNDED] = np.abs(own.bounds - natural).max() > 10.0 * margin
        if row[BOUNDED]:
            row[INNER], row[OUTER] = own.bounds[:, 0].min(), own.bounds[:, 1].max()
        else:
            row[INNER_POWER], row[OUTER_POWER] = (len(lengths) - 3) * (natural > 0.0)
        if len(lengths) > 2:
            row[RIM] = _rim(joints[index:], lengths, row[OUTER] - row[INNER])
            row[RIM_WIDTH] = math.asinh(1.0 / row[RIM])
        if bounded:
            reached = beside(lines, row[INNER], row[OUTER]), rest, link, row[INNER], row[OUTER]
            ends = cuts(*reached)
            # Of the last free joint `posterior.pieces` draws between all jumps, and so all gaps.
            between = np.zeros_like(ends) if index == row[PIECEWISE] else gaps(*reached, ends)
            _write_slots(row, joint, between.any(axis=(1, 2)))
            row[CUTS:] = np.concatenate((ends, between), axis=2).ravel()
        rest = own


def _rim(joints: tuple[Joint, ...], links: np.ndarray, width: float) -> float:
    """How near full reach the prior keeps a chain: of its distance from there, as a share of the
    width of its reach, twice the median of the square root. 1 where it is not near at all.
    """
    rng = np.random.default_rng(0)
    reached = np.zeros(RIM_DRAWS, dtype=complex)
    for joint, link in zip(joints[::-1], links[::-1], strict=True):
        reached = np.exp(1j * joint.sample(RIM_DRAWS, rng)) * (link + reached)
    shares = np.maximum(links.sum() - np.abs(reached), 0.0) / width
    return min(max(2.0 * float(np.median(np.sqrt(shares))), LEAST_RIM), 1.0)
