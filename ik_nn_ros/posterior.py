"""The exact posterior p(theta | FK(theta) = target): the reference, and a model like the others.

The posterior is covered by charts. Chart k draws every joint but 0 and k from a proposal q, solves
joint k so that the TCP has the target's distance (two roots), and turns joint 0 into its bearing
(on a rail: solves for x, and moves along y).
With J_0k the determinant of the Jacobian's columns 0 and k, the chart's density on the surface is
|J_0k| times the product of the q(theta_j) that it draws; the balance heuristic (Veach & Guibas
1995) combines all charts, and accepting candidates in proportion to the weights

    w = prod_j p(theta_j) / q(theta_j) / sum_k |J_0k| / (q(theta_0) q(theta_k))

gives the posterior. Solved angles are in [-pi, pi): of a normal prior so wide that joints turn
further (a deviation of 1 rad and more), those configurations are left out. The proposal is the
prior; a normal one is narrowed where the target leaves no room for it: near full reach L every
angle is bounded by a multiple of sqrt(L - |target|).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ik_nn_ros.arrays import wrapped
from ik_nn_ros.kinematics import PlanarArm, normal_log_density
from ik_nn_ros.models.base import RawSamples, Sampler

CANDIDATES_PER_SAMPLE = 64
LEAST_CANDIDATES = 1 << 12  # the largest weight of a few is a poor bound on all weights
GROWTH = 4  # further candidates for a target whose weights turn out too uneven
PROPOSAL_WIDTH = 1.5  # of the angles' typical size near full reach: wider, the tails are safe
MIN_SLACK = 1e-12  # [m], keeps the proposal proper for a target at full reach
MAX_CANDIDATES = 1 << 20  # per pass: bounds the memory, and the candidates of one target
CHARTS_AT_ONCE = 4096  # candidates: with more, a chart at a time takes as long and less memory


class Candidates(NamedTuple):
    """Weighted configurations whose TCP is the target.

    Attributes:
        positions: (b, m, dof) [rad].
        log_weights: (b, m), -inf where a chart has no root or a joint limit is broken. The mean of
            the weights over the draws of one chart, summed over the charts, estimates the evidence
            p(target).
    """

    positions: np.ndarray
    log_weights: np.ndarray


class ExactPosterior(Sampler):
    """Samples the posterior itself, by rejection from weighted candidates.

    A candidate is accepted with the probability of its weight over the largest one, so no
    configuration comes twice. Only a target whose weights stay too uneven with the most candidates
    that memory allows is resampled with replacement.
    """

    name = "exact"

    def __init__(self, arm: PlanarArm) -> None:
        self.arm = arm

    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> RawSamples:
        """See `Sampler.sample`; NaN rows for a target that no candidate reaches."""
        most = MAX_CANDIDATES // CANDIDATES_PER_SAMPLE
        starts = range(0, num_samples, most)
        counts = (min(most, num_samples - start) for start in starts)
        blocks = [self._sample(targets, count, self._draws(count), rng) for count in counts]
        positions = np.concatenate(blocks, axis=1)
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
        """Deviation of each joint's proposal (b, dof) [rad].

        With slack L - |target| shared evenly, link i deviates from the bearing by about
        sqrt(2 slack / (N l_i)); a joint's angle is the difference of two such deviations.
        """
        distance = self.arm.base_joint.coordinates(targets)[0]
        slack = np.maximum(self.arm.reach[1] - distance, MIN_SLACK)
        inverse_lengths = 1.0 / np.asarray(self.arm.link_lengths)
        inverse_lengths[1:] += inverse_lengths[:-1].copy()
        typical = np.sqrt(2.0 * slack[:, None] / self.arm.dof * inverse_lengths)
        std = np.tile(self.arm.prior_std, (len(targets), 1))
        links = slice(-len(inverse_lengths), None)  # a rail has none
        std[:, links] = np.minimum(std[:, links], PROPOSAL_WIDTH * typical)
        return std

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
        batch = max(1, MAX_CANDIDATES // (per_chart * self._roots_per_draw))
        may_grow = GROWTH * per_chart * self._roots_per_draw <= MAX_CANDIDATES
        samples = np.empty((len(targets), num_samples, self.arm.dof))
        short = []
        for start in range(0, len(targets), batch):
            rows = range(start, min(start + batch, len(targets)))
            candidates = self.candidates(targets[rows.start : rows.stop], per_chart, rng)
            for row, positions, log_weights in zip(rows, *candidates, strict=True):
                weights = _relative(log_weights)
                chosen = _accept(weights, num_samples, rng)
                if chosen is None and may_grow:
                    short.append(row)
                elif chosen is None:
                    samples[row] = _resample(positions, weights, num_samples, rng)
                else:
                    samples[row] = positions[chosen]
        if short:
            samples[short] = self._sample(targets[short], num_samples, GROWTH * per_chart, rng)
        return samples

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
            theta = rng.standard_normal(shape) * proposal_std[:, None]
        joints = np.arange(arm.dof)
        of_chart = np.asarray(charts)[:, None, None, None]
        theta[np.broadcast_to((joints == 0) | (joints == of_chart), shape)] = 0.0
        tcp = _as_complex(arm.forward(theta))
        before = arm.joint_positions(theta)[np.arange(len(charts)), ..., charts, :]
        inner = _as_complex(before)
        outer = tcp - inner
        distance, shift = (values[:, None] for values in arm.base_joint.coordinates(targets))
        if arm.base == "rail":
            # Re(inner + e^{i angle} outer) = distance
            between = _arccos((distance - inner.real) / np.abs(outer))
            straight = -np.angle(outer)
        else:
            # |inner + e^{i angle} outer| = distance, solved for the angle between the two.
            between = _arccos(
                (distance**2 - np.abs(inner) ** 2 - np.abs(outer) ** 2)
                / (2.0 * np.abs(inner) * np.abs(outer))
            )
            straight = np.angle(inner) - np.angle(outer)
        angles = wrapped(np.concatenate((straight + between, straight - between), axis=2))
        roots = np.concatenate((theta, theta), axis=2)
        roots = np.where(joints == of_chart, angles[..., None], roots)
        reached = arm.base_joint.coordinates(arm.forward(roots))[1]
        roots[..., 0] = arm.base_joint.difference(shift, reached)
        return roots

    def _log_weights(self, positions: np.ndarray, proposal_std: np.ndarray) -> np.ndarray:
        priors = self.arm.joint_log_priors(positions)
        uniform = self.arm.full_circle
        proposals = priors if uniform else normal_log_density(positions, proposal_std)
        ratios = (priors - proposals).sum(-1)
        jacobian = self.arm.jacobian(positions)
        first, others = jacobian[..., :1], jacobian[..., 1:]
        cross = first[..., 0, :] * others[..., 1, :] - first[..., 1, :] * others[..., 0, :]
        with np.errstate(divide="ignore", invalid="ignore"):  # a chart without a root: NaN
            charts = np.log(np.abs(cross)) - proposals[..., :1] - proposals[..., 1:]
            log_weights = ratios - np.logaddexp.reduce(charts, axis=-1)
        valid = np.isfinite(log_weights) & self.arm.within_limits(positions)
        return np.where(valid, log_weights, -np.inf)


def _relative(log_weights: np.ndarray) -> np.ndarray:
    """Weights (m,) over the largest of them; all zero where there is none."""
    return np.exp(log_weights - max(log_weights.max(), np.finfo(float).min))


def _accept(
    probabilities: np.ndarray, num_samples: int, rng: np.random.Generator
) -> np.ndarray | None:
    """Indices of ``num_samples`` candidates accepted with probabilities (m,), or None."""
    accepted = np.flatnonzero(rng.random(len(probabilities)) < probabilities)
    if len(accepted) < num_samples:
        return None
    return rng.choice(accepted, num_samples, replace=False)


def _resample(
    positions: np.ndarray, weights: np.ndarray, num_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows of positions (m, dof) drawn with replacement; NaN where all weights are zero.

    Multinomial: systematic resampling would spread them more evenly than chance does, and an
    unbiased MMD between two such sets is not zero in expectation.
    """
    cumulative = np.cumsum(weights)
    if cumulative[-1] == 0.0:
        return np.full((num_samples, positions.shape[-1]), np.nan)
    return positions[np.searchsorted(cumulative, rng.random(num_samples) * cumulative[-1])]


def _as_complex(points: np.ndarray) -> np.ndarray:
    return points[..., 0] + 1j * points[..., 1]


def _arccos(cosine: np.ndarray) -> np.ndarray:
    """arccos, NaN outside [-1, 1]."""
    return np.arccos(np.where(np.abs(cosine) <= 1.0, cosine, np.nan))
