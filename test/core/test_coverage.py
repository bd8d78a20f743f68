"""Targets that a network has not learned, and the flag that says so."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.coverage import LEAST_LOG_EVIDENCE, log_evidence
from ik_nn_ros.posterior import ExactPosterior

FULL_CIRCLE = PlanarArm((0.5, 0.5, 0.5, 1.0), prior="uniform")


@pytest.mark.parametrize("dof", [4, 6, 10])
def test_nearly_all_targets_of_the_prior_are_covered(dof):
    arm = PlanarArm.of_paper(dof)
    targets = arm.forward(arm.sample_prior(300, np.random.default_rng(1)))
    covered = [log_evidence(arm, target) > LEAST_LOG_EVIDENCE for target in targets]
    assert np.mean(covered) > 0.98


@pytest.mark.parametrize("target", [(3.4, 0.3), (3.0, 0.5), (3.0, 0.0)])
def test_few_draws_are_enough_around_the_least_evidence(target):
    """Here the evidence is e^0 to e^-9, and e^-8.6 the least."""
    arm = PlanarArm.of_paper(6)
    (expected,) = ExactPosterior(arm).log_evidence(
        np.array([target]), 20_000, np.random.default_rng(1)
    )
    assert log_evidence(arm, np.array(target)) == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize(("target", "expected"), [((3.0, 0.5), False), ((-2.0, 1.0), True)])
def test_solutions_say_whether_their_target_was_learned(target, expected):
    solutions = IKSolver.from_pretrained(6).solve(target, 20, seed=1)
    assert solutions.off_distribution is expected


def test_every_bearing_is_covered_where_joints_turn_all_the_way():
    target = np.array([-1.0, 0.5])
    assert log_evidence(FULL_CIRCLE, target) > LEAST_LOG_EVIDENCE
    assert log_evidence(PlanarArm.of_paper(4), target) < LEAST_LOG_EVIDENCE
