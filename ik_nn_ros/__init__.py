"""Inverse kinematics that answers with the whole posterior; the ROS node is in `ik_nn_ros.ros`."""

from ik_nn_ros.errors import (
    CheckpointError,
    IKError,
    InvalidArmError,
    InvalidRequestError,
    ModelNotFoundError,
    NoSolutionError,
    UnreachableTargetError,
)
from ik_nn_ros.kinematics import PlanarArm
from ik_nn_ros.solver import IKSolver, Solutions

__all__ = [
    "CheckpointError",
    "IKError",
    "IKSolver",
    "InvalidArmError",
    "InvalidRequestError",
    "ModelNotFoundError",
    "NoSolutionError",
    "PlanarArm",
    "Solutions",
    "UnreachableTargetError",
]
