"""The exact posterior p(theta | FK(theta) = target): the reference, and a model like the others.

The posterior is covered by charts. Chart k draws every joint but 0 and k from a proposal q, solves
joint k so that the TCP has the target's distance (two roots), and turns joint 0 into its bearing.
With J_0k the determinant of the Jacobian's columns 0 and k, the chart's density on the surface is
|J_0k| times the product of the q(theta_j) that it draws; the balance heuristic (Veach & Guibas
1995) combines all charts, and accepting candidates in proportion to the weights

    w = prod_j p(theta_j) / q(theta_j) / sum_k |J_0k| / (q(theta_0) q(theta_k))

gives the posterior. The proposal is the prior; a normal one is narrowed where the target leaves no
room for it: near full reach L every angle is bounded by a multiple of sqrt(L - |target|).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ik_nn_ros.kinematics import PlanarArm, normal_log_density, wrapped
from ik_nn_ros.models.base import RawSamples, Sampler

CANDIDATES_PER_SAMPLE = 64
GROWTH = 4  # further candidates for a target whose weights turn out too uneven
PROPOSAL_WIDTH = 1.5  # of the angles' typical size near full reach: wider, the tails are safe
MIN_SLACK = 1e-12  # [m], keeps the proposal proper for a target at full reach
MAX_CANDIDATES = 1 << 20  # per pass: bounds the memory, and the candidates of one target


class Candidates(NamedTuple):
    """Weighted configurations whose TCP is the target.

    Attributes:
        positions: (b, m, dof) [rad].
        weights: (b, m), zero where a chart has no root or a joint limit is broken. Their mean over
            the draws of one chart, summed over the charts, estimates the evidence p(target).
    """

    positions: np.ndarray
    weights: np.ndarray


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
        per_chart = -(-num_samples * CANDIDATES_PER_SAMPLE // self._roots_per_draw)
        return RawSamples(self._sample(targets, num_samples, per_chart, rng), None)

    def candidates(
        self, targets: np.ndarray, draws_per_chart: int, rng: np.random.Generator
    ) -> Candidates:
        """Two roots of ``draws_per_chart`` draws of every chart for targets (b, 2) [m]."""
        proposal_std = self._proposal_std(targets)
        charts = [
            self._draw_chart(chart, targets, proposal_std, draws_per_chart, rng)
            for chart in range(1, self.arm.dof)
        ]
        positions = np.concatenate(charts, axis=1)
        return Candidates(positions, self._weights(positions, proposal_std[:, None]))

    def _proposal_std(self, targets: np.ndarray) -> np.ndarray:
        """Deviation of each joint's proposal (b, dof) [rad].

        With slack L - |target| shared evenly, link i deviates from the bearing by about
        sqrt(2 slack / (N l_i)); a joint's angle is the difference of two such deviations.
        """
        slack = np.maximum(self.arm.reach[1] - np.hypot(*targets.T), MIN_SLACK)
        inverse_lengths = 1.0 / np.asarray(self.arm.link_lengths)
        inverse_lengths[1:] += inverse_lengths[:-1].copy()
        typical = np.sqrt(2.0 * slack[:, None] / self.arm.dof * inverse_lengths)
        return np.minimum(self.arm.prior_std, PROPOSAL_WIDTH * typical)

    @property
    def _roots_per_draw(self) -> int:
        """Candidates that one draw of every chart gives."""
        return 2 * (self.arm.dof - 1)

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
            for row, positions, weights in zip(rows, *candidates, strict=True):
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

    def _draw_chart(
        self,
        chart: int,
        targets: np.ndarray,
        proposal_std: np.ndarray,
        draws: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Both roots of one chart: (b, 2 * draws, dof); NaN where there is none."""
        arm = self.arm
        shape = (len(targets), draws, arm.dof)
        if arm.full_circle:
            theta = rng.uniform(-np.pi, np.pi, shape)
        else:
            theta = rng.standard_normal(shape) * proposal_std[:, None]
        theta[..., [0, chart]] = 0.0
        links = np.diff(arm.joint_positions(theta), axis=-2)
        inner = _as_complex(links[..., :chart, :].sum(-2))
        outer = _as_complex(links[..., chart:, :].sum(-2))
        distance = np.hypot(*targets.T)[:, None]
        # |inner + e^{i angle} outer| = distance, solved for the angle between the two.
        between = _arccos(
            (distance**2 - np.abs(inner) ** 2 - np.abs(outer) ** 2)
            / (2.0 * np.abs(inner) * np.abs(outer))
        )
        roots = np.concatenate((theta, theta), axis=1)
        straight = np.angle(inner) - np.angle(outer)
        roots[..., chart] = np.concatenate((straight + between, straight - between), axis=1)
        tcp = _as_complex(arm.forward(roots))
        bearing = np.arctan2(targets[:, 1], targets[:, 0])[:, None]
        roots[..., 0] = bearing - np.angle(tcp)
        roots[..., [0, chart]] = wrapped(roots[..., [0, chart]])
        return roots

    def _weights(self, positions: np.ndarray, proposal_std: np.ndarray) -> np.ndarray:
        priors = self.arm.joint_log_priors(positions)
        uniform = self.arm.full_circle
        proposals = priors if uniform else normal_log_density(positions, proposal_std)
        ratios = (priors - proposals).sum(-1)
        jacobian = self.arm.jacobian(positions)
        first, others = jacobian[..., :1], jacobian[..., 1:]
        cross = first[..., 0, :] * others[..., 1, :] - first[..., 1, :] * others[..., 0, :]
        # The largest exponent is taken out: far from the bulk the densities underflow.
        exponents = -(proposals[..., :1] + proposals[..., 1:])
        largest = exponents.max(axis=-1, keepdims=True)
        charts = (np.abs(cross) * np.exp(exponents - largest)).sum(-1)
        with np.errstate(divide="ignore", over="ignore"):
            weights = np.exp(ratios - largest[..., 0]) / charts
        valid = np.isfinite(weights) & self.arm.within_limits(positions)
        return np.where(valid, weights, 0.0)


def _accept(weights: np.ndarray, num_samples: int, rng: np.random.Generator) -> np.ndarray | None:
    """Indices of ``num_samples`` candidates accepted in proportion to weights (m,), or None."""
    accepted = np.flatnonzero(rng.random(len(weights)) * weights.max() < weights)
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
