"""Calibration passes what is right and finds what is wrong."""

import numpy as np
import pytest

from ik_nn_ros.arm.planar_arm import PlanarArm
from measuring import chart_mixture
from measuring.calibration import FALSE_ALARM_RATE, Calibration, _ranks, calibrate
from measuring.chart_mixture import ChartMixture

CIRCLE = PlanarArm((0.5, 0.5, 0.5, 1.0), prior="uniform")
LIMITED = PlanarArm((0.6, 0.5, 0.4), 0.6, ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2)))
TRIALS = 500


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """A hundred samples need no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chart_mixture, "BLOCK", 1 << 12)
        patch.setattr(chart_mixture, "LEAST_CANDIDATES", 1 << 11)
        yield


def sampler(arm, task="position"):
    """The reference, one target after the other."""
    reference, own_rng = ChartMixture(arm, task), np.random.default_rng(1)

    def samples(targets, count, rng):
        return np.stack([reference.sample(target, count, own_rng) for target in targets])

    return samples


def calibration(arm, task, samples):
    return calibrate(arm, task, samples, np.random.default_rng(0), num_trials=TRIALS)


@pytest.fixture(scope="module", params=["position", "pose"])
def recorded(request, small_blocks):
    """An arm, a task, and samples of it that are made once: the targets are always the same."""
    task, known = request.param, {}
    arm = PlanarArm.of_paper({"position": 4, "pose": 5}[task])  # two free joints each
    draw = sampler(arm, task)

    def samples(targets, count, rng):
        key = targets.tobytes()
        if key not in known:
            known[key] = draw(targets, count, rng)
        return known[key]

    return arm, task, samples


def test_the_right_posterior_passes(recorded):
    assert calibration(*recorded).passed()


@pytest.mark.parametrize("width", [0.9, 1.1])
def test_samples_a_tenth_too_narrow_or_too_wide_are_found_out(recorded, width):
    arm, task, samples = recorded

    def off(targets, count, rng):
        right = samples(targets, count, rng)
        mean = right.mean(1, keepdims=True)
        return mean + width * (right - mean)

    assert not calibration(arm, task, off).passed()


def test_samples_a_twentieth_of_a_radian_off_are_found_out(recorded):
    arm, task, samples = recorded
    off = lambda *request: samples(*request) + 0.05  # noqa: E731
    assert not calibration(arm, task, off).passed()


def test_draws_of_the_prior_that_ignore_their_targets_are_found_out():
    arm = PlanarArm.of_paper(4)

    def prior(targets, count, rng):
        return arm.sample_prior(len(targets) * count, rng).reshape(len(targets), count, -1)

    outcome = calibrate(arm, "position", prior, np.random.default_rng(0), num_trials=TRIALS)
    assert not outcome.passed()
    assert outcome.p_values["joint 1, histogram"] > 1e-3  # every joint by itself is as it should be


@pytest.mark.parametrize("arm", [CIRCLE, LIMITED, PlanarArm((1.0, 0.8), 0.7)])
def test_ties_are_no_alarm(arm):
    """On a circle every log density is the same; two joints have two solutions."""
    assert calibration(arm, "position", sampler(arm)).passed()


def test_ranks_among_ties_are_uniform():
    own, drawn = np.zeros((20_000, 1, 1)), np.zeros((20_000, 4, 1))
    drawn[:, 0] = -1.0
    ranks = _ranks(own, drawn, np.random.default_rng(0))[:, 0]
    counts = np.bincount(ranks, minlength=5)
    assert counts[0] == 0
    np.testing.assert_allclose(counts[1:] / len(ranks), 0.25, atol=0.02)


def test_the_tests_of_one_calibration_share_its_false_alarm_rate():
    many = {f"test {index}": 0.5 for index in range(9)}
    assert Calibration(1, 19, many | {"worst": 1.01e-1 * FALSE_ALARM_RATE}).passed()
    assert not Calibration(1, 19, many | {"worst": 0.99e-1 * FALSE_ALARM_RATE}).passed()


def test_ranks_have_to_fill_the_bins_alike():
    with pytest.raises(ValueError, match="multiple of 20"):
        calibrate(CIRCLE, "position", None, None, num_samples=100)
