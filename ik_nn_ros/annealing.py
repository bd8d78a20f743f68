"""Posterior samples of a target far from what the prior reaches, by sequential Monte Carlo.

With a wide prior an arm has solutions enough for every target, on all branches. From there to the
arm's own prior, p_b = p_wide^(1 - b) p^b, b rises as fast as the weights of the configurations
allow; after every rise they are drawn anew by their weights and moved along the solution set (Del
Moral, Doucet and Jasra 2006).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.charts import pair_roots, volumes
from ik_nn_ros.turns import TURN, WholeTurns, deviations

WIDE = 1.5  # [rad], the wide prior's deviation: nearly as likely in all directions
CANDIDATES = 16  # for each configuration to start with
LEAST_EFFECTIVE = 0.5  # of the configurations, after a rise
BISECTIONS = 30
MOVES = 40  # after every rise
NARROWEST = 0.01  # of a move's widths, over the widest


class Annealing:
    """From the posterior of an arm with a wide prior to the one of its own prior.

    Positions are folded, see `WholeTurns`.

    Args:
        arm: with its own prior.
        target: (2,) [m].
        room: (N,) deviations [rad] beyond which the target leaves the joints no room.
    """

    def __init__(self, arm: PlanarArm, target: np.ndarray, room: np.ndarray) -> None:
        self._arm, self._target, self._room = arm, target, room
        self._wide_std = _wide_std(arm, target)
        self._turns = self._wide_turns = WholeTurns(arm)
        if not arm.full_circle:
            self._wide_turns = WholeTurns(
                replace(arm, prior="normal", prior_mean=0.0, prior_std=tuple(self._wide_std))
            )

    def run(self, count: int, rng: np.random.Generator) -> np.ndarray | None:
        """Samples (count, N) [rad] of the arm's posterior; None where no draw finds a start."""
        positions, log_weights = self._candidates(CANDIDATES * count, rng)
        if len(positions) == 0:
            return None
        progress = 0.0
        while progress < 1.0:
            positions = resampled(positions, log_weights, count, rng)
            positions = self.moved(positions, progress, MOVES, rng)
            gains = self._own_log_prior(positions) - self._wide_log_prior(positions)
            rise = _rise(gains, 1.0 - progress)
            log_weights = rise * gains
            progress += rise
        positions = resampled(positions, log_weights, count, rng)
        return self.moved(positions, 1.0, MOVES, rng)

    def moved(
        self, positions: np.ndarray, progress: float, times: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Configurations (m, N) [rad] after some moves that leave the posterior under p_b alone.

        A move is two Metropolis-Hastings steps. The first one perturbs all joints but two, i and k,
        and takes one of the two roots for these, so it may cross over to another branch; the
        density is prod_j p_b(theta_j) / |J_ik|. The second one mirrors half of the configurations
        at the line from the base to the target.

        Args:
            progress: b.
        """
        own_std = deviations(self._arm)
        widest = 1.0 / np.sqrt((1.0 - progress) / self._wide_std**2 + progress / own_std**2)
        for _ in range(times):
            pair = tuple(sorted(rng.choice(self._arm.dof, 2, replace=False)))
            widths = widest * NARROWEST ** rng.random((len(positions), 1))
            perturbed = positions + widths * rng.standard_normal(positions.shape)
            roots = pair_roots(self._arm, self._turns.fold(perturbed), pair, self._target)
            chosen = np.where(rng.random((len(positions), 1)) < 0.5, *roots)
            with np.errstate(divide="ignore", invalid="ignore"):  # no root, or a singular one
                old, new = (
                    np.log(volumes(self._arm, theta, *pair)) for theta in (positions, chosen)
                )
                positions = self._accepted(positions, chosen, old - new, progress, rng)
            half = rng.random((len(positions), 1)) < 0.5  # all at once would only trade places
            mirrored = np.where(half, self._mirrored(positions), positions)
            positions = self._accepted(positions, mirrored, 0.0, progress, rng)
        return positions

    def _accepted(
        self,
        positions: np.ndarray,
        proposals: np.ndarray,
        gains: np.ndarray | float,
        progress: float,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Each proposal or the configuration before, by p_b and by further log gains (m,)."""
        for share, log_prior in (
            (1.0 - progress, self._wide_log_prior),
            (progress, self._own_log_prior),
        ):
            if share > 0.0:
                gains = gains + share * (log_prior(proposals) - log_prior(positions))
        accepted = np.log(rng.random(len(positions))) < gains
        return np.where(accepted[:, None], proposals, positions)

    def _mirrored(self, positions: np.ndarray) -> np.ndarray:
        mirrored = -positions
        mirrored[:, 0] += 2.0 * self._arm.base_joint.coordinates(self._target)[1]
        return self._turns.fold(mirrored)

    def _candidates(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Configurations, of so many draws those with a root, and their log weights.

        The weights are of the posterior under the wide prior, from the charts of all pairs of
        joints by the balance heuristic, as in `posterior`. Joints with narrow limits are drawn
        between these, others from a normal distribution.
        """
        arm, std = self._arm, np.minimum(self._wide_std, self._room)
        lower, upper = arm.bounds
        if arm.full_circle:
            lower, upper = np.maximum(lower, -np.pi), np.minimum(upper, np.pi)
        bounded = (lower < upper) & (upper - lower <= np.minimum(TURN, 4.0 * std))
        lower, upper = np.where(bounded, lower, 0.0), np.where(bounded, upper, 1.0)
        pairs = np.transpose(np.triu_indices(arm.dof, 1))
        shape = (-(-count // (2 * len(pairs))), arm.dof)
        roots = []
        for pair in pairs:
            spread = std * rng.standard_normal(shape)
            drawn = self._turns.fold(np.where(bounded, rng.uniform(lower, upper, shape), spread))
            roots.extend(pair_roots(arm, drawn, tuple(pair), self._target))
        positions = np.concatenate(roots)
        positions = positions[np.isfinite(positions).all(1)]
        log_draws = np.where(
            bounded,
            -np.log(upper - lower),
            self._wide_turns.normal_log_densities(positions, std),
        )
        first, second = pairs.T
        log_weights = self._wide_log_prior(positions) - log_draws.sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):  # a singular configuration
            charts = np.log(volumes(arm, positions, first, second))
            charts -= log_draws[:, first] + log_draws[:, second]
            log_weights -= np.logaddexp.reduce(charts, axis=1)
        found = np.isfinite(log_weights)
        return positions[found], log_weights[found]

    def _wide_log_prior(self, positions: np.ndarray) -> np.ndarray:
        return self._wide_turns.log_priors(positions).sum(-1)

    def _own_log_prior(self, positions: np.ndarray) -> np.ndarray:
        return self._turns.log_priors(positions).sum(-1)


def _wide_std(arm: PlanarArm, target: np.ndarray) -> np.ndarray:
    """Deviations (N,) [rad] of a prior that reaches a target (2,) [m] in many ways."""
    std = deviations(arm)
    wide = np.maximum(std, WIDE)
    if arm.base == "rail":
        wide[0] = max(std[0], np.abs(target).sum() + arm.reach[1])
    return wide


def resampled(
    positions: np.ndarray, log_weights: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows of positions (m, N) drawn with replacement by their log weights (m,)."""
    cumulative = np.cumsum(_weights(log_weights))
    return positions[np.searchsorted(cumulative, rng.random(count) * cumulative[-1])]


def _rise(gains: np.ndarray, most: float) -> float:
    """How far b may rise, by what each configuration's log weight gains with it."""
    if _effective(most * gains) >= LEAST_EFFECTIVE:
        return most
    low, high = 0.0, most
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if _effective(middle * gains) >= LEAST_EFFECTIVE:
            low = middle
        else:
            high = middle
    return high


def _weights(log_weights: np.ndarray) -> np.ndarray:
    return np.exp(log_weights - log_weights.max())


def _effective(log_weights: np.ndarray) -> float:
    """The effective share of configurations with such weights (Kish 1965)."""
    weights = _weights(log_weights)
    return float(weights.mean() ** 2 / np.square(weights).mean())
