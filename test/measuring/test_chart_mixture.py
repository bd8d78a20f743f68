"""The reference posterior, against what needs no sampler: closed forms, quadrature, rejection."""

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import TASKS
from measuring.chart_mixture import ChartMixture
from measuring.tight_rejection import tight_rejection

TWO = PlanarArm((1.0, 0.8), prior_std=(0.5, 1.0), prior_mean=(0.2, 0.4))
LIMITED = PlanarArm(
    (0.5, 0.7, 0.6),
    prior_std=0.5,
    prior_mean=(0.0, 0.6, -0.4),
    joint_limits=((-0.5, 1.0), (0.3, 1.5), (-1.5, -0.2)),
)
UNIFORM = PlanarArm(
    (0.5, 0.7, 0.6), prior="uniform", joint_limits=((-0.5, 1.0), (0.3, 1.5), (-1.5, -0.2))
)
WIDE = PlanarArm((0.5, 0.7, 0.4), prior_std=(2.5, 1.5, 1.0))
RAIL = PlanarArm((0.5, 0.5, 1.0), prior_std=(0.25, 0.5, 0.5, 0.5), base="rail")
CIRCLE = PlanarArm((0.5, 0.5, 0.5, 1.0), prior="uniform")
FALSE_ALARM_RATE = 1e-4  # of each Kolmogorov-Smirnov test


def two_roots(first, second, point):
    """Both (theta_1, theta_2) of two links for a point, and |J|."""
    cosine = (point @ point - first**2 - second**2) / (2.0 * first * second)
    elbows = np.array((1.0, -1.0)) * math.acos(cosine)
    shoulders = math.atan2(point[1], point[0]) - np.arctan2(
        second * np.sin(elbows), first + second * np.cos(elbows)
    )
    return np.stack((shoulders, elbows), 1), first * second * abs(math.sin(elbows[0]))


def density(arm, angles):
    joints = zip(arm.joints, angles.T, strict=True)
    return np.exp(sum(joint.log_density_of_angle(column) for joint, column in joints))


def near(arm, task, target, radius, rng):
    """Share of a million prior draws within the radius of the target, over the ball's volume."""
    miss = TASKS[task].residual(arm, arm.sample_prior(1_000_000, rng), target)
    count = (np.linalg.norm(miss, axis=1) < radius).sum()
    volume = np.pi * radius**2 if task == "position" else 4.0 / 3.0 * np.pi * radius**3
    return count / 1e6 / volume, count


def test_two_joints_have_two_solutions_in_the_prior_s_proportion():
    rng, target = np.random.default_rng(0), TWO.forward(np.array([0.5, 0.9]))
    roots, volume = two_roots(1.0, 0.8, target)
    weights = density(TWO, roots)
    reference = ChartMixture(TWO)
    samples = reference.sample(target, 10_000, rng)
    share = np.mean(samples[:, 1] > 0.0)
    assert share == pytest.approx(weights[0] / weights.sum(), abs=4.0 * math.sqrt(0.25 / 10_000))
    evidence = math.log(weights.sum() / volume)
    assert reference.log_evidence(target, 10, rng) == pytest.approx(evidence, abs=1e-9)


def test_three_joints_have_two_poses_in_the_prior_s_proportion():
    arm = PlanarArm((1.0, 0.8, 0.5), prior_std=(0.5, 1.0, 0.6))
    rng, target = np.random.default_rng(0), TASKS["pose"].forward(arm, np.array([0.5, 0.9, -0.3]))
    heading = target[2]
    wrist = target[:2] - 0.5 * np.array((math.cos(heading), math.sin(heading)))
    roots, volume = two_roots(1.0, 0.8, wrist)
    roots = np.column_stack((roots, heading - roots.sum(1)))
    weights = density(arm, roots)
    reference = ChartMixture(arm, "pose")
    share = np.mean(reference.sample(target, 10_000, rng)[:, 1] > 0.0)
    assert share == pytest.approx(weights[0] / weights.sum(), abs=4.0 * math.sqrt(0.25 / 10_000))
    evidence = math.log(weights.sum() / volume)
    assert reference.log_evidence(target, 10, rng) == pytest.approx(evidence, abs=1e-9)


