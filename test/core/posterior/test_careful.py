"""Targets to which limits leave few solutions: all of them in cells of the tables that are cut."""

from __future__ import annotations

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.posterior import exact as module
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.weighted import effective_shares

LIMITS = ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2), (-1.0, 0.6), (-0.5, 1.2))
LINKS = (0.6, 0.5, 0.4, 0.3, 0.3)
UNIFORM = PlanarArm(LINKS[:4], prior="uniform", joint_limits=LIMITS[:4])
TRUNCATED = PlanarArm(LINKS[:4], 0.6, LIMITS[:4])
POSE = PlanarArm(LINKS, 0.6, LIMITS)
# Here the first two joints stand within 0.016 and 0.037 rad of a limit: one configuration in 10^4
# whose first two joints the prior draws can be closed.
CORNER = np.array([0.1104675, -1.1590158])
CORNER_LIMITS = ((-1.0, -0.98), (0.3, 0.34))


def _rejected(count: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """First two joints (m, 2) of solutions at the corner, and the log evidence, by plain draws."""
    lower, upper = np.transpose(CORNER_LIMITS)
    first = rng.uniform(lower, upper, (count, 2))
    heading = first.sum(axis=1)
    left = CORNER - LINKS[0] * _ray(first[:, 0]) - LINKS[1] * _ray(heading)
    a, b = LINKS[2:4]
    cosine = (np.square(left).sum(axis=1) - a * a - b * b) / (2.0 * a * b)
    weights = np.zeros(count)
    for sign in (1.0, -1.0):
        bend = sign * np.arccos(np.clip(cosine, -1.0, 1.0))
        base = np.arctan2(left[:, 1], left[:, 0]) - heading
        base -= np.arctan2(b * np.sin(bend), a + b * np.cos(bend))
        base = (base + np.pi) % (2.0 * np.pi) - np.pi
        within = np.abs(cosine) < 1.0
        for angle, (low, high) in ((base, LIMITS[2]), (bend, LIMITS[3])):
            within &= (angle >= low) & (angle <= high)
        weights[within] += 1.0 / np.abs(a * b * np.sin(bend[within]))
    volume = np.prod([high - low for low, high in LIMITS[:4]])
    evidence = weights.mean() * np.prod(upper - lower) / volume
    return first[rng.random(count) < weights / weights.max()], float(np.log(evidence))


def _ray(angle: np.ndarray) -> np.ndarray:
    return np.stack((np.cos(angle), np.sin(angle)), axis=-1)


def test_solutions_in_a_corner_of_the_limits_are_found():
    rng = np.random.default_rng(0)
    sampler = ExactPosterior(UNIFORM)
    draws = sampler.draw(CORNER, 1000, rng)
    assert effective_shares(draws.log_weights) > 0.9
    expected, log_evidence = _rejected(300_000, rng)
    assert draws.log_evidence == pytest.approx(log_evidence, abs=0.1)
    samples = sampler.sample(CORNER[None], 1000, rng)
    assert samples.position_errors.max() < 1e-12
    first = samples.positions[0, :, :2]
    for moment in (np.mean, np.std):
        np.testing.assert_allclose(moment(first, 0), moment(expected, 0), atol=1.5e-3)


@pytest.mark.parametrize(
    ("arm", "task"), [(UNIFORM, "position"), (TRUNCATED, "position"), (POSE, "pose")]
)
def test_careful_draws_are_of_the_same_posterior(arm, task, monkeypatch):
    sampler, rng = ExactPosterior(arm, task), np.random.default_rng(0)
    targets = sampler.task.forward(arm, arm.sample_prior(10, rng))
    by_tables = [sampler.draw(target, 1000, rng) for target in targets]
    monkeypatch.setattr(module, "LEAST_SHARE", 2.0)
    careful = [sampler.draw(target, 1000, rng) for target in targets]
    shares = effective_shares(np.array([draws.log_weights for draws in careful]))
    assert shares.mean() > 0.98
    for tabulated, draws in zip(by_tables, careful, strict=True):
        assert not (tabulated.positions == draws.positions).any()
        assert tabulated.log_evidence == pytest.approx(draws.log_evidence, abs=0.1)


def test_where_tables_will_do_they_are_used(monkeypatch):
    monkeypatch.setattr(module, "find_first", None)
    sampler, rng = ExactPosterior(UNIFORM), np.random.default_rng(0)
    for target in UNIFORM.forward(UNIFORM.sample_prior(20, rng)):
        sampler.draw(target, 10, rng)
