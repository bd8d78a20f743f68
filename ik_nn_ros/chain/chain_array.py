"""An arm and a task as numbers for the chain's machine code."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.arm.joints import Joint
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task

TURN = 2.0 * math.pi
UNBOUNDED = 1e290  # [m], instead of an infinite period or limit, which arithmetic would turn to NaN
ROUNDING = 1e-17  # a share that is lost in rounding
BINS = 256  # of bearings, between which the bounds of the reach are interpolated
OUTLINE = 720  # points of the bounds' outline that are followed from joint to joint
SUBDIVISIONS, MOST_PARTS = 4, 8  # of the outline where it looks coarse from the joint before
RIM_DRAWS = 500  # of the prior, which tell how near full reach it keeps the arm
FEATURES_OF_POSITIONS, FEATURES_OF_POSES = 13, 19
FEATURES_OF_BOUNDS = 2  # beside the ends of each slot
MARGIN = 2e-5  # of the links' length or [rad]: how far bounds lie outside what the outline shows


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
SLOTS = 19  # how many slots the joint has
UNIT = 20  # by which its position is judged: 1 rad, of a rail the arm's unit [m]
SLOT = 21  # of the first slot: side, lower, upper, period, see `joint_slots`; the others follow
PERIOD_OF_SLOT, SLOT_SIZE, MOST_SLOTS = 3, 4, 4
RIM = SLOT + SLOT_SIZE * MOST_SLOTS  # how near full reach the prior keeps the chain, see `_rim`
RIM_WIDTH = RIM + 1  # asinh(1 / RIM)
BOUNDED = RIM_WIDTH + 1  # whether limits bound the distance at each bearing
BOUNDS = BOUNDED + 1  # its bounds at the first bearing [m]; those at the others, BINS on, follow
COLUMNS = BOUNDS + 2 * (BINS + 1)


def chain_array(arm: PlanarArm, task: Task) -> np.ndarray:
    """What the posterior of an arm's task follows from: (N + 1, COLUMNS), a row for each joint.

    Of N joints all carry a position; of a pose all but the last one, and the point that they carry
    is the wrist. The row after them stands for what is left at its end: a point.
    """
    chain = joints_array(arm, task)
    carrying = int(chain[0, CLOSING]) + 2
    _write_reach(chain, arm.joints[:carrying], chain[:carrying, LINK])
    return chain


def joints_array(arm: PlanarArm, task: Task) -> np.ndarray:
    """`chain_array` without what the chain reaches, which takes nearly all of its time."""
    rail, pose = arm.base == "rail", task.closing_joints == 3
    carrying = arm.dof - pose
    chain = np.zeros((arm.dof + 1, COLUMNS))
    links = np.array([0.0] * rail + list(arm.link_lengths))
    chain[:-1, LINK] = links
    chain[:-1, UNIT] = arm.joint_units
    chain[:, CLOSING], chain[:, POSE], chain[:, RAIL] = carrying - 2, pose, rail
    for row, joint in zip(chain, arm.joints, strict=False):
        row[MEAN : ALONE + 1] = _prior_row(joint)
        slots = joint_slots(joint)
        row[SLOTS] = len(slots)
        row[SLOT : SLOT + SLOT_SIZE * len(slots)] = np.ravel(slots)
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


def joint_slots(joint: Joint) -> list[tuple[float, float, float, float]]:
    """Pieces of a joint's range in each of which its density given the remaining target is smooth.

    The two sides of the direction to the remaining target are kept apart: an arm that curls to the
    left and one that curls to the right are two modes. Limits that leave a gap of less than half a
    turn can split a side in two; there the two halves of the range are kept apart as well.

    Returns:
        (side, lower, upper, period) of each slot; the period is 0 where nothing is cut off.
    """
    lower, upper, width = joint.lower, joint.upper, joint.upper - joint.lower
    period = TURN if joint.is_angle else UNBOUNDED
    if joint.is_circle or not math.isfinite(width) or width >= period:
        pieces = [(0.0, 0.0, 0.0)]
    elif joint.is_angle and width > math.pi:
        middle = 0.5 * (lower + upper)
        pieces = [(lower, middle, period), (middle, upper, period)]
    else:
        pieces = [(lower, upper, period)]
    return [(side, *piece) for piece in pieces for side in (1.0, -1.0)]


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
    chain[len(joints) :, BEARINGS_WIDTH] = TURN
    for index in range(len(joints) - 1, -1, -1):
        joint, rest, row = joints[index], links[index:], chain[index]
        natural = np.array((max(0.0, 2.0 * rest.max() - rest.sum()), rest.sum()))
        row[INNER], row[OUTER] = natural
        row[BEARINGS_WIDTH] = TURN
        if not joint.is_angle:
            continue
        margin = MARGIN * rest.sum()
        outline, around = _outline(chain[index + 1], links[index])
        bearings, (nearest, farthest) = _turned(outline, around, joint)
        bounds = np.stack((nearest - margin, farthest + margin), axis=1).clip(*natural)
        row[INNER], row[OUTER] = bounds[:, 0].min(), bounds[:, 1].max()
        row[BEARING], row[BEARINGS_WIDTH] = bearings
        row[BOUNDS:] = bounds.ravel()
        row[BOUNDED] = np.abs(bounds - natural).max() > 10.0 * margin
        if not row[BOUNDED]:
            row[INNER], row[OUTER] = natural
            row[INNER_POWER], row[OUTER_POWER] = (len(rest) - 3) * (natural > 0.0)
        if not row[BOUNDED] and len(rest) > 2:
            row[RIM] = _rim(joints[index:], rest, row[OUTER] - row[INNER])
            row[RIM_WIDTH] = math.asinh(1.0 / row[RIM])


def _rim(joints: tuple[Joint, ...], links: np.ndarray, width: float) -> float:
    """How near full reach the prior keeps a chain: of its distance from there, as a share of the
    width of its reach, twice the median of the square root. 1 where it is not near at all.
    """
    rng = np.random.default_rng(0)
    reached = np.zeros(RIM_DRAWS, dtype=complex)
    for joint, link in zip(joints[::-1], links[::-1], strict=True):
        reached = np.exp(1j * joint.sample(RIM_DRAWS, rng)) * (link + reached)
    shares = np.maximum(links.sum() - np.abs(reached), 0.0) / width
    return min(2.0 * float(np.median(np.sqrt(shares))), 1.0)


def _outline(rest: np.ndarray, link: float) -> tuple[np.ndarray, bool]:
    """The outline (o,) of what the rest of a chain reaches, a link further on, as complex numbers.

    Returns:
        Also whether it goes around the joint before the link.
    """
    begin, width = rest[BEARING], rest[BEARINGS_WIDTH]
    bounds = rest[BOUNDS:].reshape(BINS + 1, 2)
    bins = np.linspace(0.0, width, BINS + 1)
    special = (-begin % TURN, (math.pi - begin) % TURN)
    angles = np.sort(np.concatenate((np.linspace(0.0, width, OUTLINE), bins, special)))
    angles = angles[angles <= width]
    inner, outer = (np.interp(angles, bins, bounds[:, column]) for column in (0, 1))
    rays = np.exp(1j * (begin + angles))
    lines = [outer * rays, inner * rays]
    if width < TURN:
        lines += [np.array((inner[end], outer[end])) * rays[end] for end in (0, -1)]
    back = (math.pi - begin) % TURN
    around = back <= width and bool(
        np.interp(back, bins, bounds[:, 0]) <= link <= np.interp(back, bins, bounds[:, 1])
    )
    return np.concatenate([_finer(link + line, link) for line in lines]), around


def _finer(line: np.ndarray, link: float) -> np.ndarray:
    """A line (o,) with points between those that look far apart from the origin."""
    for _ in range(SUBDIVISIONS):
        steps, distances = np.diff(line), np.abs(line)
        nearer = np.minimum(distances[:-1], distances[1:])
        wanted = np.abs(steps) / np.maximum(TURN / OUTLINE * nearer, MARGIN * link)
        counts = np.ceil(wanted).clip(1, MOST_PARTS).astype(int)
        index = np.repeat(np.arange(len(counts)), counts)
        part = np.arange(len(index)) - np.repeat(np.cumsum(counts) - counts, counts)
        line = np.append(line[index] + steps[index] * part / counts[index], line[-1])
    return line


def _turned(
    outline: np.ndarray, around: bool, joint: Joint
) -> tuple[tuple[float, float], tuple[np.ndarray, np.ndarray]]:
    """What a joint makes of an outline that it turns: bearings, and bounds of the distance there.

    Returns:
        Where the bearings begin and how far they go on; nearest and farthest distance (BINS + 1,).
    """
    distances, angles = np.abs(outline), np.angle(outline)
    gaps = np.diff(np.sort(np.append(angles, angles.min() + TURN)))
    widest = gaps.argmax()  # the outline's bearings are all but the widest gap between them
    begin = np.sort(np.append(angles, angles.min() + TURN))[widest + 1]
    width = TURN - gaps[widest]
    room = math.inf if joint.is_circle else joint.upper - joint.lower
    if around or not width + room < TURN - 2.0 * MARGIN:
        begin, width = 0.0, TURN
    else:
        begin, width = begin + joint.lower - MARGIN, width + room + 2.0 * MARGIN
    bins = begin + np.linspace(0.0, width, BINS + 1)
    if room >= TURN:
        reached = np.ones((BINS + 1, len(outline)), dtype=bool)
    else:
        # Half a bin more on either side than interpolation needs, for what lies between points.
        beyond = 1.5 * width / BINS
        turned = (bins[:, None] - angles - joint.lower + beyond) % TURN
        reached = turned <= room + 2.0 * beyond
    nearest = np.where(reached, distances, math.inf).min(axis=1)
    farthest = np.where(reached, distances, 0.0).max(axis=1)
    if around:
        nearest = np.zeros(BINS + 1)
    return (begin, width), (nearest, np.maximum(farthest, nearest))
