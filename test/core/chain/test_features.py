"""What a network of the conditionals sees of a state."""

import numpy as np
import pytest

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.backends.kernels.conditionals import look
from ik_nn_ros.chain.chain_array import CLOSING, chain_array, num_features

LINKS = (0.4, 0.3, 0.25, 0.15)
ARMS = {
    "normal": PlanarArm(LINKS),
    "circle": PlanarArm(LINKS, prior="uniform"),
    "rail": PlanarArm(LINKS[1:], base="rail"),
    # The first joint's range has twice as many slots as the second's.
    "limits": PlanarArm(LINKS, joint_limits=[(-2.5, 2.5), (0.2, 2.4), (0.2, 2.4), (-1.5, 1.5)]),
}


@pytest.mark.parametrize("task", [POSITION, POSE], ids=lambda task: task.name)
@pytest.mark.parametrize("arm", ARMS.values(), ids=ARMS)
def test_all_features_are_written_whatever_was_there(arm, task):
    chain = chain_array(arm, task)
    states = np.array([(0.5, 0.3, 0.7), (-0.2, 0.4, -3.0), (0.6, 0.0, 0.0)])
    for joint in range(int(chain[0, CLOSING])):
        seen = []
        for before in (0.0, np.nan):
            features = np.full((len(states), num_features(chain)), before, np.float32)
            look(chain, joint, states, np.empty((len(states), 3)), features)
            seen.append(features)
        assert np.isfinite(seen[1]).all()
        np.testing.assert_array_equal(*seen)
