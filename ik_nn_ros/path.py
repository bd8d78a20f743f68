"""Joint positions along a path of targets, on one branch of the solutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ik_nn_ros.arguments import finite_targets, require_seed
from ik_nn_ros.errors import (
    IKError,
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

    Where the arm stands is projected onto the next target: the short way, and so on the same
    branch. Where that ends, at a joint limit or with too large a step, the target is sampled, with
    the same latents as the first one, and the sample nearest to where the arm stands is next.

    Args:
        solver: answers for each target.
        targets: (k, 2) points of the TCP [m], in order.
        num_samples: samples to draw for a target that is sampled.
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
    points = finite_targets(targets)
    if len(points) == 0:
        raise InvalidRequestError("targets", "must be one or more, got none")
    require_seed(seed)
    if not max_joint_step > 0.0:
        raise InvalidRequestError("max_joint_step", f"must be positive [rad], got {max_joint_step}")
    latents = np.random.SeedSequence(seed).entropy
    branch = _Branch(solver, num_samples, latents, position_tolerance, max_joint_step)
    current: np.ndarray | None = None
    for index, point in enumerate(points):
        try:
            if current is None:
                current = branch.nearest(solver.sampler, point, num_samples, seed_state)
            else:
                current = current + branch.step(current, point)
        except (UnreachableTargetError, NoSolutionError, _JumpError) as error:
            raise PathBreakError(index, point, str(error)) from error
        yield current


class _JumpError(IKError):
    """The nearest solution is too far from where the arm stands."""

    def __init__(self, step: np.ndarray, max_joint_step: float) -> None:
        joint = int(np.abs(step).argmax())
        super().__init__(
            f"the nearest solution turns joint {joint + 1} by {abs(step[joint]):.3f} rad, "
            f"{max_joint_step:.3f} rad are allowed; closer targets or another start may help"
        )


@dataclass(frozen=True)
class _Branch:
    """How one target's solution is found from another's; see `follow`."""

    solver: IKSolver
    num_samples: int
    latents: int
    position_tolerance: float
    max_joint_step: float

    def step(self, stand: np.ndarray, point: np.ndarray) -> np.ndarray:
        """The joints' way (dof,) from where the arm stands to a solution for a point [rad]."""
        try:
            return self._step(stand, point, 0)
        except (NoSolutionError, _JumpError):
            return self._step(stand, point, self.num_samples)

    def _step(self, stand: np.ndarray, point: np.ndarray, num_samples: int) -> np.ndarray:
        standing = _StandingSampler(self.solver.sampler, stand)
        position = self.nearest(standing, point, 1 + num_samples, stand)
        step = self.solver.arm.joint_differences(position, stand)
        if np.abs(step).max() > self.max_joint_step:
            raise _JumpError(step, self.max_joint_step)
        return step

    def nearest(
        self,
        sampler: Sampler,
        point: np.ndarray,
        num_samples: int,
        stand: Sequence[float] | np.ndarray | None,
    ) -> np.ndarray:
        """The sampled solution (dof,) that is nearest to where the arm stands, if it does [rad]."""
        solutions = IKSolver(sampler).solve(
            point, num_samples, self.latents, True, self.position_tolerance, stand
        )
        return solutions.positions[0]


class _StandingSampler(Sampler):
    """A sampler whose first sample is where the arm stands; the others are the model's."""

    def __init__(self, sampler: Sampler, stand: np.ndarray) -> None:
        self.name = sampler.name
        self.arm = sampler.arm
        self._sampler = sampler
        self._stand = stand

    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> RawSamples:
        positions = np.broadcast_to(self._stand, (len(targets), 1, self.arm.dof))
        errors = self.arm.position_errors(positions, targets[:, None])
        if num_samples > 1:
            others = self._sampler.sample(targets, num_samples - 1, rng)
            positions = np.concatenate((positions, others.positions), axis=1)
            errors = np.concatenate((errors, others.position_errors), axis=1)
        return RawSamples(positions, errors)
