"""Angles that are whole turns apart: they reach the same target, and the prior tells them apart."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.arrays import wrapped
from ik_nn_ros.kinematics import PlanarArm, normal_log_density

TURN = 2.0 * math.pi
NEGLIGIBLE = 1e-8  # of the most likely turn's density


class WholeTurns:
    """Densities of an arm's joint positions (..., N), whichever of the turns they are in.

    Of each angle the turn nearest to zero within the joint's limits is the most likely one; all
    turns around it that are not negligible beside it count.

    Args:
        arm: its prior and its limits.
    """

    def __init__(self, arm: PlanarArm) -> None:
        self._arm = arm
        self._std = np.array(arm.prior_std)
        self._revolute = np.ones(arm.dof, dtype=bool)
        self._revolute[0] = arm.base == "revolute"
        self._lower, self._upper = arm.bounds

    def fold(self, theta: np.ndarray) -> np.ndarray:
        """The same configurations with every angle in [-pi, pi]."""
        beyond = (np.abs(theta) > math.pi) & self._revolute
        return np.where(beyond, wrapped(theta), theta) if beyond.any() else theta

    def unfold(self, theta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The inverse of `fold`: every angle in one of its turns, as likely as the prior has it."""
        nearest = self._nearest(theta)
        index = np.nonzero(self._has_rivals(nearest, self._std))
        if len(index[0]) and not self._arm.full_circle:
            angles, joints = nearest[index], index[-1]
            turned = angles + TURN * _turns(self._std[joints])[:, None]
            scores = self._limited_log_priors(turned, joints)
            scores += rng.gumbel(size=scores.shape)  # the largest: drawn by the densities
            nearest[index] = np.take_along_axis(turned, scores.argmax(0)[None], 0)[0]
        return nearest

    def log_priors(self, theta: np.ndarray) -> np.ndarray:
        """Of each joint under its prior, -inf beyond its limits: (..., N) [nats]."""
        nearest = self._nearest(theta)
        joints = np.arange(self._arm.dof)
        log_priors = self._limited_log_priors(nearest, joints)
        if self._arm.full_circle:
            return log_priors
        index = np.nonzero(self._has_rivals(nearest, self._std))
        angles, joints = nearest[index], index[-1]
        for turn in _turns(self._std[joints]):
            if turn != 0:
                other = self._limited_log_priors(angles + TURN * turn, joints)
                log_priors[index] = np.logaddexp(log_priors[index], other)
        return log_priors

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

    def _limited_log_priors(self, theta: np.ndarray, joints: np.ndarray) -> np.ndarray:
        if self._arm.full_circle:
            log_priors = np.full_like(theta, -math.log(TURN))
        else:
            log_priors = normal_log_density(theta, self._std[joints])
        if self._arm.joint_limits is None:
            return log_priors
        within = (theta >= self._lower[joints]) & (theta <= self._upper[joints])
        return np.where(within, log_priors, -math.inf)

    def _nearest(self, theta: np.ndarray) -> np.ndarray:
        """Each angle in the turn nearest to zero within the limits, if there is one."""
        if self._arm.joint_limits is None or self._arm.full_circle:
            return theta.copy()
        least = np.ceil((self._lower - theta) / TURN)
        most = np.floor((self._upper - theta) / TURN)
        turns = np.where(self._revolute & (least <= most), np.clip(0.0, least, most), 0.0)
        return theta + TURN * turns

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
