"""What a network of the conditionals sees of a state."""

import numpy as np
import pytest

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.backends.kernels.draws import find_arcs, look
from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.chain.chain_array import CLOSING, chain_array, num_features
from ik_nn_ros.chain.features import write_features
from ik_nn_ros.chain.states import arc
from ik_nn_ros.chain.tile import HEADING, X, Y, new_tile
from ik_nn_ros.compilation import plain

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
    for joint in range(int(chain[0, CLOSING])):
        seen = []
        for before in (0.0, np.nan):
            features = np.full(num_features(chain) * TILE, before, np.float32)
            look(chain, joint, tile_of(chain, joint), features)
            seen.append(features)
        assert np.isfinite(seen[1]).all()
        np.testing.assert_array_equal(*seen)


STATES = np.array([(0.5, 0.3, 0.7), (-0.2, 0.4, -3.0), (0.6, 0.0, 0.0)])


def tile_of(chain, joint):
    """A tile of states over and over, whose arcs are found."""
    tile, states = new_tile(0), np.resize(STATES, (TILE, 3))
    for quantity, column in zip((X, Y, HEADING), states.T, strict=True):
        tile[quantity : quantity + TILE] = column
    find_arcs(chain, joint, tile)
    return tile


@plain
def write_row(chain, joint, state, features):
    x, y, heading = state[0], state[1], state[2]
    write_features(chain, joint, x, y, heading, arc(chain, joint, x, y), features, 0, 1)


@pytest.mark.parametrize("task", [POSITION, POSE], ids=lambda task: task.name)
@pytest.mark.parametrize("arm", ARMS.values(), ids=ARMS)
def test_a_network_sees_in_a_tile_what_it_was_taught_by_rows(arm, task):
    chain = chain_array(arm, task)
    for joint in range(int(chain[0, CLOSING])):
        features = np.empty(num_features(chain) * TILE, np.float32)
        look(chain, joint, tile_of(chain, joint), features)
        for index, state in enumerate(STATES):
            row = np.empty(num_features(chain), np.float32)
            write_row(chain, joint, state, row)
            np.testing.assert_allclose(features.reshape(-1, TILE)[:, index], row, atol=1e-6)
