"""The parts of the machine code against the formulas they stand for."""

import math

import numpy as np
import pytest

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.backends.kernels.arithmetic import cos_sin, exp
from ik_nn_ros.backends.kernels.kinematics import Links, position_errors
from ik_nn_ros.compilation import compiled

ARMS = [PlanarArm.of_paper(4), PlanarArm.of_paper(10), PlanarArm((0.5, 0.5, 1.0), base="rail")]


@compiled
def exponentials(values):
    results = np.empty_like(values)
    for i in range(len(values)):
        results[i] = exp(values[i])
    return results


def test_the_exponential_is_right_to_float32_s_last_digits():
    values = np.linspace(-80.0, 80.0, 100_001, dtype=np.float32)
    expected = np.exp(values.astype(np.float64))
    np.testing.assert_allclose(exponentials(values), expected, rtol=2.5e-7)


@compiled
def cosines_and_sines(values):
    results = np.empty((2, len(values)))
    for i in range(len(values)):
        results[0, i], results[1, i] = cos_sin(values[i])
    return results


@pytest.mark.parametrize("largest", [math.pi / 2.0, 100.0, 1e6])
def test_cosine_and_sine_are_right_to_float64_s_last_digits(largest):
    values = np.linspace(-largest, largest, 100_001)
    expected = np.stack((np.cos(values), np.sin(values)))
    np.testing.assert_allclose(cosines_and_sines(values), expected, rtol=0.0, atol=5e-16)


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: f"{arm.dof}-{arm.base}")
def test_position_errors_are_the_arm_s(arm):
    theta = arm.sample_prior(300, np.random.default_rng(0))
    targets, which = arm.forward(theta[:3]), np.arange(300) // 100
    errors = position_errors(theta, targets, which, Links.of(arm))
    np.testing.assert_allclose(errors, arm.position_errors(theta, targets[which]), atol=1e-14)
