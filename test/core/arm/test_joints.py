"""The priors of joints: densities, quantiles, whole turns, and what is refused."""

import logging
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import truncnorm

from ik_nn_ros import InvalidArmError
from ik_nn_ros.arm.joints import TURN, Joint

FREE = Joint("free", "continuous", "normal", 0.3, 0.5)
WIDE = Joint("wide", "continuous", "normal", -0.4, 2.5)
CUT = Joint("cut", "revolute", "normal", 0.8, 0.5, (0.2, 2.4))
ABOVE = Joint("above", "revolute", "normal", 0.0, 0.1, (1.0, 1.5))  # 10 deviations beyond the mean
BELOW = Joint("below", "revolute", "normal", 0.0, 0.1, (-1.5, -1.0))
NARROW = Joint("narrow", "revolute", "normal", 0.0, 0.5, (0.3, 0.3 + 1e-7))
TURNING = Joint("turning", "revolute", "normal", 1.0, 2.0, (-5.0, 9.0))
FLAT = Joint("flat", "revolute", "uniform", limits=(0.2, 1.4))
FLAT_TURNING = Joint("flat_turning", "revolute", "uniform", limits=(-4.0, 9.0))
CIRCLE = Joint("circle", "continuous", "uniform")
RAIL = Joint("rail", "rail", "normal", 0.2, 3.0)
FLAT_RAIL = Joint("flat_rail", "rail", "uniform", limits=(-1.0, 20.0))
JOINTS = (FREE, WIDE, CUT, ABOVE, BELOW, NARROW, TURNING, FLAT, FLAT_TURNING, CIRCLE, RAIL)
JOINTS += (FLAT_RAIL,)
EVERY_JOINT = pytest.mark.parametrize("joint", JOINTS, ids=lambda joint: joint.name)
ANGLES = pytest.mark.parametrize(
    "joint", [joint for joint in JOINTS if joint.is_angle], ids=lambda joint: joint.name
)
LEVELS = np.array([1e-9, 1e-3, 0.2, 0.5, 0.7, 0.999, 1.0 - 1e-9])


def ends(joint):
    """Where the density begins and ends, for a quadrature."""
    reach = 0.0 if joint.std is None else 10.0 * joint.std
    lower, upper = max(joint.lower, joint.mean - reach), min(joint.upper, joint.mean + reach)
    return (joint.lower, joint.upper) if lower >= upper else (lower, upper)


def integral(function, lower, upper):
    pieces = np.linspace(lower, upper, 21)
    return sum(quad(function, *pair)[0] for pair in zip(pieces, pieces[1:], strict=False))


@EVERY_JOINT
def test_densities_integrate_to_one(joint):
    total = integral(lambda value: math.exp(joint.log_density(value)), *ends(joint))
    assert total == pytest.approx(1.0, abs=1e-8)


@ANGLES
def test_densities_of_angles_integrate_to_one_over_any_turn(joint):
    angles = np.linspace(1.0, 1.0 + TURN, 200_001)[1:]
    density = np.exp(joint.log_density_of_angle(angles))
    if joint is not NARROW:  # whose limits no grid meets
        assert density.mean() * TURN == pytest.approx(1.0, abs=3e-3)


@EVERY_JOINT
def test_the_five_numbers_are_the_whole_prior(joint):
    values = joint.quantile(LEVELS)
    expected = joint.log_normaliser - 0.5 * joint.precision * (values - joint.mean) ** 2
    np.testing.assert_allclose(joint.log_density(values), expected)
    assert ((values >= joint.lower) & (values <= joint.upper)).all()
    if joint.limits is not None:
        beyond = np.array([joint.lower - 1e-3, joint.upper + 1e-3])
        assert np.isneginf(joint.log_density(beyond)).all()


@EVERY_JOINT
def test_the_quantile_inverts_the_distribution(joint):
    lower, _ = ends(joint)
    for level in (0.01, 0.2, 0.5, 0.7, 0.99):
        value = float(joint.quantile(np.array(level)))
        below = integral(lambda value: math.exp(joint.log_density(value)), lower, value)
        assert below == pytest.approx(level, abs=1e-7)


