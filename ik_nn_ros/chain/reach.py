"""What a chain of joints with limits reaches: bearings, and bounds of the distance at each.

It is followed from the last joint to the first: the outline of what the rest of the chain reaches,
a link further on, is turned by the joint before the link.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.joints import TURN, Joint

BINS = 256  # of bearings, between which the bounds of the distance are interpolated
CELLS, CELLS_AROUND = 256, 2  # of distances, between which the cuts of arcs are interpolated
OUTLINE = 720  # points of an outline that are followed from joint to joint
SUBDIVISIONS, MOST_PARTS = 4, 8  # of an outline where it looks coarse from the joint before
POINTS_IN_CELL = 2.0
MARGIN = 2e-5  # of the links' length or [rad]: how far bounds lie outside what an outline shows
CUT_MARGIN = 1e-3  # [rad]: how far cuts do


class Reach(NamedTuple):
    """What a chain reaches, seen from its first joint.

    Attributes:
        bearing, width: where the bearings begin and how far they go on [rad].
        bounds: (BINS + 1, 2) nearest and farthest distance [m] at even bearings.
    """

    bearing: float
    width: float
    bounds: np.ndarray

    @property
    def bins(self) -> np.ndarray:
        """(BINS + 1,) the bearings of the bounds, from the first one on [rad]."""
        return np.linspace(0.0, self.width, BINS + 1)

    def towards(self, bearing: float) -> np.ndarray:
        """Nearest and farthest distance [m] at a bearing [rad]; reversed where there is none."""
        turned = (bearing - self.bearing) % TURN
        if turned > self.width:
            return np.array((math.inf, -math.inf))
        return np.array([np.interp(turned, self.bins, ends) for ends in self.bounds.T])


POINT = Reach(0.0, TURN, np.zeros((BINS + 1, 2)))  # behind the last joint


def encloses_joint(rest: Reach, link: float) -> bool:
    """Whether the rest of a chain reaches back to the joint before the link that carries it."""
    nearest, farthest = rest.towards(math.pi)
    return bool(nearest <= link <= farthest)


def outline(rest: Reach, link: float) -> list[np.ndarray]:
    """Lines (o,) of complex numbers around what the rest of a chain reaches, a link further on."""
    special = -rest.bearing % TURN, (math.pi - rest.bearing) % TURN
    even = np.linspace(0.0, rest.width, OUTLINE)
    angles = np.sort(np.concatenate((even, rest.bins, special)))
    angles = angles[angles <= rest.width]
    inner, outer = (np.interp(angles, rest.bins, ends) for ends in rest.bounds.T)
    rays = np.exp(1j * (rest.bearing + angles))
    lines = [outer * rays, inner * rays]
    if rest.width < TURN:
        lines += [np.array((inner[end], outer[end])) * rays[end] for end in (0, -1)]
    return [_finer(link + line, link) for line in lines]


def turned(lines: list[np.ndarray], around: bool, joint: Joint) -> Reach:
    """What a joint makes of an outline that it turns.

    Args:
        lines: see `outline`.
        around: whether they go around the joint, see `encloses_joint`.
        joint: which has limits or none.
    """
    points = np.concatenate(lines)
    distances, angles = np.abs(points), np.angle(points)
    gaps = np.diff(np.sort(np.append(angles, angles.min() + TURN)))
    widest = gaps.argmax()  # the outline's bearings are all but the widest gap between them
    begin = np.sort(np.append(angles, angles.min() + TURN))[widest + 1]
    width = TURN - gaps[widest]
    room = joint.upper - joint.lower if joint.feels_limits else math.inf
    if around or not width + room < TURN - 2.0 * MARGIN:
        begin, width = 0.0, TURN
    else:
        begin, width = begin + joint.lower - MARGIN, width + room + 2.0 * MARGIN
    bins = begin + np.linspace(0.0, width, BINS + 1)
    if room >= TURN:
        reached = np.ones((BINS + 1, len(points)), dtype=bool)
    else:
        # Half a bin more on either side than interpolation needs, for what lies between points.
        beyond = 1.5 * width / BINS
        off = (bins[:, None] - angles - joint.lower + beyond) % TURN
        reached = off <= room + 2.0 * beyond
    nearest = np.where(reached, distances, math.inf).min(axis=1)
    farthest = np.where(reached, distances, 0.0).max(axis=1)
    if around:
        nearest = np.zeros(BINS + 1)
    return Reach(begin, width, np.stack((nearest, np.maximum(farthest, nearest)), axis=1))


def cuts(
    lines: list[np.ndarray], rest: Reach, link: float, nearest: float, farthest: float
) -> np.ndarray:
    """What the reach of the rest of a chain leaves of the arc of the joint before it.

    Where a joint can bring the remaining target is a part of a circle, which the rest reaches in
    part: in which one, beside the direction to the target, depends on the target's distance alone.

    Args:
        lines: see `outline`.
        rest: what the rest reaches.
        link: the length that carries it [m].
        nearest, farthest: the distances that the joint's chain reaches [m].

    Returns:
        (2, CELLS + 1, 2) least and largest angle beside the direction [rad], to its left and to its
        right, at even distances, between which nothing is cut off that can be reached. The least is
        above the largest where nothing can be.
    """
    room = 2, CELLS + 2 * CELLS_AROUND
    least, most = np.full(room, math.pi), np.zeros(room)

    def cell_of(distances: np.ndarray) -> np.ndarray:
        return CELLS_AROUND + CELLS * (distances - nearest) / (farthest - nearest)

    for line in lines:
        steps = np.abs(np.diff(cell_of(np.abs(line))))
        line = _divided(line, np.ceil(POINTS_IN_CELL * steps))
        cells = cell_of(np.abs(line)).astype(int).clip(CELLS_AROUND, CELLS_AROUND + CELLS - 1)
        for side, angles in enumerate((-np.angle(line), np.angle(line))):
            beside = angles >= 0.0
            np.minimum.at(least[side], cells[beside], angles[beside])
            np.maximum.at(most[side], cells[beside], angles[beside])
    ahead, behind = rest.towards(0.0), rest.towards(math.pi)
    for ends, extreme, angle in (
        (link + ahead, least, 0.0),
        (link - behind[::-1], least, 0.0),
        (behind - link, most, math.pi),
    ):
        first, last = cell_of(ends).clip(0.0, CELLS + CELLS_AROUND).astype(int)
        if ends[0] <= ends[1]:
            extreme[:, first : last + 1] = angle
    around = np.lib.stride_tricks.sliding_window_view
    least = around(least, 2 * CELLS_AROUND, axis=1).min(axis=2)
    most = around(most, 2 * CELLS_AROUND, axis=1).max(axis=2)
    return np.stack((least - CUT_MARGIN, most + CUT_MARGIN), axis=2)


def _finer(line: np.ndarray, link: float) -> np.ndarray:
    """A line (o,) with points between those that look far apart from the origin."""
    for _ in range(SUBDIVISIONS):
        distances = np.abs(line)
        nearer = np.minimum(distances[:-1], distances[1:])
        wanted = np.abs(np.diff(line)) / np.maximum(TURN / OUTLINE * nearer, MARGIN * link)
        line = _divided(line, np.ceil(wanted).clip(1, MOST_PARTS))
    return line


def _divided(line: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """A line (o,) whose steps are divided in so many parts (o - 1,), one at least."""
    parts = parts.clip(1).astype(int)
    steps, index = np.diff(line), np.repeat(np.arange(len(parts)), parts)
    part = np.arange(len(index)) - np.repeat(np.cumsum(parts) - parts, parts)
    return np.append(line[index] + steps[index] * part / parts[index], line[-1])
