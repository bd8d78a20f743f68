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
CELLS = 256  # of distances, between which the cuts of arcs are interpolated
FINER = 16  # bearings that are looked at for one of `BINS`, and points of a line in one of `CELLS`
OUTLINE = 5760  # points of an outline that are followed from joint to joint
MOST_PARTS = 8  # in which a step of an outline is divided at a time
LEAST_PART = 1e-9  # of a cell, below which a point counts as at its end
MARGIN = 2e-5  # of the links' length or [rad]: how far bounds lie outside what an outline shows


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

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Whether points (...), as complex numbers, are within the bounds."""
        turned, distances = (np.angle(points) - self.bearing) % TURN, np.abs(points)
        nearest, farthest = (np.interp(turned, self.bins, ends) for ends in self.bounds.T)
        return (turned <= self.width) & (nearest <= distances) & (distances <= farthest)


def annulus(nearest: float, farthest: float) -> Reach:
    """What links reach that turn all the way."""
    return Reach(0.0, TURN, np.tile((nearest, farthest), (BINS + 1, 1)))


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


def turned(lines: list[np.ndarray], around: bool, joint: Joint, natural: np.ndarray) -> Reach:
    """What a joint makes of an outline that it turns.

    Args:
        lines: see `outline`.
        around: whether they go around the joint, see `encloses_joint`.
        joint: which has limits or none.
        natural: (2,) nearest and farthest distance that the links reach without any limits [m].
    """
    points = np.concatenate(lines)
    distances, angles = np.abs(points).clip(*natural), np.angle(points)
    around = around or distances.min() < MARGIN * natural[1]
    lower, room = 0.0, TURN
    if joint.feels_limits:
        lower, room = joint.lower, joint.upper - joint.lower
    if room >= TURN:
        return annulus(0.0 if around else distances.min(), distances.max())
    begin, width = _bearings(angles)
    if around or not width + room < TURN - 2.0 * MARGIN:
        begin, width = 0.0, TURN
    else:
        begin, width = begin + lower - MARGIN, width + room + 2.0 * MARGIN
    bins = np.arange(FINER * BINS + 1) / FINER
    # What lies between two points, or two of the bearings, counts for both.
    beyond = TURN / OUTLINE + width / (FINER * BINS)
    bearings = begin + width / BINS * bins
    window = bearings - (lower + room + beyond), room + 2.0 * beyond
    farthest = np.maximum(_largest_within(angles, distances, *window), natural[0])
    farthest, nearest = above(bins, farthest, BINS), np.zeros(BINS + 1)
    if not around:
        nearest = -above(bins, _largest_within(angles, -distances, *window), BINS)
    return Reach(begin, width, np.stack((nearest, np.maximum(farthest, nearest)), axis=1))


def _bearings(angles: np.ndarray) -> tuple[float, float]:
    """Where the bearings of an outline (o,) begin and how far they go on: all but their widest gap.

    A gap that is no wider than points lie apart is none.
    """
    ordered = np.sort(np.append(angles, angles.min() + TURN))
    gaps = np.diff(ordered)
    widest = int(gaps.argmax())
    if gaps[widest] <= TURN / OUTLINE:
        return 0.0, TURN
    return ordered[widest + 1], TURN - gaps[widest]


def beside(lines: list[np.ndarray], nearest: float, farthest: float) -> list[np.ndarray]:
    """The points of an outline on either side of the direction to the target, left and right.

    Args:
        lines: see `outline`.
        nearest, farthest: the distances of the first and of the last cell's end [m].

    Returns:
        For each side (2, o), in cells of the distance, and angles beside the direction [rad]; no
        two neighbours of a line are further apart than a cell over `FINER`.
    """
    span = (farthest - nearest) / CELLS
    sides: list[list[np.ndarray]] = [[], []]
    for line in lines:
        steps = np.abs(np.diff(np.abs(line))) / span
        line = _divided(line, np.ceil(FINER * steps))
        cells, angles = ((np.abs(line) - nearest) / span).clip(0.0, CELLS), np.angle(line)
        for side, off in zip(sides, (-angles, angles), strict=True):
            side.append(np.stack((cells, off))[:, off >= 0.0])
    return [np.concatenate(side, axis=1) for side in sides]


def cuts(
    sides: list[np.ndarray], rest: Reach, link: float, nearest: float, farthest: float
) -> np.ndarray:
    """What the reach of the rest of a chain leaves of the arc of the joint before it.

    Where a joint can bring the remaining target is a part of a circle, which the rest reaches in
    part: in which one, beside the direction to the target, depends on the target's distance alone.

    Args:
        sides: of the outline of what the rest reaches, see `beside`.
        rest: what the rest reaches.
        link: the length that carries it [m].
        nearest, farthest: the distances that the joint's chain reaches [m].

    Returns:
        (2, CELLS + 1, 2) least and largest angle beside the direction [rad], to its left and to its
        right, at even distances, between which nothing is cut off that can be reached. The least is
        above the largest where nothing can be.
    """
    least = -np.stack([above(cells, -angles, CELLS) for cells, angles in sides])
    most = np.stack([above(cells, angles, CELLS) for cells, angles in sides])
    least, most = least.clip(max=math.pi), most.clip(min=0.0)
    ahead, behind = rest.towards(0.0), rest.towards(math.pi)
    for ends, extreme, angle in (
        (link + ahead, least, 0.0),
        (link - behind[::-1], least, 0.0),
        (behind - link, most, math.pi),
    ):
        first, last = max(ends[0], nearest), min(ends[1], farthest)
        if first <= last:
            first, last = (CELLS * (end - nearest) / (farthest - nearest) for end in (first, last))
            extreme[:, math.floor(first) : math.ceil(last) + 1] = angle
    return np.stack((least - MARGIN, most + MARGIN), axis=2)


def _largest_within(
    angles: np.ndarray, values: np.ndarray, low: np.ndarray, room: float
) -> np.ndarray:
    """The largest of values (o,) whose angles (o,) lie so far at most beyond others (b,) [rad].

    Minus infinite where there are none.
    """
    order = np.argsort(angles % TURN)
    ordered = (angles % TURN)[order]
    ordered, values = np.append(ordered, ordered + TURN), np.tile(values[order], 2)
    low = low % TURN
    first, after = ordered.searchsorted(low), ordered.searchsorted(low + min(room, TURN))
    slices = np.stack((first, after), axis=1).ravel()
    largest = np.maximum.reduceat(np.append(values, -math.inf), slices)[::2]
    return np.where(first < after, largest, -math.inf)


def above(places: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Values at 0, 1 .. count, whose straight connections no point lies above.

    On a straight line of points they lie themselves; none is higher than the highest point in the
    cells beside it. Minus infinite where these have no points.

    Args:
        places: (o,) of the points, from 0 to count.
        values: (o,) of the points; those that are minus infinite are none.
        count: the last place.
    """
    there = values > -math.inf
    places, values = places[there], values[there]
    cell = np.floor(places).astype(int).clip(0, count - 1)
    share, nearby = places - cell, np.rint(places).astype(int)
    at_node, around = np.full((2, count + 1), -math.inf)
    near = np.abs(places - nearby) <= 0.5 / FINER
    np.maximum.at(at_node, nearby[near], values[near])
    for node in (cell, cell + 1):
        np.maximum.at(around, node, values)
    nodes = np.where(at_node > -math.inf, at_node, around)
    # Both ends of a cell are raised by what a point in it lacks, but not above the highest point
    # beside them. Where that held one of them back, the other is raised by what its share needs.
    for parts in ((1.0, 1.0), (1.0 - share, share)):
        lacking = values - ((1.0 - share) * nodes[cell] + share * nodes[cell + 1])
        lacking, raised = lacking.clip(min=0.0), nodes.copy()
        for node, part in zip((cell, cell + 1), parts, strict=True):
            np.maximum.at(raised, node, nodes[node] + lacking / np.maximum(part, LEAST_PART))
        nodes = np.minimum(raised, around)
    return nodes


def _finer(line: np.ndarray, link: float) -> np.ndarray:
    """A line (o,) with points between those that look far apart from the origin."""
    while True:
        distances = np.abs(line)
        nearer = np.minimum(distances[:-1], distances[1:])
        wanted = np.abs(np.diff(line)) / (TURN / OUTLINE * np.maximum(nearer, MARGIN * link))
        if wanted.max() <= 1.0:
            return line
        line = _divided(line, np.ceil(wanted).clip(1, MOST_PARTS))


def _divided(line: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """A line (o,) whose steps are divided in so many parts (o - 1,), one at least."""
    parts = parts.clip(1).astype(int)
    steps, index = np.diff(line), np.repeat(np.arange(len(parts)), parts)
    part = np.arange(len(index)) - np.repeat(np.cumsum(parts) - parts, parts)
    return np.append(line[index] + steps[index] * part / parts[index], line[-1])