@pytest.mark.parametrize("joint", [CUT, ABOVE, BELOW, TURNING], ids=lambda joint: joint.name)
def test_truncated_normals_are_scipy_s(joint):
    limits = (np.array(joint.limits) - joint.mean) / joint.std
    expected = truncnorm(*limits, loc=joint.mean, scale=joint.std)
    values = joint.quantile(LEVELS)
    np.testing.assert_allclose(values, expected.ppf(LEVELS), rtol=1e-7)
    np.testing.assert_allclose(joint.log_density(values), expected.logpdf(values), atol=1e-6)
    assert joint.spread == pytest.approx(expected.std(), rel=1e-6)


@EVERY_JOINT
def test_numpy_and_torch_draw_alike_and_keep_their_types(joint):
    torch = pytest.importorskip("torch")
    levels = np.array([0.0, *LEVELS, 1.0])
    drawn = joint.quantile(torch.from_numpy(levels))
    assert drawn.dtype == torch.float64
    np.testing.assert_allclose(drawn.numpy(), joint.quantile(levels), rtol=1e-9)
    assert joint.quantile(torch.rand(3, 2)).dtype == torch.float32


@EVERY_JOINT
def test_the_ends_of_the_distribution_are_finite_and_within_the_limits(joint):
    least, most = map(float, joint.quantile(np.array([0.0, 1.0])))
    assert joint.lower <= least < most <= joint.upper
    assert math.isfinite(most - least)


@EVERY_JOINT
def test_the_spread_is_that_of_the_draws(joint):
    values = joint.sample(50_000, np.random.default_rng(0))
    assert values.std() == pytest.approx(joint.spread, rel=0.02)
    even = joint.quantile((np.arange(200_000) + 0.5) / 200_000)
    assert even.std() == pytest.approx(joint.spread, rel=1e-4)


def test_known_spreads_and_masses():
    assert FREE.spread == 0.5
    assert CIRCLE.spread == pytest.approx(math.pi / math.sqrt(3.0), rel=1e-15)
    assert FLAT.spread == pytest.approx(1.2 / math.sqrt(12.0))
    assert (FREE.mass, FLAT.mass, CIRCLE.mass) == (1.0, 1.0, 1.0)
    assert Joint("half", "revolute", "normal", 0.0, 0.2, (0.0, 9.0)).mass == pytest.approx(0.5)


def test_a_uniform_prior_s_mean_is_its_middle():
    assert (FLAT.mean, FLAT.precision, FLAT.std) == (pytest.approx(0.8), 0.0, None)
    assert (CIRCLE.mean, CIRCLE.lower, CIRCLE.upper) == (0.0, -math.pi, math.pi)
    assert (FREE.lower, FREE.upper) == (-math.inf, math.inf)
    moved = replace(FLAT, limits=(1.0, 3.0))
    assert moved.mean == 2.0


