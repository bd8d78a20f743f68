"""The exact posterior p(theta | FK(theta) = target): the reference, and a model like the others.

The posterior is covered by charts. Chart k draws every joint but 0 and k from a proposal q, solves
joint k so that the TCP has the target's distance (two roots), and turns joint 0 into its bearing
(on a rail: solves for x, and moves along y).
With J_0k the determinant of the Jacobian's columns 0 and k, the chart's density on the surface is
|J_0k| times the product of the q(theta_j) that it draws; the balance heuristic (Veach & Guibas
1995) combines all charts, and accepting candidates in proportion to the weights

    w = prod_j p(theta_j) / q(theta_j) / sum_k |J_0k| / (q(theta_0) q(theta_k))

gives the posterior. The proposal is the prior; a normal one is narrowed where the target leaves no
room for it: near full reach L every angle is bounded by a multiple of sqrt(L - |target|).

Of an angle that may be in several turns, p and q are sums over these, and the prior then decides
which one it is in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ik_nn_ros.annealing import Annealing, resampled
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.charts import both_roots, volumes
from ik_nn_ros.models.base import RawSamples, Sampler
from ik_nn_ros.turns import WholeTurns, deviations

CANDIDATES_PER_SAMPLE = 64
LEAST_CANDIDATES = 1 << 12  # the largest weight of a few is a poor bound on all weights
GROWTH = 4  # further candidates for a target whose weights turn out too uneven
PROPOSAL_WIDTH = 1.5  # of the angles' typical size near full reach: wider, the tails are safe
MIN_SLACK = 1e-12  # [m], keeps the proposal proper for a target at full reach
MAX_CANDIDATES = 1 << 20  # per pass: bounds the memory, and the candidates of one target
ANNEALED = 2000  # samples at once; more of them are the same, moved on
FURTHER_MOVES = 100
CHARTS_AT_ONCE = 4096  # candidates: with more, a chart at a time takes as long and less memory


class Candidates(NamedTuple):
    """Weighted configurations whose TCP is the target.

    Attributes:
        positions: (b, m, dof) [rad], angles in [-pi, pi].
        log_weights: (b, m), -inf where a chart has no root or a joint limit is broken. The mean of
            the weights over the draws of one chart, summed over the charts, estimates the evidence
            p(target).
    """

    positions: np.ndarray
    log_weights: np.ndarray


class ExactPosterior(Sampler):
    """Samples the posterior itself, by rejection from weighted candidates.

    A candidate is accepted with the probability of its weight over the largest one, so no
    configuration comes twice. Far from what the prior reaches, weights are too uneven even for the
    most candidates that memory allows; there the samples are annealed.
    """

    name = "exact"

    def __init__(self, arm: PlanarArm) -> None:
        self.arm = arm
        self._turns = WholeTurns(arm)

    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> RawSamples:
        """See `Sampler.sample`; NaN rows for a target that no candidate reaches."""
        most = MAX_CANDIDATES // CANDIDATES_PER_SAMPLE
        starts = range(0, num_samples, most)
        counts = (min(most, num_samples - start) for start in starts)
        blocks = [self._sample(targets, count, self._draws(count), rng) for count in counts]
        positions = self._turns.unfold(np.concatenate(blocks, axis=1), rng)
        return RawSamples(positions, self.arm.position_errors(positions, targets[:, None]))

    def candidates(
        self, targets: np.ndarray, draws_per_chart: int, rng: np.random.Generator
    ) -> Candidates:
        """Two roots of ``draws_per_chart`` draws of every chart for targets (b, 2) [m]."""
        proposal_std = self._proposal_std(targets)
        count = 2 * draws_per_chart
        shape = (len(targets), count * (self.arm.dof - 1))
        candidates = Candidates(np.empty((*shape, self.arm.dof)), np.empty(shape))
        step = max(1, CHARTS_AT_ONCE // (len(targets) * count))
        for start in range(0, self.arm.dof - 1, step):
            charts = range(start + 1, min(start + 1 + step, self.arm.dof))
            drawn = self._draw_charts(charts, targets, proposal_std, draws_per_chart, rng)
            log_weights = self._log_weights(drawn, proposal_std[:, None])
            columns = slice(start * count, (start + len(charts)) * count)
            for output, values in zip(candidates, (drawn, log_weights), strict=True):
                by_target = values.swapaxes(0, 1)
                output[:, columns] = by_target.reshape(output[:, columns].shape)
        return candidates

    def log_evidence(
        self, targets: np.ndarray, draws_per_chart: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Log density p(target) [nats, per m^2] of the prior's TCPs at targets (b, 2) [m]: (b,)."""
        log_weights = self.candidates(targets, draws_per_chart, rng).log_weights
        return np.logaddexp.reduce(log_weights, axis=1) - math.log(draws_per_chart)

    def _proposal_std(self, targets: np.ndarray) -> np.ndarray:
        """Deviation of each joint's proposal (b, dof) [rad]."""
        return np.minimum(deviations(self.arm), self._room(targets))

    def _room(self, targets: np.ndarray) -> np.ndarray:
        """Deviation of each joint (b, dof) [rad] beyond which targets leave it no room.

        With slack L - |target| shared evenly, link i deviates from the bearing by about
        sqrt(2 slack / (N l_i)); a joint's angle is the difference of two such deviations.
        """
        distance = self.arm.base_joint.coordinates(targets)[0]
        slack = np.maximum(self.arm.reach[1] - distance, MIN_SLACK)
        inverse_lengths = 1.0 / np.asarray(self.arm.link_lengths)
        inverse_lengths[1:] += inverse_lengths[:-1].copy()
        typical = np.sqrt(2.0 * slack[:, None] / self.arm.dof * inverse_lengths)
        room = np.full((len(targets), self.arm.dof), np.inf)
        links = slice(-len(inverse_lengths), None)  # a rail has none
        room[:, links] = PROPOSAL_WIDTH * typical
        return room

    @property
    def _roots_per_draw(self) -> int:
        """Candidates that one draw of every chart gives."""
        return 2 * (self.arm.dof - 1)

    def _draws(self, num_samples: int) -> int:
        """How many of every chart give enough candidates for most targets."""
        candidates = max(num_samples * CANDIDATES_PER_SAMPLE, LEAST_CANDIDATES)
        return -(-candidates // self._roots_per_draw)

    def _sample(
        self, targets: np.ndarray, num_samples: int, per_chart: int, rng: np.random.Generator
    ) -> np.ndarray:
        """(b, num_samples, dof) from ``per_chart`` draws of every chart, more where needed."""
        growth = MAX_CANDIDATES // (per_chart * self._roots_per_draw)  # the largest there can be
        batch = max(1, growth)
        samples = np.empty((len(targets), num_samples, self.arm.dof))
        short = []
        for start in range(0, len(targets), batch):
            rows = range(start, min(start + batch, len(targets)))
            candidates = self.candidates(targets[rows.start : rows.stop], per_chart, rng)
            for row, positions, log_weights in zip(rows, *candidates, strict=True):
                accepted = np.flatnonzero(rng.random(len(log_weights)) < _relative(log_weights))
                if len(accepted) >= num_samples:
                    samples[row] = positions[rng.choice(accepted, num_samples, replace=False)]
                elif growth >= GROWTH and growth * len(accepted) >= num_samples:
                    short.append(row)
                else:
                    annealed = self._annealed(targets[row], num_samples, rng)
                    if annealed is None and growth >= GROWTH:
                        short.append(row)
                    elif annealed is None:
                        samples[row] = _resampled_if_any(positions, log_weights, num_samples, rng)
                    else:
                        samples[row] = annealed
        if short:
            samples[short] = self._sample(targets[short], num_samples, GROWTH * per_chart, rng)
        return samples

    def _annealed(
        self, target: np.ndarray, num_samples: int, rng: np.random.Generator
    ) -> np.ndarray | None:
        """(num_samples, dof) of one target (2,) [m], or None."""
        annealing = Annealing(self.arm, target, self._room(target[None])[0])
        annealed = annealing.run(ANNEALED, rng)
        if annealed is None:
            return None
        rounds = [annealed]
        while len(rounds) * ANNEALED < num_samples:
            rounds.append(annealing.moved(rounds[-1], 1.0, FURTHER_MOVES, rng))
        return rng.permutation(np.concatenate(rounds))[:num_samples]

    def _draw_charts(
        self,
        charts: Sequence[int],
        targets: np.ndarray,
        proposal_std: np.ndarray,
        draws: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Both roots of k charts: (k, b, 2 * draws, dof); NaN where there is none."""
        arm = self.arm
        shape = (len(charts), len(targets), draws, arm.dof)
        if arm.full_circle:
            theta = rng.uniform(-np.pi, np.pi, shape)
        else:
            theta = self._turns.fold(rng.standard_normal(shape) * proposal_std[:, None])
        return np.concatenate(both_roots(arm, theta, charts, targets), axis=2)

    def _log_weights(self, positions: np.ndarray, proposal_std: np.ndarray) -> np.ndarray:
        priors = self._turns.log_priors(positions)
        if self.arm.full_circle:
            proposals = self.arm.joint_log_priors(positions)
        else:
            proposals = self._turns.normal_log_densities(positions, proposal_std)
        ratios = (priors - proposals).sum(-1)
        others = np.arange(1, self.arm.dof)
        with np.errstate(divide="ignore", invalid="ignore"):  # a chart without a root: NaN
            charts = np.log(volumes(self.arm, positions, [0], others))
            charts -= proposals[..., :1] + proposals[..., 1:]
            log_weights = ratios - np.logaddexp.reduce(charts, axis=-1)
        return np.where(np.isfinite(log_weights), log_weights, -np.inf)


def _relative(log_weights: np.ndarray) -> np.ndarray:
    """Weights (m,) over the largest of them; all zero where there is none."""
    return np.exp(log_weights - max(log_weights.max(), np.finfo(float).min))


def _resampled_if_any(
    positions: np.ndarray, log_weights: np.ndarray, num_samples: int, rng: np.random.Generator
) -> np.ndarray:
    if not np.isfinite(log_weights).any():
        return np.full((num_samples, positions.shape[-1]), np.nan)
    return resampled(positions, log_weights, num_samples, rng)
