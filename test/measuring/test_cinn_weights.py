"""Whether shipped weights of cinn mean what they say: by ranks, and beside the exact sampler."""

from dataclasses import fields

import numpy as np
import pytest

from ik_nn_ros import IKSolver
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.models import WEIGHTS_FOLDER
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.weighted import effective_shares
from measuring.calibration import FALSE_ALARM_RATE, calibrate
from measuring.evaluation import Evaluation


@pytest.fixture(scope="module", params=[4, 10])
def cinn(request):
    """An arm, and samples of its network that are drawn once: the targets are always the same."""
    sampler, known = IKSolver.from_pretrained(request.param, "cinn").sampler.accepted(), {}

    def samples(targets, count, rng):
        key = targets.tobytes()
        if key not in known:
            known[key] = sampler.sample(targets, count, rng).positions
        return known[key]

    return sampler.arm, samples


def test_cinn_is_calibrated(cinn):
    arm, samples = cinn
    assert calibrate(arm, "position", samples, np.random.default_rng(0)).passed()


@pytest.mark.parametrize("width", [0.9, 1.1])
def test_samples_a_tenth_too_narrow_or_too_wide_are_found_out(cinn, width):
    """By where they are, not only by their misses."""
    arm, samples = cinn

    def off(targets, count, rng):
        right = samples(targets, count, rng)
        mean = right.mean(1, keepdims=True)
        return mean + width * (right - mean)

    p_values = calibrate(arm, "position", off, np.random.default_rng(0)).p_values
    others = [value for name, value in p_values.items() if not name.startswith("miss")]
    assert min(others) < FALSE_ALARM_RATE / len(p_values)


SHIPPED = sorted(WEIGHTS_FOLDER.glob("cinn_*.safetensors"))


def test_every_arm_of_the_paper_has_weights_for_positions_and_poses():
    names = {path.stem for path in SHIPPED}
    for dof in (4, 6, 8, 10, 15):
        assert {f"cinn_{dof}", f"cinn_{dof}_pose"} <= names


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_nine_of_ten_draws_are_effective_on_targets_of_the_prior(path):
    sampler = IKSolver.from_checkpoint(path).sampler
    arm, rng = sampler.arm, np.random.default_rng(0)
    targets = sampler.task.forward(arm, arm.sample_prior(60, rng))
    draws = [sampler.draw(target, 300, rng) for target in targets]
    assert effective_shares(np.array([one.log_weights for one in draws])).mean() > 0.9
    assert max(np.nanmax(one.errors) for one in draws) < 1e-12 * max(1.0, sum(arm.link_lengths))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_cinn_s_evidence_is_the_exact_one_s(path):
    """Each from draws of its own, whose errors are below 0.05 nats."""
    sampler = IKSolver.from_checkpoint(path).sampler
    arm, rng = sampler.arm, np.random.default_rng(1)
    exact = ExactPosterior(arm, sampler.task)
    targets = sampler.task.forward(arm, arm.sample_prior(20, rng))
    ours, theirs = (
        np.array([one.draw(target, 1000, rng).log_evidence for target in targets])
        for one in (sampler, exact)
    )
    assert np.median(np.abs(ours - theirs)) < 0.03
    assert abs((ours - theirs).mean()) < 0.05


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_weights_carry_what_was_measured_of_them(path):
    metrics = load_checkpoint(path).metrics
    assert metrics.keys() == {field.name for field in fields(Evaluation)}
    assert metrics["effective_share"]["mean"] > 0.9
