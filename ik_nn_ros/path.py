"""Joint positions along a path of targets, on one branch of the solutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ik_nn_ros.errors import (
    InvalidRequestError,
    NoSolutionError,
    PathBreakError,
    UnreachableTargetError,
)
from ik_nn_ros.models import RawSamples, Sampler
from ik_nn_ros.solver import DEFAULT_NUM_SAMPLES, DEFAULT_POSITION_TOLERANCE, IKSolver

DEFAULT_MAX_JOINT_STEP = 0.2  # [rad]


def follow(
    solver: IKSolver,
    targets: Sequence[Sequence[float]],
    num_samples: int = DEFAULT_NUM_SAMPLES,
    seed: int | None = None,
    position_tolerance: float = DEFAULT_POSITION_TOLERANCE,
    seed_state: Sequence[float] | None = None,
    max_joint_step: float = DEFAULT_MAX_JOINT_STEP,
) -> Iterator[np.ndarray]:
    """The joint positions at one target after the other, each as soon as it is found.

    Every target is sampled with the same latents, which a network takes to nearby solutions for
    nearby targets; where the arm stands is a candidate too, projected like the samples onto the
    next target. The candidate nearest to where the arm stands is next.

    Args:
        solver: answers for each target.
        targets: (k, 2) points of the TCP [m], in order.
        num_samples: samples to draw for each target.
        seed: fixes the latents; None: fresh ones for this path.
        position_tolerance: largest error of a solution [m].
        seed_state: (dof,) [rad], the path starts nearest to it; None: with the best solution.
        max_joint_step: most that a joint may turn from one target to the next [rad].

    Yields:
        (dof,) joint positions [rad]; on a full circle they count whole turns on.

    Raises:
        InvalidRequestError: an argument of a wrong shape, not finite or out of its range.
        PathBreakError: a target is out of reach, has no solution, or none within the largest step.
    """
    points = _checked_targets(targets)
    if not max_joint_step > 0.0:
        raise InvalidRequestError("max_joint_step", f"must be positive [rad], got {max_joint_step}")
    latents = np.random.SeedSequence(seed).entropy
    current: np.ndarray | None = None
    for index, point in enumerate(points):
        stand = seed_state if current is None else current
        sampler = solver.sampler if current is None else _StandingSampler(solver.sampler, current)
        try:
            solutions = IKSolver(sampler).solve(
                point, num_samples, latents, True, position_tolerance, stand
            )
        except (UnreachableTargetError, NoSolutionError) as error:
            raise PathBreakError(index, point, str(error)) from error
        positions = solutions.positions[0]
        if current is not None:
            step = solver.arm.joint_differences(positions, current)
            if np.abs(step).max() > max_joint_step:
                raise PathBreakError(index, point, _jump(step, max_joint_step))
            positions = current + step
        current = positions
        yield positions


class _StandingSampler(Sampler):
    """A sampler whose first sample is where the arm stands."""

    def __init__(self, sampler: Sampler, stand: np.ndarray) -> None:
        self.name = sampler.name
        self.arm = sampler.arm
        self._sampler = sampler
        self._stand = stand

    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> RawSamples:
        samples = self._sampler.sample(targets, num_samples, rng).positions
        stand = np.broadcast_to(self._stand, (len(targets), 1, self.arm.dof))
        return RawSamples(np.concatenate((stand, samples), axis=1))


def _checked_targets(targets: Sequence[Sequence[float]]) -> np.ndarray:
    points = np.asarray(targets, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise InvalidRequestError("targets", f"must be (k, 2), k > 0, got {points.shape}")
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        raise InvalidRequestError("targets", f"must be finite, number {finite.argmin() + 1} is not")
    return points


def _jump(step: np.ndarray, max_joint_step: float) -> str:
    joint = int(np.abs(step).argmax())
    return (
        f"the nearest solution turns joint {joint + 1} by {abs(step[joint]):.3f} rad, "
        f"{max_joint_step:.3f} rad are allowed; closer targets or another start may help"
    )
