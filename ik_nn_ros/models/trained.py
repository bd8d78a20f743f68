"""A trained network as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.models.architectures import Architecture, Tensors


class Probe(NamedTuple):
    """A few samples that a network drew when its file was written, one for each target.

    Whatever arm, task and network the file then describes must draw them again.

    Attributes:
        file: that they come from.
        uniforms: (n, N) random numbers in (0, 1), one for each joint.
        targets: (n + 2, size) what these quantiles of the arm's prior reach, and its limits.
        positions: (n, N) what the network draws for the first n targets by the same random numbers
            [rad], of a rail [m].
        tolerances: (n,) how far rounding may move them, in deviations of the prior.
    """

    file: Path
    uniforms: np.ndarray
    targets: np.ndarray
    positions: np.ndarray
    tolerances: np.ndarray


class TrainedModel(NamedTuple):
    """All that is needed to evaluate a trained network, in whatever way.

    Attributes:
        arm: the arm that it was trained for.
        task: what its targets prescribe.
        config: what it is made of.
        tensors: its weights, named and shaped as ``config.shapes(arm, task)`` says.
        probe: what it drew when it was written to a file; None before.
    """

    arm: PlanarArm
    task: Task
    config: Architecture
    tensors: Tensors
    probe: Probe | None = None
