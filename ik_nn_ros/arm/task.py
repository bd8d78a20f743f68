"""What is asked of the TCP: a position, or a pose.

Everything that differs between the two is here; the rest of the package asks the task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arrays import Array, namespace, wrapped
from ik_nn_ros.errors import InvalidRequestError


class Task(ABC):
    """What a target prescribes; targets are arrays (..., size), the first two numbers x, y [m].

    `forward`, `jacobian` and `residual` take NumPy arrays and torch tensors alike; arrays of
    configurations (..., N) and targets broadcast.

    Attributes:
        name: of the task, as requests and checkpoints know it.
        size: numbers of a target.
        closing_joints: joints whose positions follow from a target once the others stand.
    """

    name: ClassVar[str]
    size: ClassVar[int]
    closing_joints: ClassVar[int]

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
    def reachable(self, arm: PlanarArm, targets: np.ndarray) -> np.ndarray:
        """Whether links of such lengths reach targets, joint limits aside: (..., size) -> (...)."""

    def position_errors(self, arm: PlanarArm, theta: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """|TCP - target's position| (...) [m]."""
        return arm.position_errors(theta, targets[..., :2])


class PositionTask(Task):
    """The TCP is to be at (x, y) [m], with any heading."""

    name = "position"
    size = 2
    closing_joints = 2

    def forward(self, arm: PlanarArm, theta: Array) -> Array:
        return arm.forward(theta)

    def jacobian(self, arm: PlanarArm, theta: Array) -> Array:
        return arm.jacobian(theta)

    def residual(self, arm: PlanarArm, theta: Array, targets: Array) -> Array:
        return targets - arm.forward(theta)

    def heading_errors(self, arm: PlanarArm, theta: np.ndarray, targets: np.ndarray) -> None:
        return None

    def reachable(self, arm: PlanarArm, targets: np.ndarray) -> np.ndarray:
        return _within_reach(arm, arm.link_lengths, targets)


class PoseTask(Task):
    """The TCP is to be at (x, y) [m], with a heading [rad] from the x axis."""

    name = "pose"
    size = 3
    closing_joints = 3

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

    def reachable(self, arm: PlanarArm, targets: np.ndarray) -> np.ndarray:
        # The last link's direction is prescribed: the others have to bring its joint, the wrist,
        # to its place.
        heading = targets[..., 2]
        last_link = np.stack((np.cos(heading), np.sin(heading)), -1) * arm.link_lengths[-1]
        return _within_reach(arm, arm.link_lengths[:-1], targets[..., :2] - last_link)


POSITION = PositionTask()
POSE = PoseTask()
TASKS: dict[str, Task] = {task.name: task for task in (POSITION, POSE)}


def task_named(name: str) -> Task:
    """The task of a name.

    Raises:
        InvalidRequestError: there is none; says which there are.
    """
    if name not in TASKS:
        raise InvalidRequestError("task", f"must be {' or '.join(TASKS)}, got {name!r}")
    return TASKS[name]


def _within_reach(
    arm: PlanarArm, link_lengths: tuple[float, ...], points: np.ndarray
) -> np.ndarray:
    nearest, farthest = arm.base_joint.reach(link_lengths)
    distance = arm.base_joint.distance(points)
    return (distance >= nearest) & (distance <= farthest)
