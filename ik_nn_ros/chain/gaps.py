"""Gaps in what the rest of a chain reaches of an arc, on one side of the direction to the target.

What a chain with limits reaches can be bent, like a crescent: an arc then enters it twice. In
between a density is zero, which no interpolation of what lies on both sides tells.
"""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.reach import CELLS, MARGIN, Reach, above

ROWS = 2  # distances in a cell at which gaps are looked for
ANGLES = 192  # at each of them
LEAST_GAP = 0.1  # [rad]; where none is wider an arc is left as it is


def gaps(
    sides: list[np.ndarray],
    rest: Reach,
    link: float,
    nearest: float,
    farthest: float,
    ends: np.ndarray,
) -> np.ndarray:
    """A gap between angles that the rest of a chain reaches, on each side where there is one.

    It opens at one distance and closes at another. Of several it is the one that gets widest.

    Args:
        sides, rest, link, nearest, farthest: see `reach.cuts`.
        ends: (2, CELLS + 1, 2) what that gives.

    Returns:
        (2, CELLS + 1, 2) where it begins and ends beside the direction [rad], at even distances;
        between these, nothing on the straight lines' inner side can be reached. Both are the same
        where it is closed, and zero on a side that has none.
    """
    found = np.zeros((2, CELLS + 1, 2))
    nodes = np.arange(CELLS + 1)
    for side, direction in enumerate((-1.0, 1.0)):
        first, middle = _middle(direction, rest, link, nearest, farthest, ends[side])
        if not len(middle):
            continue
        after = first + len(middle)
        middle = np.interp(nodes, np.arange(first, after), middle)
        cells, angles = sides[side]
        lower = angles < np.interp(cells, nodes, middle)
        begin = above(cells[lower], angles[lower], CELLS) + MARGIN
        end = -above(cells[~lower], -angles[~lower], CELLS) - MARGIN
        is_open = (nodes >= first) & (nodes < after)
        found[side, :, 0] = np.where(is_open, np.clip(begin, ends[side, :, 0], middle), middle)
        found[side, :, 1] = np.where(is_open, np.clip(end, middle, ends[side, :, 1]), middle)
    return found


def _middle(
    direction: float, rest: Reach, link: float, nearest: float, farthest: float, ends: np.ndarray
) -> tuple[int, np.ndarray]:
    """The first distance at which a gap is open, and its middle there and at those after it (k,).

    At each of them the gaps around have the middle in common, as far as the distances before and
    behind. None where no gap is `LEAST_GAP` wide.
    """
    cells = np.linspace(0.0, CELLS, ROWS * CELLS + 1)
    distances = nearest + (farthest - nearest) / CELLS * cells
    least, most = (np.interp(cells, np.arange(CELLS + 1), line) for line in ends.T)
    angles = np.linspace(least, most, ANGLES, axis=1)
    points = distances[:, None] * np.exp(1j * direction * angles) - link
    begins, ends = (np.pad(line, ROWS, mode="edge") for line in _widest(angles, rest.holds(points)))
    around = np.lib.stride_tricks.sliding_window_view
    begin = around(begins, 2 * ROWS + 1).max(axis=1)[::ROWS]
    end = around(ends, 2 * ROWS + 1).min(axis=1)[::ROWS]
    widest = int((end - begin).argmax())
    if not end[widest] - begin[widest] > LEAST_GAP:
        return 0, np.empty(0)
    closed = np.flatnonzero(~(begin < end))
    first = int(closed[closed < widest].max(initial=-1)) + 1
    after = int(closed[closed > widest].min(initial=len(begin)))
    return first, 0.5 * (begin[first:after] + end[first:after])


def _widest(angles: np.ndarray, reached: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last angle (r,) of the widest gap in each row of angles (r, a).

    Infinite and minus infinite where a row has none.
    """
    rows, count = np.arange(len(angles)), angles.shape[1]
    index = np.arange(count)
    before = np.maximum.accumulate(np.where(reached, index, -1), axis=1)
    after = np.minimum.accumulate(np.where(reached, index, count)[:, ::-1], axis=1)[:, ::-1]
    between = (before >= 0) & (after < count)
    widest = np.where(between, after - before, 0).argmax(axis=1)
    first, last = before[rows, widest] + 1, after[rows, widest] - 1
    there = between[rows, widest] & (first <= last)
    first, last = first.clip(0, count - 1), last.clip(0, count - 1)
    begin, end = angles[rows, first], angles[rows, last]
    return np.where(there, begin, math.inf), np.where(there, end, -math.inf)
