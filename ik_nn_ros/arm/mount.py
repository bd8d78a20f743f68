"""How a planar arm stands in a robot: what its joints' zeros are, and where its plane lies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from ik_nn_ros.arm.frames import rotation, turns_about_z
from ik_nn_ros.errors import InvalidArmError


class PlaneTargets(NamedTuple):
    """Poses of a robot's tip, as the planar arm sees them.

    Attributes:
        targets: (..., 3) x, y [m] and heading [rad] in the plane, for the task "pose".
        heights: (...) of the poses above the plane that the tip moves in [m]; the arm keeps 0.
        tilts: (...) by how much the orientations are off what a heading attains [rad].
    """

    targets: np.ndarray
    heights: np.ndarray
    tilts: np.ndarray


@dataclass(frozen=True)
class Mount:
    """How a planar arm stands in a robot.

    A `PlanarArm` counts each joint's angle theta from the previous link, counterclockwise. A
    robot's joint has a zero and a positive sense of its own, and its value q is

        q = sign (theta - zero),        theta = sign q + zero.

    Whatever a robot is told or says is q; whatever an arm, a solver or a prior takes is theta, and
    `Solutions.robot_values` are q again. The plane has its origin where the arm's base is, at the
    height in which the tip moves.

    >>> mount = Mount(signs=(1, -1), zeros=(0.0, 0.5), xyz=(0.0, 0.0, 0.25))
    >>> mount.robot_values(np.array([0.3, 0.4]))
    array([0.3, 0.1])
    >>> mount.plane_values(np.array([0.3, 0.1]))
    array([0.3, 0.4])
    >>> mount.base_points(np.array([0.6, 0.2]))
    array([0.6 , 0.2 , 0.25])

    Args:
        signs: 1 or -1 for each joint; None: all 1.
        zeros: theta of each joint where q is 0 [rad], of a rail [m]; None: all 0.
        velocity_limits: of each joint [rad/s], of a rail [m/s], None where there is none; or None.
        xyz: the plane's origin in the base link's frame [m].
        rpy: the plane's orientation there, as a URDF states it [rad]; z is the plane's normal.
        tip_rpy: the tip link's orientation in the frame whose x axis is the last link's direction.
        lever: how far beyond the tip, along the last link, the arm's TCP lies [m]. 0, but for a
            last joint that turns the tip on the spot: the arm's last link is then a lever that
            the robot has not, and has sense for the task "pose" only, where `plane_targets` and
            `tip_poses` take it into account.
        base_link: the name of the link in whose frame points and poses are.
        tip_link: the name of the link that is brought to its place.
        held: joints that are carried along, and the values [rad] or [m] that they keep. Where they
            are is said by the other fields: they are not compared.

    Raises:
        InvalidArmError: a sign that is neither 1 nor -1, a number that is not finite, a velocity
            that is not positive, an empty name, a joint that is held at no number.
    """

    signs: tuple[int, ...] | None = None
    zeros: tuple[float, ...] | None = None
    velocity_limits: tuple[float | None, ...] | None = None
    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tip_rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lever: float = 0.0
    base_link: str = "base_link"
    tip_link: str = "tcp"
    held: dict[str, float] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in ("signs", "zeros", "velocity_limits", "xyz", "rpy", "tip_rpy"):
            object.__setattr__(self, name, _as_tuple(name, getattr(self, name)))
        if self.signs is not None:
            if not set(self.signs) <= {1.0, -1.0}:
                raise InvalidArmError(f"mount: signs must be 1 or -1, got {self.signs}")
            object.__setattr__(self, "signs", tuple(int(sign) for sign in self.signs))
        if any(velocity is not None and velocity <= 0.0 for velocity in self.velocity_limits or ()):
            raise InvalidArmError(f"mount: velocities must be positive: {self.velocity_limits}")
        if {3} != {len(self.xyz), len(self.rpy), len(self.tip_rpy)}:
            raise InvalidArmError("mount: xyz, rpy and tip_rpy are three numbers each")
        if not 0.0 <= self.lever < math.inf:
            raise InvalidArmError(f"mount: lever must be 0 or more [m], got {self.lever}")
        if not all(isinstance(link, str) and link for link in (self.base_link, self.tip_link)):
            raise InvalidArmError("mount: base_link and tip_link must have names")
        if not (isinstance(self.held, Mapping) and all(map(_is_held, self.held.items()))):
            raise InvalidArmError(
                f"mount: held must be finite numbers by the names of joints, got {self.held}"
            )
        # What says nothing is kept as None, so that equal mounts are equal objects.
        for name, trivial in (("signs", 1), ("zeros", 0.0), ("velocity_limits", None)):
            if all(value == trivial for value in getattr(self, name) or ()):
                object.__setattr__(self, name, None)

    def check(self, dof: int) -> None:
        """Refuse to carry an arm of another number of joints.

        Raises:
            InvalidArmError: signs, zeros or velocities are not one for each joint.
        """
        for name in ("signs", "zeros", "velocity_limits"):
            values = getattr(self, name)
            if values is not None and len(values) != dof:
                raise InvalidArmError(f"mount: {name} must be one for each of {dof} joints")

    def of_joint(self, index: int) -> tuple[int, float, float | None]:
        """Sign, zero and velocity limit of a joint."""
        return (
            1 if self.signs is None else self.signs[index],
            0.0 if self.zeros is None else self.zeros[index],
            None if self.velocity_limits is None else self.velocity_limits[index],
        )

    def robot_values(self, theta: np.ndarray) -> np.ndarray:
        """The robot's joint values of an arm's joint positions: (..., N) -> (..., N)."""
        return np.multiply(self._signs, np.subtract(theta, self._zeros))

    def plane_values(self, values: np.ndarray) -> np.ndarray:
        """The inverse of `robot_values`."""
        return np.multiply(self._signs, values) + self._zeros

    def robot_velocities(self, velocities: np.ndarray) -> np.ndarray:
        """The robot's joint velocities of an arm's: (..., N) -> (..., N)."""
        return np.multiply(self._signs, velocities)

    def base_points(self, points: np.ndarray) -> np.ndarray:
        """Points of the plane (..., 2) in the base link's frame: (..., 3) [m]."""
        return np.asarray(points) @ rotation(self.rpy)[:, :2].T + self.xyz

    def plane_points(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (..., 3) of the base link's frame: in the plane (..., 2), and above it (...) [m].

        >>> points, heights = Mount(xyz=(0.0, 0.0, 0.5)).plane_points(np.array([[0.6, 0.2, 0.75]]))
        >>> points, heights
        (array([[0.6, 0.2]]), array([0.25]))
        """
        local = np.subtract(points, self.xyz) @ rotation(self.rpy)
        return local[..., :2], local[..., 2]

    def tip_poses(self, points: np.ndarray, headings: np.ndarray) -> np.ndarray:
        """The tip link's poses in the base link's frame, as matrices (..., 4, 4).

        >>> mount = Mount(xyz=(0.0, 0.0, 0.25))
        >>> mount.tip_poses(np.array([0.6, 0.2]), 0.0)[:, 3]
        array([0.6 , 0.2 , 0.25, 1.  ])

        Args:
            points: (..., 2) of the arm's TCP, see `PlanarArm.forward` [m].
            headings: (...), see `PlanarArm.headings` [rad].
        """
        headings = np.asarray(headings)
        poses = np.zeros((*headings.shape, 4, 4))
        poses[..., :3, :3] = rotation(self.rpy) @ turns_about_z(headings) @ rotation(self.tip_rpy)
        poses[..., :3, 3] = self.base_points(points - self._beyond(headings))
        poses[..., 3, 3] = 1.0
        return poses

    def plane_targets(self, poses: np.ndarray) -> PlaneTargets:
        """What the arm has to meet to bring the tip link to poses (..., 4, 4) of the base's frame.

        It meets them where heights and tilts are 0; how far off is near enough, the caller says.

        >>> pose = np.eye(4)
        >>> pose[:3, 3] = 0.6, 0.2, 0.25
        >>> Mount(xyz=(0.0, 0.0, 0.25)).plane_targets(pose).targets
        array([0.6, 0.2, 0. ])
        """
        poses = np.asarray(poses, dtype=np.float64)
        points, heights = self.plane_points(poses[..., :3, 3])
        turned = rotation(self.rpy).T @ poses[..., :3, :3] @ rotation(self.tip_rpy).T
        headings = np.arctan2(
            turned[..., 1, 0] - turned[..., 0, 1], turned[..., 0, 0] + turned[..., 1, 1]
        )
        off = np.linalg.norm(turned - turns_about_z(headings), axis=(-2, -1)) / math.sqrt(8.0)
        points = points + self._beyond(headings)
        targets = np.concatenate((points, headings[..., None]), axis=-1)
        return PlaneTargets(targets, heights, 2.0 * np.arcsin(np.minimum(off, 1.0)))

    def place(self, target: np.ndarray) -> str:
        """Where a target, (2,) or (3,), brings the tip, for a person: in the base link's frame.

        Of a plane that is the frame's own x and y alone.

        >>> Mount(xyz=(0.0, 0.0, 0.25)).place(np.array([0.6, 0.2]))
        '(0.6000, 0.2000, 0.2500) m'
        """
        point = np.asarray(target[:2])
        if self.lever and len(target) > 2:
            point = point - self._beyond(target[2])
        if (self.xyz, self.rpy) != ((0.0,) * 3,) * 2:
            point = self.base_points(point)
        return f"({', '.join(f'{part:.4f}' for part in point)}) m"

    def _beyond(self, headings: np.ndarray) -> np.ndarray:
        """From the tip to the TCP: (...) -> (..., 2) [m]."""
        return self.lever * np.stack((np.cos(headings), np.sin(headings)), axis=-1)

    @property
    def _signs(self) -> Any:
        return 1 if self.signs is None else self.signs

    @property
    def _zeros(self) -> Any:
        return 0.0 if self.zeros is None else self.zeros


def _is_held(item: tuple[Any, Any]) -> bool:
    name, value = item
    return isinstance(name, str) and isinstance(value, Real) and math.isfinite(value)


def _as_tuple(name: str, numbers: Sequence[float | None] | None) -> tuple | None:
    if numbers is None:
        return None
    try:
        values = tuple(None if number is None else float(number) for number in numbers)
    except (OverflowError, TypeError, ValueError):
        raise InvalidArmError(f"mount: {name} must be numbers: {numbers}") from None
    missing = name != "velocity_limits" and None in values
    if missing or not all(math.isfinite(value or 0.0) for value in values):
        raise InvalidArmError(f"mount: {name} must be finite numbers: {numbers}")
    return values
