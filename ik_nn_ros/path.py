"""Joint positions along a path of targets, on one branch of the solutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ik_nn_ros.arguments import finite_targets, positive_number, require_seed
from ik_nn_ros.arm.continuation import Continuation, carry_on
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.errors import (
    IKError,
    InvalidRequestError,
    NoSolutionError,
    PathBreakError,
    PathOpenError,
    UnreachableTargetError,
    decimals_apart,
)
from ik_nn_ros.options import SolveOptions
from ik_nn_ros.solver import DEFAULT_NUM_SAMPLES, IKSolver

MOVES = (("turn", "rad"), ("move", "m"))  # what an angle does, and a rail
DEFAULT_MAX_JOINT_STEP = 0.2  # [rad]


def follow(
    solver: IKSolver,
    targets: Sequence[Sequence[float]],
    num_samples: int = DEFAULT_NUM_SAMPLES,
    seed: int | None = None,
    position_tolerance: float | None = None,
    heading_tolerance: float | None = None,
    seed_state: Sequence[float] | None = None,
    max_joint_step: float = DEFAULT_MAX_JOINT_STEP,
) -> Iterator[np.ndarray]:
    """The joint positions at one target after the other, each as soon as it is found.

    The solver samples the first target. From there the arm is carried on from target to target the
    short way, and so on one branch, whatever the model: a joint that comes to a limit stops there
    while the others make up for it, see `continuation`.

    >>> solver = IKSolver.exact(PlanarArm((0.4, 0.3, 0.25), prior_std=0.5))
    >>> path = list(follow(solver, [(0.6, 0.30), (0.6, 0.32), (0.6, 0.34)], seed=1))
    >>> solver.arm.forward(path[-1]).round(6)
    array([0.6 , 0.34])

    Args:
        solver: answers for the first target.
        targets: (k, size) targets of the solver's task, in order.
        num_samples: samples to draw for the first target.
        seed: fixes the start; None: fresh randomness.
        position_tolerance, heading_tolerance: see `SolveOptions`.
        seed_state: (dof,) [rad], the path starts nearest to it; None: with the best solution.
        max_joint_step: most that a joint may turn from one target to the next [rad]; of a rail in
            the arm's units.

    Yields:
        (dof,) joint positions [rad] within the limits; joints without limits count whole turns on,
        from the seed state where there is one.

    Raises:
        InvalidRequestError: an argument of a wrong shape, not finite or out of its range.
        PathBreakError: a target is out of reach, has no solution, or none within the largest step
            and the joint limits; says which joint and which limit.
    """
    points = finite_targets(targets, solver.task.size)
    if len(points) == 0:
        raise InvalidRequestError("targets", "must be one or more, got none")
    require_seed(seed)
    max_joint_step = positive_number("max_joint_step", max_joint_step, "rad")
    options = SolveOptions(
        position_tolerance=position_tolerance, heading_tolerance=heading_tolerance
    )
    branch = Branch(solver.arm, solver.task, options, max_joint_step)
    current: np.ndarray | None = None
    for index, point in enumerate(points):
        try:
            if current is None:
                current = _start(solver, point, num_samples, seed, options, seed_state)
            else:
                current = branch.next(current, point)
        except (UnreachableTargetError, NoSolutionError, _BarredError) as error:
            place = solver.arm.mount.place(point)
            raise PathBreakError(index, point, place, str(error)) from error
        yield current


@dataclass(frozen=True)
class Branch:
    """How one target's solution follows from another's; see `follow`.

    Attributes:
        arm, task: of the targets.
        options: with the tolerances.
        max_joint_step: [rad], of a rail in the arm's units.
    """

    arm: PlanarArm
    task: Task
    options: SolveOptions
    max_joint_step: float

    def next(self, position: np.ndarray, target: np.ndarray) -> np.ndarray:
        """From where the arm stands to a target's solution (dof,) [rad].

        Raises:
            UnreachableTargetError: it is out of reach.
            _BarredError: limits or the largest step are in the way.
        """
        reached = self._carried(position, target)
        step = np.abs(reached.position - position) / self.arm.joint_units
        if not reached.converged or step.max() > self.max_joint_step:
            raise _BarredError(self.arm, reached, step, self.max_joint_step)
        return reached.position

    def closed(self, positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """A path (k, dof) whose last target is its first, bent so that it ends where it begins.

        What it lacks at the end is spread over all of it, and every position put back on its
        target. A joint that turns all the way may end whole turns on.

        Raises:
            PathOpenError: limits or the largest step do not allow that.
        """
        gap = self.arm.joint_differences(positions[-1], positions[0])
        bent = positions - np.linspace(0.0, 1.0, len(positions))[:, None] * gap
        bent = np.clip(bent, *self.arm.bounds)
        inner = [self._carried(*pair) for pair in zip(bent[1:-1], targets[1:-1], strict=True)]
        for row, one in enumerate(inner, start=1):
            bent[row] = one.position
        bent[0], bent[-1] = positions[0], positions[-1] - gap
        steps = np.abs(np.diff(bent, axis=0)) / self.arm.joint_units
        if not all(one.converged for one in inner) or steps.max(initial=0.0) > self.max_joint_step:
            raise PathOpenError(self.arm.mount.robot_velocities(gap), self.arm.joint_names)
        return bent

    def _carried(self, position: np.ndarray, target: np.ndarray) -> Continuation:
        options = self.options.of_arm(self.arm)
        tolerance = options.position_tolerance
        inside = self.task.within_reach(self.arm, target, tolerance)
        reached = carry_on(
            self.arm, self.task, position, inside, tolerance, options.heading_tolerance
        )
        error = self.task.position_errors(self.arm, reached.position, target)
        return reached._replace(converged=reached.converged and bool(error <= tolerance))


class _BarredError(IKError):
    """No way on to the next target from where the arm stands."""

    def __init__(
        self, arm: PlanarArm, reached: Continuation, step: np.ndarray, max_joint_step: float
    ) -> None:
        reasons = []
        if step.max() > max_joint_step:
            joint = int(step.argmax())
            scale, (verb, unit) = arm.joint_units[joint], MOVES[arm.joints[joint].kind == "rail"]
            moved, allowed = scale * step[joint], scale * max_joint_step
            decimals = decimals_apart(moved - allowed, least=3)
            reasons.append(
                f"{arm.joint_names[joint]} would {verb} by {moved:.{decimals}f} {unit}, "
                f"{allowed:.{decimals}f} {unit} are allowed"
            )
        for joint in np.flatnonzero(reached.at_limit):
            limit = arm.bounds[int(reached.at_limit[joint] > 0)][joint]
            # Told as the robot has it: its joint may count the other way, from another zero.
            sign, zero, _ = arm.mount.of_joint(joint)
            side = "upper" if sign * reached.at_limit[joint] > 0 else "lower"
            limit = sign * (limit - zero)
            _, unit = MOVES[arm.joints[joint].kind == "rail"]
            reasons.append(f"{arm.joint_names[joint]} is at its {side} limit {limit:.3f} {unit}")
        if not reasons:
            reasons.append("the arm does not come there the short way")
        super().__init__(f"{' and '.join(reasons)}; closer targets or another start may help")


def _start(
    solver: IKSolver,
    target: np.ndarray,
    num_samples: int,
    seed: int | None,
    options: SolveOptions,
    seed_state: Sequence[float] | None,
) -> np.ndarray:
    """The best solution, or the one nearest to a seed state and in its turns."""
    solutions = solver.solve(target, num_samples, seed, options, seed_state=seed_state)
    if seed_state is None:
        return solutions.positions[0]
    state = np.asarray(seed_state, dtype=np.float64)
    return state + solver.arm.joint_differences(solutions.positions[0], state)
