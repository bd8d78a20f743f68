"""The parts of the machine code against the formulas they stand for."""

import math

import numpy as np
import pytest

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.backends.kernels.kinematics import Links, position_errors
from ik_nn_ros.chain.arithmetic import acos, atan2, cos_sin, exp, log
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


@compiled
def bearings(y, x):
    results = np.empty(len(x))
    for i in range(len(x)):
        results[i] = atan2(y[i], x[i])
    return results


def test_the_bearing_is_right_to_float64_s_last_digits():
    angles = np.concatenate((np.linspace(-math.pi, math.pi, 100_001), [0.0, 1e-300, -1e-9]))
    for distance in (1e-150, 1.0, 1e150):
        y, x = distance * np.sin(angles), distance * np.cos(angles)
        np.testing.assert_allclose(bearings(y, x), np.arctan2(y, x), rtol=0.0, atol=2e-15)
    axes = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 0.0], [-1.0, 0.0]]).T.copy()
    np.testing.assert_array_equal(bearings(*axes), np.arctan2(*axes))


@compiled
def angles_and_logarithms(values):
    results = np.empty((2, len(values)))
    for i in range(len(values)):
        results[0, i], results[1, i] = acos(values[i]), log(values[i])
    return results


def test_the_angle_of_a_cosine_is_right_and_ends_with_the_cosines():
    near = 1.0 - np.logspace(-16, -1, 500)
    values = np.concatenate((np.linspace(-1.0, 1.0, 100_001), near, -near))
    angles = angles_and_logarithms(values)[0]
    np.testing.assert_allclose(angles, np.arccos(values), rtol=0.0, atol=3e-15)
    beyond = np.array([1.0, 1.5, 1e300, -1.0, -1.5, -1e300])
    angles = angles_and_logarithms(beyond)[0]
    np.testing.assert_array_equal(angles, [0.0, 0.0, 0.0, math.pi, math.pi, math.pi])


def test_the_logarithm_is_right_to_float64_s_last_digits():
    values = np.concatenate((np.logspace(-300, 300, 100_001), np.linspace(0.5, 2.0, 10_001)))
    logarithms = angles_and_logarithms(values)[1]
    np.testing.assert_allclose(logarithms, np.log(values), rtol=4e-16, atol=2e-16)
    assert (angles_and_logarithms(np.array([0.0, -1.0]))[1] == -math.inf).all()


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: f"{arm.dof}-{arm.base}")
def test_position_errors_are_the_arm_s(arm):
    theta = arm.sample_prior(300, np.random.default_rng(0))
    targets, which = arm.forward(theta[:3]), np.arange(300) // 100
    errors = position_errors(theta, targets, which, Links.of(arm))
    np.testing.assert_allclose(errors, arm.position_errors(theta, targets[which]), atol=1e-14)
