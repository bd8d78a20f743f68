"""Angles that are whole turns apart: they reach the same target, and the prior tells them apart."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arrays import wrapped

TURN = 2.0 * math.pi
NEGLIGIBLE = 1e-8  # of the most likely turn's density


class WholeTurns:
    """Densities of an arm's joint positions (..., N), whichever of the turns they are in.

    Args:
        arm: its joints.
    """

    def __init__(self, arm: PlanarArm) -> None:
        self._arm = arm
        self._revolute = np.array([joint.is_angle for joint in arm.joints])

    def fold(self, theta: np.ndarray) -> np.ndarray:
        """The same configurations with every angle in [-pi, pi]."""
        beyond = (np.abs(theta) > math.pi) & self._revolute
        return np.where(beyond, wrapped(theta), theta) if beyond.any() else theta

    def unfold(self, theta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The inverse of `fold`: every angle in one of its turns, as likely as the prior has it."""
        unfolded = theta.copy()
        for index, joint in enumerate(self._arm.joints):
            if not joint.is_circle:
                turns = joint.turns(theta[..., index].ravel())
                # Gumbel-max trick: the argmax is a draw from the densities.
                scores = turns.log_densities + rng.gumbel(size=turns.values.shape)
                chosen = np.take_along_axis(turns.values, scores.argmax(1)[:, None], 1)
                unfolded[..., index] = chosen.reshape(theta.shape[:-1])
        return unfolded

    def log_priors(self, theta: np.ndarray) -> np.ndarray:
        """Log prior density of each joint's angle, summed over its turns: (..., N) [nats]."""
        log_priors = [
            joint.log_density_of_angle(theta[..., index])
            for index, joint in enumerate(self._arm.joints)
        ]
        return np.stack(log_priors, -1)

    def normal_log_densities(self, theta: np.ndarray, std: np.ndarray) -> np.ndarray:
        """Of each joint under a normal distribution: (..., N) [nats]; the arrays broadcast."""
        log_densities = normal_log_density(theta, std)
        index = np.nonzero(self._has_rivals(theta, std))
        angles, deviations = theta[index], np.broadcast_to(std, theta.shape)[index]
        for turn in _turns(deviations):
            if turn != 0:
                other = normal_log_density(angles + TURN * turn, deviations)
                log_densities[index] = np.logaddexp(log_densities[index], other)
        return log_densities

    def _has_rivals(self, theta: np.ndarray, std: np.ndarray) -> np.ndarray:
        """Where another turn of an angle in [-pi, pi] is not negligible beside it."""
        alone = math.pi + math.log(NEGLIGIBLE) * std**2 / TURN
        return (np.abs(theta) > alone) & self._revolute


def _turns(std: np.ndarray) -> np.ndarray:
    """The turns of an angle in [-pi, pi] that are not negligible with the largest deviation.

    At worst, at pi, the density of turn j is exp(-(2 pi)^2 j (j - 1) / (2 std^2)) of the largest.
    """
    widest = std.max(initial=0.0)
    most = 0.5 + math.sqrt(0.25 - 2.0 * math.log(NEGLIGIBLE) * (widest / TURN) ** 2)
    return np.arange(-math.floor(most), math.floor(most) + 1)


def deviations(arm: PlanarArm) -> np.ndarray:
    """Of each joint's prior before it is truncated: (N,)."""
    return np.array([joint.std or joint.spread for joint in arm.joints])


def normal_log_density(values: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Log density of N(0, std^2) [nats], entry by entry; the arrays broadcast."""
    return -0.5 * (values / std) ** 2 - np.log(std) - 0.5 * math.log(TURN)
