"""`ikpy` with random restarts."""

from __future__ import annotations

import numpy as np
from ikpy.chain import Chain
from ikpy.link import OriginLink, URDFLink

from benchmarks.peers.base import Restarts
from ik_nn_ros.arm.planar_arm import PlanarArm

Z_AXIS = [0.0, 0.0, 1.0]
NO_ROTATION = [0.0, 0.0, 0.0]
OPTIMIZER_TOLERANCE = 1e-12  # ikpy's own default ends above 1e-6 m at times


class Ikpy(Restarts):
    """One call of `Chain.inverse_kinematics` per start."""

    name = "ikpy"

    def __init__(self, arm: PlanarArm) -> None:
        super().__init__(arm)
        offsets = (0.0, *arm.link_lengths)
        joints = [
            URDFLink(f"joint_{index}", [offset, 0.0, 0.0], NO_ROTATION, rotation=Z_AXIS)
            for index, offset in enumerate(offsets[:-1])
        ]
        tcp = URDFLink(
            "tcp", [offsets[-1], 0.0, 0.0], NO_ROTATION, rotation=None, joint_type="fixed"
        )
        active = [False, *[True] * arm.dof, False]
        self._chain = Chain([OriginLink(), *joints, tcp], active_links_mask=active)

    def descend(self, start: np.ndarray, target: np.ndarray) -> np.ndarray:
        """See `Restarts.descend`."""
        whole_chain = self._chain.inverse_kinematics(
            target_position=[*target, 0.0],
            initial_position=[0.0, *start, 0.0],
            tol=OPTIMIZER_TOLERANCE,
        )
        return whole_chain[1:-1]
