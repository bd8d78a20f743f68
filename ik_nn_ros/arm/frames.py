"""Rigid motions in space, as a URDF states them: xyz [m] and rpy [rad], turns about fixed axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

UPRIGHT = 1e-12  # cosine of a pitch, below which roll and yaw turn about the same axis


def rotation(rpy: Sequence[float]) -> np.ndarray:
    """The rotation (3, 3) by roll about x, then pitch about y, then yaw about z [rad]."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def rpy_of(matrix: np.ndarray) -> tuple[float, float, float]:
    """The inverse of `rotation`; without yaw where the pitch is a right angle."""
    cosine = math.hypot(matrix[0, 0], matrix[1, 0])
    pitch = math.atan2(-matrix[2, 0], cosine)
    yaw = math.atan2(matrix[1, 0], matrix[0, 0]) if cosine > UPRIGHT else 0.0
    # With this yaw taken off, whatever its rounding, the roll is what is left.
    sine, cosine = math.sin(yaw), math.cos(yaw)
    roll = math.atan2(
        sine * matrix[0, 2] - cosine * matrix[1, 2], cosine * matrix[1, 1] - sine * matrix[0, 1]
    )
    return roll, pitch, yaw


def turn(axis: np.ndarray, angle: float) -> np.ndarray:
    """The rotation (3, 3) about an axis (3,) of length one by an angle [rad] (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * cross @ cross


def turns_about_z(angles: np.ndarray) -> np.ndarray:
    """The rotations (..., 3, 3) about z by angles (...) [rad]."""
    cosine, sine = np.cos(angles), np.sin(angles)
    matrices = np.zeros((*np.shape(angles), 3, 3))
    matrices[..., 0, 0], matrices[..., 0, 1] = cosine, -sine
    matrices[..., 1, 0], matrices[..., 1, 1] = sine, cosine
    matrices[..., 2, 2] = 1.0
    return matrices