@pytest.mark.parametrize("target", [(1.5, 0.3), (1.795, 0.02), (-0.2, 0.6), (1.7999, 0.0)])
def test_the_evidence_of_three_joints_is_their_integral_near_full_reach_too(target):
    """Over theta_1, with the other two in closed form."""
    arm, rng = PlanarArm((0.5, 0.7, 0.6), prior_std=0.6), np.random.default_rng(0)
    target = np.array(target)
    bearing, distance = math.atan2(target[1], target[0]), np.linalg.norm(target)
    cosine = (distance**2 + 0.5**2 - 1.3**2) / (2.0 * distance * 0.5)
    end = math.acos(cosine) if abs(cosine) < 1.0 else math.pi
    # theta = mid - end cos(u): the poles of the integrand at the arc's ends are taken out.
    u = (np.arange(5000) + 0.5) * math.pi / 5000
    total = 0.0
    for angle, weight in zip(bearing - end * np.cos(u), end * np.sin(u), strict=True):
        rest = target - 0.5 * np.array((math.cos(angle), math.sin(angle)))
        if not 0.1 < np.linalg.norm(rest) < 1.3:
            continue
        roots, volume = two_roots(0.7, 0.6, rest)
        roots[:, 0] -= angle
        angles = np.column_stack((np.full(2, angle), (roots + np.pi) % (2.0 * np.pi) - np.pi))
        total += weight * density(arm, angles).sum() / volume
    expected = math.log(total * math.pi / 5000)
    estimate = ChartMixture(arm).log_evidence(target, 100_000, rng)
    assert estimate == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("arm", "task", "theta", "radius"),
    [
        (LIMITED, "position", (0.2, 0.8, -0.7), 0.02),
        (UNIFORM, "position", (0.6, 1.2, -1.1), 0.02),
        (WIDE, "position", (2.0, 1.0, 0.6), 0.02),
        (RAIL, "position", (0.1, 0.4, -0.5, 0.3), 0.03),
        (CIRCLE, "position", (0.3, 1.5, -1.4, 0.9), 0.05),
        (PlanarArm.of_paper(4), "pose", (0.2, 0.3, -0.25, 0.2), 0.02),
        (RAIL, "pose", (0.1, 0.4, -0.5, 0.6), 0.05),
    ],
)
def test_samples_and_evidence_agree_with_tight_rejection(arm, task, theta, radius):
    rng, target = np.random.default_rng(1), TASKS[task].forward(arm, np.array([theta]))[0]
    (rejection,) = tight_rejection(arm, target[None], 2000, rng, radius, task, most_pools=1)
    assert len(rejection) > 100
    samples = ChartMixture(arm, task).sample(target, 2000, rng)
    assert samples.shape == (2000, arm.dof)
    assert np.abs(arm.forward(samples) - target[:2]).max() < 1e-12
    for joint in range(arm.dof):
        assert ks_2samp(samples[:, joint], rejection[:, joint]).pvalue > FALSE_ALARM_RATE
    evidence = math.exp(ChartMixture(arm, task).log_evidence(target, 50_000, rng))
    expected, count = near(arm, task, target, radius, rng)
    assert evidence == pytest.approx(expected, rel=4.0 / math.sqrt(count) + 0.03)


def test_limits_are_kept_and_no_sample_comes_twice():
    rng, target = np.random.default_rng(2), LIMITED.forward(np.array([0.2, 0.8, -0.7]))
    samples = ChartMixture(LIMITED).sample(target, 1000, rng)
    assert len(np.unique(samples, axis=0)) == 1000
    assert LIMITED.within_limits(samples).all()


def test_no_two_samples_are_roots_of_one_draw():
    """Such a pair shares all joints but two: not an independent pair of samples."""
    samples = ChartMixture(CIRCLE).sample(np.array((1.2, 0.4)), 1000, np.random.default_rng(2))
    for joint in range(1, CIRCLE.dof):
        assert len(np.unique(samples[:, joint])) == 1000


def test_angles_are_in_the_turns_that_the_prior_has_them_in():
    arm = PlanarArm((0.5, 0.7, 0.4), prior_std=0.3, prior_mean=(7.0, 0.5, -6.5))
    target = arm.forward(np.array([7.1, 0.4, -6.4]))
    samples = ChartMixture(arm).sample(target, 200, np.random.default_rng(3))
    np.testing.assert_allclose(samples.mean(0), (7.1, 0.4, -6.4), atol=0.6)


def test_a_target_that_only_the_limits_forbid_has_no_sample(monkeypatch):
    monkeypatch.setattr("measuring.chart_mixture.MOST_CANDIDATES", 1 << 17)
    rng, target, reference = np.random.default_rng(4), np.array((-1.0, 0.5)), ChartMixture(LIMITED)
    assert reference.sample(target, 10, rng).shape == (0, 3)
    assert not reference.has_solution(target, rng)
    assert reference.log_evidence(target, 1000, rng) == -math.inf
    assert reference.has_solution(LIMITED.forward(np.array([0.9, 0.4, -0.3])), rng)


def test_rejection_as_it_is_keeps_within_the_radius():
    arm, rng = PlanarArm.of_paper(4), np.random.default_rng(5)
    (samples,) = tight_rejection(
        arm, np.array([[2.2, 0.4]]), 50, rng, 0.01, projected=False, most_pools=1
    )
    distance = np.linalg.norm(arm.forward(samples) - (2.2, 0.4), axis=1)
    assert 1e-4 < distance.max() <= 0.01