@pytest.mark.parametrize(
    ("joint", "turns"),
    [
        (CIRCLE, 0),
        (RAIL, 0),
        (CUT, 0),
        (FLAT, 0),
        (Joint("still", "continuous", "normal", 0.0, 0.05), 0),
        (Joint("paper", "continuous", "normal", 0.0, 0.2), 1),
        (FREE, 1),
        (WIDE, 2),
        (TURNING, 2),
        (FLAT_TURNING, 2),
        (Joint("flat_many", "revolute", "uniform", limits=(0.0, 40.0)), 6),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_as_many_turns_as_are_likely_and_fit(joint, turns):
    assert joint.num_turns == turns
    values, log_densities = joint.turns(np.linspace(-3.0, 3.0, 7))
    assert values.shape == log_densities.shape == (7, 2 * turns + 1)


@ANGLES
def test_turns_are_the_same_angle_and_hold_all_of_its_density(joint):
    angles = np.linspace(-9.0, 9.0, 400)
    values, log_densities = joint.turns(angles)
    np.testing.assert_allclose(np.cos(values), np.cos(angles)[:, None].repeat(values.shape[1], 1))
    np.testing.assert_allclose(log_densities, joint.log_density(values))
    with np.errstate(divide="ignore"):
        summed = np.log(np.exp(log_densities).sum(1))
    np.testing.assert_allclose(joint.log_density_of_angle(angles), summed, atol=1e-12)
    if not joint.is_circle:
        many = angles[:, None] + TURN * np.arange(-20, 21)
        every = np.exp(joint.log_density(many)).sum(1)
        np.testing.assert_allclose(np.exp(summed), every, rtol=1e-7, atol=1e-300)


def test_a_circle_s_angle_has_one_density_in_whatever_turn():
    np.testing.assert_allclose(CIRCLE.log_density(np.array([0.0, 4.0, 40.0])), -math.log(TURN))
    np.testing.assert_allclose(CIRCLE.log_density_of_angle(np.array([0.0, 40.0])), -math.log(TURN))
    np.testing.assert_allclose(CIRCLE.turns(np.array([4.0])).values, [[4.0 - TURN]])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "wheel"}, "kind must be revolute, continuous, rail"),
        ({"prior": "triangular"}, "prior must be normal or uniform"),
        ({"limits": (1.0, 0.0)}, "lower < upper"),
        ({"limits": (1.0, 1.0)}, "lower < upper"),
        ({"limits": (0.0, math.inf)}, "finite"),
        ({"limits": (math.nan, 1.0)}, "finite"),
        ({"kind": "continuous", "limits": (0.0, 1.0)}, "has no limits"),
        ({"std": None}, "std must be a positive number"),
        ({"std": 0.0}, "std must be a positive number"),
        ({"std": -1.0}, "std must be a positive number"),
        ({"std": math.nan}, "std must be a positive number"),
        ({"std": 1e-200}, "std must be a positive number"),
        ({"mean": math.inf}, "mean must be finite"),
        ({"limits": (40.0, 41.0)}, "no mass"),
        ({"limits": (1e9, 2e9)}, "no mass"),
        ({"limits": (40.0, 40.0 + 1e-9)}, "no mass"),
        ({"prior": "uniform"}, "no deviation of its own"),
        ({"prior": "uniform", "std": None, "kind": "rail"}, "needs limits"),
    ],
)
def test_impossible_priors_are_refused_in_a_sentence(fields, reason):
    joint = {"name": "elbow", "kind": "revolute", "prior": "normal", "std": 1.0} | fields
    with pytest.raises(InvalidArmError, match=f"joint elbow: .*{reason}"):
        Joint(**joint)


def test_limits_that_leave_hardly_any_mass_are_logged_with_the_figure(caplog):
    with caplog.at_level(logging.WARNING, logger="ik_nn_ros.arm.joints"):
        Joint("elbow", "revolute", "normal", 0.0, 0.1, (0.6, 1.0))
        assert not caplog.records
        Joint("elbow", "revolute", "normal", 0.0, 0.1, (0.8, 1.0))
    assert "joint elbow: the limits (0.8, 1.0) leave 6.2e-16" in caplog.text


@pytest.mark.parametrize(
    ("fields", "felt"),
    [
        ({"limits": (-2.0, 2.1)}, True),
        ({"limits": (-4.0, 4.1)}, False),  # four deviations: 8 nats below the largest density
        ({"limits": (-3.9, 9.0)}, True),
        ({"limits": (0.5, 9.0)}, True),  # the mean is beyond a limit
        ({"mean": 3.0, "limits": (-1.0, 7.5)}, False),
        ({}, False),
        ({"prior": "uniform", "std": None, "limits": (-9.0, 9.0)}, True),
        ({"prior": "uniform", "std": None}, False),
        ({"kind": "rail", "limits": (-9.0, 9.0)}, True),
        ({"std": 0.1, "limits": (-1.1, 1.1)}, False),
        ({"std": 0.1, "limits": (-0.9, 1.1)}, True),  # within a radian
    ],
)
def test_limits_are_felt_where_the_density_there_counts(fields, felt):
    joint = {"name": "elbow", "kind": "revolute", "prior": "normal", "std": 1.0} | fields
    assert Joint(**joint).feels_limits == felt
