"""The three representations of joint angles."""

import math

import numpy as np
import pytest
import torch

from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.backends.eager import eager_sampler
from ik_nn_ros.models.angles import ANGLE_REPRESENTATIONS
from ik_nn_ros.models.networks import build_network

ARM = PlanarArm((0.5, 0.5, 1.0), prior="uniform")
SCALE = torch.tensor(ARM.joint_scale)


@pytest.mark.parametrize("name", ANGLE_REPRESENTATIONS)
def test_what_is_read_can_be_written_back_without_error(name):
    angles = ANGLE_REPRESENTATIONS[name]
    theta = torch.linspace(-3.1, 3.1, 30).reshape(10, 3)
    output = angles.read(theta, SCALE)
    assert output.shape == (10, 3 * angles.width_per_joint)
    torch.testing.assert_close(angles.write(output, SCALE), theta)
    torch.testing.assert_close(angles.error(output, theta, SCALE), torch.zeros_like(output))


@pytest.mark.parametrize("name", ANGLE_REPRESENTATIONS)
def test_arrays_are_read_and_written_as_tensors_are(name):
    angles = ANGLE_REPRESENTATIONS[name]
    theta = np.linspace(-4.0, 4.0, 30).reshape(10, 3)
    output = angles.read(theta, np.array(ARM.joint_scale))
    expected = angles.read(torch.from_numpy(theta), SCALE.double())
    np.testing.assert_allclose(output, expected)
    written = angles.write(expected, SCALE.double())
    np.testing.assert_allclose(angles.write(output, np.array(ARM.joint_scale)), written, atol=1e-6)


@pytest.mark.parametrize(("name", "degrees"), [("plain", 356.0), ("wrapped", 4.0), ("vector", 4.0)])
def test_the_error_between_178_and_minus_178_degrees(name, degrees):
    angles = ANGLE_REPRESENTATIONS[name]
    theta, other = (torch.full((1, 3), math.radians(value)) for value in (178.0, -178.0))
    error = angles.error(angles.read(other, SCALE), theta, SCALE)
    # Three joints; a chord is a little shorter than its arc.
    assert math.degrees(error.norm()) == pytest.approx(degrees * math.sqrt(3), rel=1e-3)


@pytest.mark.parametrize("name", ANGLE_REPRESENTATIONS)
def test_a_full_circle_arm_is_solved_with_angles_within_half_a_turn(name):
    config = {"layers": 2, "neurons": 16, "angles": name}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("cvae", ARM, config)
    solver = IKSolver(eager_sampler(network))
    seed_state = (3.0, 1.0, -3.0)
    solutions = solver.solve((0.7, -0.4), 50, seed=0, seed_state=seed_state)
    assert np.abs(solutions.positions).max() <= math.pi
    distances = np.linalg.norm(ARM.joint_differences(solutions.positions, seed_state), axis=1)
    assert (np.diff(distances) >= 0.0).all()


def test_an_unknown_representation_is_refused():
    with pytest.raises(ValueError, match="plain, wrapped, vector"):
        build_network("cvae", ARM, {"layers": 2, "neurons": 16, "angles": "quaternion"})
