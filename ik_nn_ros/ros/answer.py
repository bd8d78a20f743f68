"""What a client makes of responses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from trajectory_msgs.msg import JointTrajectory


@dataclass(frozen=True)
class Answer:
    """The solutions of a response.

    Attributes:
        joint_names: of the columns of ``positions``.
        positions: (n, dof) [rad], a rail's [m], best first.
        position_errors: (n,) [m].
        heading_errors: (n,) [rad], or None where no heading is prescribed.
        weights: (n,) of the exact posterior, sum 1; or None where the model has none.
        effective_share: effective sample size over n; or None likewise.
        log_densities: (n,) [nats], or None where the model has none.
        representatives: (k,) rows that stand for regions of the posterior, largest first.
        representative_shares: (k,) of the posterior's mass in each region.
        off_distribution: whether the solutions do not represent the posterior.
        message: how it went, for a person.
        solve_time: [s].
    """

    joint_names: tuple[str, ...]
    positions: np.ndarray
    position_errors: np.ndarray
    heading_errors: np.ndarray | None
    weights: np.ndarray | None
    effective_share: float | None
    log_densities: np.ndarray | None
    representatives: np.ndarray
    representative_shares: np.ndarray
    off_distribution: bool
    message: str
    solve_time: float


@dataclass(frozen=True)
class PathAnswer:
    """The joint positions of a response along a path, up to where it breaks if it does.

    Attributes:
        joint_names: of the columns of ``positions`` and ``velocities``.
        positions: (k, dof) one row for each target [rad], a rail's [m].
        velocities: (k, dof) [rad/s], 0 at both ends.
        times: (k,) when each is due, from the start of the way to the first one [s].
        trajectory: the same as a message, for a controller.
        largest_joint_step: between two rows [rad].
        closing_gap: largest of a joint between last and first row, of a closed path [rad].
        message: how it went, for a person.
        solve_time: [s].
    """

    joint_names: tuple[str, ...]
    positions: np.ndarray
    velocities: np.ndarray
    times: np.ndarray
    trajectory: JointTrajectory
    largest_joint_step: float
    closing_gap: float
    message: str
    solve_time: float
