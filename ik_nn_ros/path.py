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
from ik_nn_ros.options import SolveOptions
from ik_nn_ros.solver import DEFAULT_NUM_SAMPLES, IKSolver

DEFAULT_MAX_JOINT_STEP = 0.2  # [rad]


def follow(
    solver: IKSolver,
    targets: Sequence[Sequence[float]],
    num_samples: int = DEFAULT_NUM_SAMPLES,
    seed: int | None = None,
    position_tolerance: float = SolveOptions.position_tolerance,
    heading_tolerance: float = SolveOptions.heading_tolerance,
    seed_state: Sequence[float] | None = None,
    max_joint_step: float = DEFAULT_MAX_JOINT_STEP,
) -> Iterator[np.ndarray]:
    """The joint positions at one target after the other, each as soon as it is found.

    Where the arm stands is projected onto the next target: the short way, and so on the same
    branch. Where that ends, at a joint limit or with too large a step, the target is sampled, with
    the same latents as the first one, and the sample nearest to where the arm stands is next.

    Args:
        solver: answers for each target.
        targets: (k, size) targets of the solver's task, in order.
        num_samples: samples to draw for a target that is sampled.
        seed: fixes the latents; None: fresh ones for this path.
        position_tolerance: largest error of a solution [m].
        heading_tolerance: largest error of a solution's heading, where one is prescribed [rad].
        seed_state: (dof,) [rad], the path starts nearest to it; None: with the best solution.
        max_joint_step: most that a joint may turn from one target to the next [rad].

    Yields:
        (dof,) joint positions [rad]; on a full circle they count whole turns on.

    Raises:
        InvalidRequestError: an argument of a wrong shape, not finite or out of its range.
        PathBreakError: a target is out of reach, has no solution, or none within the largest step.
    """
    points = finite_targets(targets, solver.task.size)
    if len(points) == 0:
        raise InvalidRequestError("targets", "must be one or more, got none")
    require_seed(seed)
    if not max_joint_step > 0.0:
        raise InvalidRequestError("max_joint_step", f"must be positive [rad], got {max_joint_step}")
    latents = np.random.SeedSequence(seed).entropy
    options = SolveOptions(
        position_tolerance=position_tolerance, heading_tolerance=heading_tolerance
    )
    branch = _Branch(solver, num_samples, latents, options, max_joint_step)
    current: np.ndarray | None = None
    for index, point in enumerate(points):
        try:
            if current is None:
                current = branch.nearest(point, seed_state)
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
    options: SolveOptions
    max_joint_step: float

    def step(self, stand: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The joints' way (dof,) from where the arm stands to a solution for a target [rad]."""
        way = self._projected(stand, target)
        if way is None or np.abs(way).max() > self.max_joint_step:
            position = self.nearest(target, stand)
            way = self.solver.arm.joint_differences(position, stand)
        if np.abs(way).max() > self.max_joint_step:
            raise _JumpError(way, self.max_joint_step)
        return way

    def nearest(self, target: np.ndarray, stand: Sequence[float] | None) -> np.ndarray:
        """The sampled solution (dof,) that is nearest to where the arm stands, if it does [rad]."""
        solutions = self.solver.solve(
            target, self.num_samples, self.latents, self.options, seed_state=stand
        )
        return solutions.positions[0]

    def _projected(self, stand: np.ndarray, target: np.ndarray) -> np.ndarray | None:
        """The short way to a target, or None where it does not end on it within the limits."""
        arm, task = self.solver.arm, self.solver.task
        task.within_reach(arm, target)
        errors = task.position_errors(arm, stand, target)
        position, _, converged = task.project(
            arm, stand, target, self.options.position_tolerance, errors
        )
        if not (converged and arm.within_limits(position)):
            return None
        return position - stand
