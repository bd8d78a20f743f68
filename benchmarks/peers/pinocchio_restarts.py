"""Pinocchio with random restarts: its kinematics in C++, the iteration in Python."""

from __future__ import annotations

import numpy as np
import pinocchio

from benchmarks.peers.base import TOLERANCE, Restarts
from ik_nn_ros.arm.planar_arm import PlanarArm

DAMPING = 1e-6  # of Pinocchio's own example of inverse kinematics
MAX_ITERATIONS = 100


class Pinocchio(Restarts):
    """Closed-loop inverse kinematics after Pinocchio's example, with whole steps."""

    name = "Pinocchio"

    def __init__(self, arm: PlanarArm) -> None:
        super().__init__(arm)
        self._model = pinocchio.Model()
        parent, offset = 0, 0.0
        for index, length in enumerate(arm.link_lengths):
            parent = self._model.addJoint(
                parent, pinocchio.JointModelRZ(), _along_x(offset), f"joint_{index}"
            )
            offset = length
        tcp = pinocchio.Frame("tcp", parent, 0, _along_x(offset), pinocchio.FrameType.OP_FRAME)
        self._tcp = self._model.addFrame(tcp)
        self._data = self._model.createData()

    def descend(self, start: np.ndarray, target: np.ndarray) -> np.ndarray:
        """See `Restarts.descend`."""
        model, data, theta = self._model, self._data, start
        for _ in range(MAX_ITERATIONS):
            pinocchio.framesForwardKinematics(model, data, theta)
            error = target - data.oMf[self._tcp].translation[:2]
            if np.linalg.norm(error) <= TOLERANCE:
                break
            jacobian = pinocchio.computeFrameJacobian(
                model, data, theta, self._tcp, pinocchio.LOCAL_WORLD_ALIGNED
            )[:2]
            damped = jacobian @ jacobian.T + DAMPING * np.eye(2)
            theta = theta + jacobian.T @ np.linalg.solve(damped, error)
        return theta


def _along_x(length: float) -> pinocchio.SE3:
    return pinocchio.SE3(np.eye(3), np.array([length, 0.0, 0.0]))
