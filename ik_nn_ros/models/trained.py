"""A trained network as numbers."""

from __future__ import annotations

from typing import NamedTuple

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.models.architectures import Architecture, Tensors


class TrainedModel(NamedTuple):
    """All that is needed to evaluate a trained network, in whatever way.

    Attributes:
        arm: the arm that it was trained for.
        task: what its targets prescribe.
        config: what it is made of.
        tensors: its weights, named and shaped as ``config.shapes(arm, task)`` says.
    """

    arm: PlanarArm
    task: Task
    config: Architecture
    tensors: Tensors
