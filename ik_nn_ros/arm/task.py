"""What is asked of the TCP: a position, or a pose.

Everything that differs between the two is here; the rest of the package asks the task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.projection import Projection, project
from ik_nn_ros.arrays import Array, namespace, wrapped
from ik_nn_ros.errors import InvalidRequestError, UnreachableTargetError

EDGE = 1e-9  # of the reach: a target so far outside is one that was rounded


class Carried(NamedTuple):
    """What an arm must bring where, to meet targets.

    Attributes:
        link_lengths: of the links that bring it there [m].
        points: (..., 2) where [m].
        beyond: (..., 2) from there to the TCP [m].
    """

    link_lengths: tuple[float, ...]
    points: np.ndarray
    beyond: np.ndarray


class Task(ABC):
    """What a target prescribes; targets are arrays (..., size), the first two numbers x, y [m].

    `forward`, `jacobian` and `residual` take NumPy arrays and torch tensors alike; arrays of
    configurations (..., N) and targets broadcast.

    Attributes:
        name: of the task, as requests and checkpoints know it.
        size: numbers of a target.
        form: what these are.
        closing_joints: joints whose positions follow from a target once the others stand.
        prescribes_heading: whether a target says how the TCP is turned.
    """

    name: ClassVar[str]
    size: ClassVar[int]
    form: ClassVar[str]
    closing_joints: ClassVar[int]
    prescribes_heading: ClassVar[bool]

    def __reduce__(self) -> tuple[Callable[[str], Task], tuple[str]]:
        """There is one of each kind, in every process."""
        return task_named, (self.name,)

    @abstractmethod
    def targets(self, points: np.ndarray, headings: np.ndarray | None = None) -> np.ndarray:
        """Targets (..., size) at points (..., 2) [m], with headings (...) [rad] if prescribed."""

    @abstractmethod
    def headings(self, targets: np.ndarray) -> np.ndarray | None:
        """Headings (...) [rad] of targets (..., size); None where none is prescribed."""

    @abstractmethod
    def forward(self, arm: PlanarArm, theta: Array) -> Array:
        """The target (..., size) that configurations (..., N) meet."""

    @abstractmethod
    def jacobian(self, arm: PlanarArm, theta: Array) -> Array:
        """d forward / d theta: (..., N) -> (..., size, N)."""

    @abstractmethod
    def residual(self, arm: PlanarArm, theta: Array, targets: Array) -> Array:
        """target - forward (..., size); a heading the short way round."""

    @abstractmethod
    def heading_errors(
        self, arm: PlanarArm, theta: np.ndarray, targets: np.ndarray
    ) -> np.ndarray | None:
        """|heading - target's| (...) [rad], 0 to pi; None where no heading is prescribed."""

    @abstractmethod
    def carried(self, arm: PlanarArm, targets: np.ndarray) -> Carried:
        """What must be brought where for targets (..., size)."""

    @abstractmethod
    def project(
        self,
        arm: PlanarArm,
        theta: np.ndarray,
        targets: np.ndarray,
        tolerance: float,
        errors: np.ndarray,
    ) -> Projection:
        """Move configurations (..., N) the short way onto targets; see `projection.project`.

        Args:
            arm: the arm.
            theta: (..., N) [rad].
            targets: (..., size); the arrays broadcast.
            tolerance: largest position error that counts as converged [m].
            errors: (...) position errors of ``theta``, which have been measured already [m].
        """

    def units(self, arm: PlanarArm) -> np.ndarray:
        """By which an arm's targets are judged, (size,): its unit [m], and 1 rad."""
        units = np.ones(self.size)
        units[:2] = arm.unit
        return units

    def reachable(self, arm: PlanarArm, targets: np.ndarray) -> np.ndarray:
        """Whether links of such lengths reach targets, joint limits aside: (..., size) -> (...)."""
        lengths, points, _ = self.carried(arm, targets)
        nearest, farthest = arm.base_joint.reach(lengths)
        distance = arm.base_joint.distance(points)
        edge = EDGE * farthest
        return (distance >= nearest - edge) & (distance <= farthest + edge)

    def within_reach(
        self,
        arm: PlanarArm,
        target: np.ndarray,
        tolerance: float = 0.0,
        allow_approximate: bool = False,
        index: int | None = None,
    ) -> np.ndarray:
        """A target (size,) itself, or the nearest one in reach: if it is near, or that is allowed.

        The nearest one has the same heading.

        Args:
            arm: the arm.
            target: the target.
            tolerance: how far out of reach it may be [m]; what was rounded may always be.
            allow_approximate: whether it may be anywhere.
            index: of one of several targets.

        Raises:
            UnreachableTargetError: it is further out of reach; it names the ``index``.
        """
        lengths, point, beyond = self.carried(arm, target)
        nearest, farthest = arm.base_joint.reach(lengths)
        distance, shift = arm.base_joint.coordinates(point)
        inside = np.clip(distance, nearest, farthest)
        if inside == distance:
            return target
        if not allow_approximate and abs(distance - inside) > max(tolerance, EDGE * farthest):
            raise UnreachableTargetError(
                float(distance), (nearest, farthest), self._distance_name(arm, target), index
            )
        moved = target.copy()
        moved[:2] = arm.base_joint.points(inside, shift) + beyond
        return moved

    @abstractmethod
    def _distance_name(self, arm: PlanarArm, target: np.ndarray) -> str:
        """What is too far or too near, for a person."""

    def position_errors(self, arm: PlanarArm, theta: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """|TCP - target's position| (...) [m]."""
        return arm.position_errors(theta, targets[..., :2])


class PositionTask(Task):
    """The TCP is to be at (x, y) [m], with any heading."""

    name = "position"
    size = 2
    form = "(x, y)"
    closing_joints = 2
    prescribes_heading = False

    def targets(self, points: np.ndarray, headings: np.ndarray | None = None) -> np.ndarray:
        return points

    def headings(self, targets: np.ndarray) -> None:
        return None

    def forward(self, arm: PlanarArm, theta: Array) -> Array:
        return arm.forward(theta)

    def jacobian(self, arm: PlanarArm, theta: Array) -> Array:
        return arm.jacobian(theta)

    def residual(self, arm: PlanarArm, theta: Array, targets: Array) -> Array:
        return targets - arm.forward(theta)

    def heading_errors(self, arm: PlanarArm, theta: np.ndarray, targets: np.ndarray) -> None:
        return None

    def carried(self, arm: PlanarArm, targets: np.ndarray) -> Carried:
        if arm.mount.lever:
            reason = "must be pose, for which this arm was read: its last link is a lever"
            raise InvalidRequestError("task", f"{reason} that the robot has not")
        return Carried(arm.link_lengths, targets, np.zeros_like(targets))

    def project(
        self,
        arm: PlanarArm,
        theta: np.ndarray,
        targets: np.ndarray,
        tolerance: float,
        errors: np.ndarray,
    ) -> Projection:
        return project(arm, theta, targets, tolerance, errors)

    def _distance_name(self, arm: PlanarArm, target: np.ndarray) -> str:
        return arm.base_joint.distance_name


class PoseTask(Task):
    """The TCP is to be at (x, y) [m], with a heading [rad] from the x axis."""

    name = "pose"
    size = 3
    form = "(x, y, heading)"
    closing_joints = 3
    prescribes_heading = True

    def targets(self, points: np.ndarray, headings: np.ndarray | None = None) -> np.ndarray:
        return np.concatenate((points, headings[..., None]), axis=-1)

    def headings(self, targets: np.ndarray) -> np.ndarray:
        return targets[..., 2]

    def forward(self, arm: PlanarArm, theta: Array) -> Array:
        headings = arm.headings(theta)[..., None]
        return namespace(theta).concatenate((arm.forward(theta), headings), -1)

    def jacobian(self, arm: PlanarArm, theta: Array) -> Array:
        xp = namespace(theta)
        heading = xp.ones_like(theta)[..., None, :]
        if arm.base == "rail":
            heading[..., 0] = 0.0
        return xp.concatenate((arm.jacobian(theta), heading), -2)

    def residual(self, arm: PlanarArm, theta: Array, targets: Array) -> Array:
        residual = targets - self.forward(arm, theta)
        heading = wrapped(residual[..., 2:])
        return namespace(theta).concatenate((residual[..., :2], heading), -1)

    def heading_errors(self, arm: PlanarArm, theta: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.abs(wrapped(arm.headings(theta) - targets[..., 2]))

    def carried(self, arm: PlanarArm, targets: np.ndarray) -> Carried:
        # The last link's direction is prescribed: the others bring its joint, the wrist, to its
        # place.
        heading = targets[..., 2]
        last_link = np.stack((np.cos(heading), np.sin(heading)), -1) * arm.link_lengths[-1]
        return Carried(arm.link_lengths[:-1], targets[..., :2] - last_link, last_link)

    def project(
        self,
        arm: PlanarArm,
        theta: np.ndarray,
        targets: np.ndarray,
        tolerance: float,
        errors: np.ndarray,
    ) -> Projection:
        # The wrist is projected by the other joints, and the last one takes up the heading.
        wrists = self.carried(arm, targets).points
        others = project(arm.wrist_arm, theta[..., :-1], wrists, tolerance).positions
        rest = wrapped(targets[..., 2] - arm.wrist_arm.headings(others) - theta[..., -1])
        positions = np.concatenate((others, (theta[..., -1] + rest)[..., None]), axis=-1)
        errors = arm.position_errors(positions, targets[..., :2])
        return Projection(positions, errors, errors <= tolerance)

    def _distance_name(self, arm: PlanarArm, target: np.ndarray) -> str:
        name = f"wrist's {arm.base_joint.distance_name}"
        if not arm.mount.lever and POSITION.reachable(arm, target[:2]):
            name += " (with another heading the position is in reach)"
        return name


POSITION = PositionTask()
POSE = PoseTask()
TASKS: dict[str, Task] = {task.name: task for task in (POSITION, POSE)}


def task_named(name: str | Task) -> Task:
    """The task of a name; a task itself is what it is.

    Raises:
        InvalidRequestError: there is none; says which there are.
    """
    if isinstance(name, Task):
        return name
    if not isinstance(name, str) or name not in TASKS:
        raise InvalidRequestError("task", f"must be {' or '.join(TASKS)}, got {name!r}")
    return TASKS[name]
