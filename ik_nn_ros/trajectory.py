"""When to be where along a path: times and velocities for a joint trajectory controller."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

REST_TO_REST_PEAK = 1.5  # of the mean velocity, on a cubic that starts and ends at rest


class Trajectory(NamedTuple):
    """A path in time.

    Attributes:
        positions: (k, dof) [rad].
        velocities: (k, dof) [rad/s]; zero at both ends.
        times: (k,) [s], rising, the first above 0: a controller needs time to get there.
        time_step: between two points [s], but for the first two and the last two.
    """

    positions: np.ndarray
    velocities: np.ndarray
    times: np.ndarray
    time_step: float


def timed(
    positions: np.ndarray,
    time_step: float,
    max_velocities: np.ndarray,
    lead_in: np.ndarray,
    lead_in_step: float | np.ndarray,
) -> Trajectory:
    """Give a path times and velocities.

    The arm starts and ends at rest: the first and the last way between two points take twice the
    time step. A controller that is given velocities joins points by cubics: where one of these were
    faster than allowed, the time step is stretched.

    >>> path = np.array([[0.0, 0.5], [0.1, 0.4], [0.2, 0.3]])
    >>> trajectory = timed(path, 0.1, np.full(2, 0.5), lead_in=np.zeros(2), lead_in_step=0.2)
    >>> trajectory.times.round(3)
    array([0.133, 0.4  , 0.667])

    Args:
        positions: (k, dof) joint positions [rad], k > 0.
        time_step: between two points [s].
        max_velocities: (dof,) largest speeds of the joints [rad/s]; infinite for none.
        lead_in: (dof,) how far the robot is from the first point [rad]; zeros if it is there.
        lead_in_step: most that a joint without a largest speed moves in a time step then [rad], of
            a rail [m]; one for all or (dof,).
    """
    durations = np.full(len(positions) - 1, time_step)
    durations[:1] = durations[-1:] = 2.0 * time_step
    slopes = np.diff(positions, axis=0) / durations[:, None]
    velocities = np.zeros_like(positions)
    before, after = durations[:-1, None], durations[1:, None]
    velocities[1:-1] = (after * slopes[:-1] + before * slopes[1:]) / (before + after)
    stretch = max(1.0, float((_peaks(slopes, velocities) / max_velocities).max(initial=0.0)))
    speeds = np.minimum(max_velocities, lead_in_step / time_step)
    arrival = float((REST_TO_REST_PEAK * np.abs(lead_in) / speeds).max())
    start = max(arrival, stretch * time_step)
    times = start + stretch * np.concatenate(((0.0,), np.cumsum(durations)))
    return Trajectory(positions, velocities / stretch, times, stretch * time_step)


def _peaks(slopes: np.ndarray, velocities: np.ndarray) -> np.ndarray:
    """The largest speeds (k - 1, dof) of the cubics between points with such velocities.

    On a way of duration 1 from velocity u to v with the mean velocity m, the velocity is
    u (1 - 4 s + 3 s^2) + v (3 s^2 - 2 s) + 6 m (s - s^2), extreme at
    s = (2 u + v - 3 m) / (3 (u + v - 2 m)).
    """
    u, v = velocities[:-1], velocities[1:]
    bend = 3.0 * (u + v - 2.0 * slopes)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = (2.0 * u + v - 3.0 * slopes) / bend
    s = np.where((s > 0.0) & (s < 1.0), s, 0.0)
    between = u * (1.0 - 4.0 * s + 3.0 * s**2) + v * (3.0 * s**2 - 2.0 * s)
    between += 6.0 * slopes * (s - s**2)
    return np.maximum.reduce((np.abs(u), np.abs(v), np.abs(between)))
