"""What an arm's first joint does: it moves the TCP along one of two coordinates, whatever the rest.

A base joint splits the plane into a distance, which only the other joints decide about, and a
shift, which the base joint adds its own position to. A revolute base turns the arm about the
origin: distance and bearing. A rail carries the arm along y: x and y.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ik_nn_ros.arrays import Array, namespace, wrapped


class BaseJoint(ABC):
    """The two coordinates of points (..., 2) [m]; arrays and tensors alike.

    Attributes:
        distance_name: of the first one, for a person.
    """

    distance_name: ClassVar[str]

    @abstractmethod
    def coordinates(self, points: Array) -> tuple[Array, Array]:
        """Distance [m] and shift ([rad] or [m]) of points (..., 2) [m]: (...) each."""

    @abstractmethod
    def distance(self, points: Array) -> Array:
        """The first of the coordinates alone."""

    @abstractmethod
    def points(self, distance: Array, shift: Array) -> Array:
        """The inverse of `coordinates`."""

    @abstractmethod
    def difference(self, shift: Array, other: Array) -> Array:
        """shift - other: how far the joint has to move."""

    @abstractmethod
    def log_area(self, distance: Array) -> Array:
        """Log of a point's area element per distance and shift, at a distance [m]."""

    @abstractmethod
    def distance_and_rate(self, points: Array, velocities: Array) -> tuple[Array, Array]:
        """Distance (...) of points (..., 2) that move with velocities (..., 2), and its change."""

    @abstractmethod
    def reach(self, link_lengths: tuple[float, ...]) -> tuple[float, float]:
        """Smallest and largest distance that links reach, joint limits aside [m]."""

    @abstractmethod
    def stiffness(self, link_lengths: np.ndarray) -> np.ndarray:
        """Hessian (l, l) [m] of full reach less the distance by the links' headings, at zero."""

    @abstractmethod
    def outline(self, distance: float, reach: float, corners: int) -> np.ndarray:
        """Points (corners, 2) [m] at one distance, to draw where an arm of a reach ends."""


class RevoluteBase(BaseJoint):
    """A joint that turns the arm about the origin: distance and bearing."""

    distance_name = "distance from the base"

    def coordinates(self, points: Array) -> tuple[Array, Array]:
        return self.distance(points), namespace(points).arctan2(points[..., 1], points[..., 0])

    def distance(self, points: Array) -> Array:
        with np.errstate(over="ignore"):  # it may be more than a float holds
            return namespace(points).hypot(points[..., 0], points[..., 1])

    def points(self, distance: Array, shift: Array) -> Array:
        xp = namespace(distance)
        return xp.stack((distance * xp.cos(shift), distance * xp.sin(shift)), -1)

    def difference(self, shift: Array, other: Array) -> Array:
        return wrapped(shift - other)

    def log_area(self, distance: Array) -> Array:
        return namespace(distance).log(distance)

    def distance_and_rate(self, points: Array, velocities: Array) -> tuple[Array, Array]:
        distance = self.distance(points)
        return distance, (points * velocities).sum(-1) / distance

    def reach(self, link_lengths: tuple[float, ...]) -> tuple[float, float]:
        total = sum(link_lengths)
        return max(0.0, 2.0 * max(link_lengths) - total), total

    def stiffness(self, link_lengths: np.ndarray) -> np.ndarray:
        # Turning all links alike changes nothing.
        return np.diag(link_lengths) - np.outer(link_lengths, link_lengths) / link_lengths.sum()

    def outline(self, distance: float, reach: float, corners: int) -> np.ndarray:
        bearings = np.linspace(-math.pi, math.pi, corners)
        return self.points(np.full(corners, distance), bearings)


class RailBase(BaseJoint):
    """A joint that carries the arm along y: x and y."""

    distance_name = "x"

    def coordinates(self, points: Array) -> tuple[Array, Array]:
        return points[..., 0], points[..., 1]

    def distance(self, points: Array) -> Array:
        return points[..., 0]

    def points(self, distance: Array, shift: Array) -> Array:
        return namespace(distance).stack((distance, shift), -1)

    def difference(self, shift: Array, other: Array) -> Array:
        return shift - other

    def log_area(self, distance: Array) -> Array:
        return namespace(distance).zeros_like(distance)

    def distance_and_rate(self, points: Array, velocities: Array) -> tuple[Array, Array]:
        return points[..., 0], velocities[..., 0]

    def reach(self, link_lengths: tuple[float, ...]) -> tuple[float, float]:
        total = sum(link_lengths)
        return -total, total

    def stiffness(self, link_lengths: np.ndarray) -> np.ndarray:
        return np.diag(link_lengths)

    def outline(self, distance: float, reach: float, corners: int) -> np.ndarray:
        return self.points(np.full(corners, distance), np.linspace(-reach, reach, corners))


BASE_JOINTS: dict[str, BaseJoint] = {"revolute": RevoluteBase(), "rail": RailBase()}
