"""Simulation-based calibration of the exact sampler, see `measuring.calibration`."""

from __future__ import annotations

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.posterior.exact import ExactPosterior
from measuring.calibration import calibrate

FAMILY_FALSE_ALARM_RATE = 4e-3  # of an exact sampler, over all cases together
TRIALS = 1000
LINKS = (0.6, 0.5, 0.4, 0.3)
LIMITS = ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2), (-1.0, 0.6))
CASES = {
    "position": (PlanarArm.of_paper(4), "position"),
    "limited": (PlanarArm(LINKS, 0.6, LIMITS), "position"),
    "circle": (PlanarArm((0.5, 0.5, 0.5, 1.0), prior="uniform"), "position"),
    "limits over a turn": (PlanarArm(LINKS, 2.0, (-4.0, 5.0)), "position"),
    "rail": (PlanarArm((0.5, 0.5, 1.0), (0.25, 0.5, 0.5, 0.5), base="rail"), "position"),
    "two joints": (PlanarArm((1.0, 0.8), 0.7), "position"),
    "pose": (PlanarArm.of_paper(5), "pose"),
    "limited pose": (PlanarArm(LINKS, 0.6, LIMITS), "pose"),
}


@pytest.mark.parametrize(("arm", "task"), CASES.values(), ids=CASES)
def test_a_draw_of_the_prior_is_one_more_sample_of_its_own_posterior(arm, task):
    exact = ExactPosterior(arm, task)

    def samples(targets: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        drawn = exact.sample(targets, count, rng).positions
        return filled(drawn, rng) if exact.finite else drawn

    def filled(drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """As many of the finitely many solutions, drawn by their priors over |J|."""
        rows = []
        for solutions in drawn:
            known = solutions[np.isfinite(solutions[:, 0])]
            volumes = np.abs(np.linalg.det(exact.task.jacobian(arm, known)))
            shares = np.exp(arm.log_prior(known)) / volumes
            rows.append(known[rng.choice(len(known), len(solutions), p=shares / shares.sum())])
        return np.stack(rows)

    outcome = calibrate(arm, task, samples, np.random.default_rng(0), num_trials=TRIALS)
    assert outcome.passed(FAMILY_FALSE_ALARM_RATE / len(CASES)), outcome.p_values
