"""The targets that everything is measured on."""

from __future__ import annotations

from functools import cache

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from training.train.data import held_out_targets

DEFAULT_DOF = 6  # of the paper's arm, where a benchmark is about one arm


@cache
def targets_of(dof: int) -> np.ndarray:
    """The targets (m, 2) [m] of the test split of one of the paper's arms."""
    return held_out_targets(PlanarArm.of_paper(dof))
