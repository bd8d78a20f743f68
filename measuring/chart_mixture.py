"""The posterior p(theta | FK(theta) = target) by importance sampling: a reference for samplers.

It shares no formula with the chain of remaining targets (`ik_nn_ros.chain`), so the two check each
other. Chart k gives every joint but 0 and k; joint k is solved so that the TCP has the target's
distance (two roots), and joint 0 turns it into its bearing. A rail is solved likewise: joint k for
the TCP's x, the rail for its y. With J_0k the determinant of the Jacobian's columns 0 and k, draws
of chart k have the density |J_0k| prod_{j != 0, k} q_j(theta_j) on the set of solutions. All charts
and all proposals q together are one mixture, and a draw of any of them has the weight

    w = prod_j p_j(theta_j) / sum_q sum_k |J_0k| prod_{j != 0, k} q_j(theta_j),

the balance heuristic (Veach & Guibas 1995). Of a draw's two roots, which share all joints but 0 and
k, one is kept, chosen by their weights, and has the weight of both. Draws accepted with the
probability w / max w are then independent samples of the posterior, exact up to the largest weight
seen, and none comes twice: pairs of roots would move an unbiased MMD^2 as duplicates do, and so
would resampling with replacement.

A pose (x, y, heading) is a position of the wrist, where the last link begins: the other joints are
drawn for it, the last one is the heading that they leave, and its prior density multiplies w.

Angles are whole turns apart where they mean the same solution: densities are sums over the turns,
and the prior decides afterwards which turn an accepted angle is in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ik_nn_ros.arm.joints import Joint
    from ik_nn_ros.arm.planar_arm import PlanarArm

TURN = 2.0 * math.pi
BLOCK = 1 << 16  # candidates at a time
MOST_CANDIDATES = 1 << 24  # for one target, whatever is still missing
LEAST_CANDIDATES = 1 << 14  # the largest weight of fewer is a poor bound on all weights
RIM_WIDTH = 1.5  # of the angles' typical size near full reach: wider, the tails are safe
WIDEST_RIM = 1.0  # [rad], deviation up to which two neighbouring turns are all that count
MIN_SLACK = 1e-12  # [m], keeps the rim's proposal proper for a target at full reach
SPREAD_DRAWS = 4096  # prior draws from which the size of a joint's angles is estimated


class Candidates(NamedTuple):
    """Configurations with the TCP at the target, and their importance weights.

    Attributes:
        angles: (m, N) [rad], in [-pi, pi); a rail's in m.
        log_weights: (m,), finite. The sum of the weights over the draws of one chart estimates the
            evidence p(target).
    """

    angles: np.ndarray
    log_weights: np.ndarray


class ChartMixture:
    """The reference posterior of one arm and task, target by target.

    Args:
        arm: its joints' priors are asked for through `Joint` alone: any of them will do.
        task: "position", targets (x, y) [m]; or "pose", (x, y, heading) [m, m, rad].

    Example:
        >>> reference = ChartMixture(PlanarArm.of_paper(4))
        >>> reference.sample(np.array([2.2, 0.4]), 1000, np.random.default_rng(0)).shape
        (1000, 4)
    """

    def __init__(self, arm: PlanarArm, task: Literal["position", "pose"] = "position") -> None:
        rng = np.random.default_rng(0)
        self.arm, self.task = arm, task
        self._rail = arm.base == "rail"
        self._joints: list[Joint] = list(arm.joints)
        self._lengths = np.array(arm.link_lengths)
        if task == "pose":
            self._joints = self._joints[:-1]
            self._last_length, self._lengths = self._lengths[-1], self._lengths[:-1]
        draws = [joint.sample(SPREAD_DRAWS, rng) for joint in self._joints]
        self._spread = np.sqrt(np.mean(np.square(draws), axis=1))  # about zero

    def sample(self, target: np.ndarray, num_samples: int, rng: np.random.Generator) -> np.ndarray:
        """Samples (n, N) of the posterior of a target (2,) or (3,).

        n is ``num_samples``, or less where `MOST_CANDIDATES` do not hold so many; 0 where no
        candidate reaches the target. Whether a candidate is accepted hangs on the largest weight
        of all blocks: it keeps its score log w + Exp(1), and is accepted if no log w exceeds it.
        """
        kept, scores, highest, count = np.empty((0, self.arm.dof)), np.empty(0), -math.inf, 0
        while len(kept) < num_samples or count < LEAST_CANDIDATES:
            if count >= MOST_CANDIDATES:
                break
            count += BLOCK
            angles, log_weights = self.candidates(target, self._draws_per_chart(), rng)
            highest = max(highest, log_weights.max(initial=-math.inf))
            scores = np.append(scores, log_weights + rng.exponential(size=len(log_weights)))
            accepted = scores >= highest
            kept, scores = np.concatenate((kept, angles))[accepted], scores[accepted]
        return self._in_turns(rng.permutation(kept)[:num_samples], rng)

    def log_evidence(self, target: np.ndarray, num_draws: int, rng: np.random.Generator) -> float:
        """Log density p(target) under the prior [nats, per m^2 or per m^2 rad].

        Args:
            target: (2,) or (3,).
            num_draws: of every chart; the estimate is unbiased in the evidence, not in its log.
        """
        log_weights = self.candidates(target, num_draws, rng).log_weights
        return float(np.logaddexp.reduce(log_weights, initial=-math.inf) - math.log(num_draws))

    def has_solution(self, target: np.ndarray, rng: np.random.Generator) -> bool:
        """Whether a block of candidates, spread over all that the limits allow, holds a solution.

        True is certain; False is not where the limits leave the target very few solutions.
        """
        draws = self._draws_per_chart()
        charts = range(1, len(self._joints))
        angles = np.concatenate(
            [self._roots(k, self._uniform_angles(draws, rng), self._wrist(target)) for k in charts],
            axis=1,
        ).reshape(-1, len(self._joints))
        return bool(np.isfinite(self._log_priors(self._completed(angles, target))).all(1).any())

    def candidates(
        self, target: np.ndarray, draws_per_chart: int, rng: np.random.Generator
    ) -> Candidates:
        """A root of each of ``draws_per_chart`` draws of every chart and proposal; see the module.

        Draws both roots of which the prior forbids are left out.
        """
        wrist = self._wrist(target)
        proposals = self._proposals(wrist)
        roots = [
            self._roots(chart, self._draw(deviations, draws_per_chart, rng), wrist)
            for deviations in proposals
            for chart in range(1, len(self._joints))
        ]
        angles = np.concatenate(roots, axis=1).reshape(-1, len(self._joints))
        angles = self._completed(angles, target)
        pairs = self._log_weights(angles, proposals).reshape(2, -1)
        log_weights = np.logaddexp(*pairs)
        (possible,) = np.nonzero(np.isfinite(log_weights))
        share_of_second = np.exp(pairs[1, possible] - log_weights[possible])
        second = rng.random(len(possible)) < share_of_second
        return Candidates(angles[possible + second * pairs.shape[1]], log_weights[possible])

    def _log_weights(self, angles: np.ndarray, proposals: list[np.ndarray]) -> np.ndarray:
        """Log weight (m,) of every root (m, N) by itself; -inf where the prior forbids it."""
        log_priors = self._log_priors(angles)
        possible = np.isfinite(log_priors).all(1)
        log_priors = log_priors[possible]
        solved = angles[possible, : len(self._joints)]
        charts = self._log_volumes(solved)  # (m, charts)
        terms = []
        for deviations in proposals:
            drawn = self._log_proposals(deviations, solved, log_priors)[:, 1:]
            terms.append(charts + drawn.sum(1, keepdims=True) - drawn)
        log_mixture = np.logaddexp.reduce(np.concatenate(terms, axis=1), axis=1)
        log_weights = np.full(len(angles), -math.inf)
        log_weights[possible] = log_priors.sum(1) - log_mixture
        return log_weights

    def _draws_per_chart(self) -> int:
        """How many draws fill a block, if there is one proposal."""
        return BLOCK // (2 * (len(self._joints) - 1))

    def _wrist(self, target: np.ndarray) -> complex:
        """Where the links that are solved must end, x + iy [m]."""
        point = complex(target[0], target[1])
        if self.task == "pose":
            point -= self._last_length * np.exp(1j * target[2])
        return point

    def _completed(self, angles: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Complete a pose's angles by the last joint's: the heading that the others leave to it."""
        if self.task != "pose":
            return angles
        heading = angles[:, int(self._rail) :].sum(1)
        return np.column_stack((angles, _wrapped(target[2] - heading)))

    def _proposals(self, wrist: complex) -> list[np.ndarray]:
        """Each joint's deviation (n,) [rad] about zero under every proposal; infinite: its prior.

        The first is the prior. Near full reach L it hardly ever hits, for every joint but the base
        is within a multiple of sqrt(L - distance) of zero: with the slack shared evenly, link i
        deviates from the bearing by about sqrt(2 slack / (n l_i)), and an angle is the difference
        of two such deviations. The second proposal is as narrow as that.
        """
        n = len(self._joints)
        prior = np.full(n, math.inf)
        distance = wrist.real if self._rail else abs(wrist)
        slack = max(self._lengths.sum() - distance, MIN_SLACK)
        inverse = 1.0 / self._lengths
        inverse[1:] += inverse[:-1].copy()
        rim = prior.copy()
        rim[-len(inverse) :] = RIM_WIDTH * np.sqrt(2.0 * slack / n * inverse)
        rim[rim > np.minimum(self._spread, WIDEST_RIM)] = math.inf
        rim[0] = math.inf
        return [prior] if np.isinf(rim).all() else [prior, rim]

    def _draw(self, deviations: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Angles (count, n) of one proposal, each joint by itself."""
        columns = [
            joint.sample(count, rng) if math.isinf(std) else std * rng.standard_normal(count)
            for joint, std in zip(self._joints, deviations, strict=True)
        ]
        return self._folded(np.stack(columns, axis=1))

    def _uniform_angles(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Angles (count, n), uniform within the limits, or on the circle."""
        limits = [(-math.pi, math.pi) if j.limits is None else j.limits for j in self._joints]
        lower, upper = np.transpose(limits)
        return self._folded(
            rng.uniform(lower, np.minimum(upper, lower + TURN), (count, len(lower)))
        )

    def _folded(self, angles: np.ndarray) -> np.ndarray:
        """Every angle in [-pi, pi), a rail as it is."""
        folded = _wrapped(angles)
        if self._rail:
            folded[:, 0] = angles[:, 0]
        return folded

    def _log_priors(self, angles: np.ndarray) -> np.ndarray:
        """Log prior density (m, N) of each joint, summed over whole turns; -inf beyond limits."""
        columns = zip(self.arm.joints, angles.T, strict=True)
        return np.stack([joint.log_density_of_angle(column) for joint, column in columns], axis=1)

    def _log_proposals(
        self, deviations: np.ndarray, angles: np.ndarray, log_priors: np.ndarray
    ) -> np.ndarray:
        """Log density (m, n) of each joint under one proposal, summed over whole turns."""
        log_densities = log_priors[:, : len(self._joints)].copy()
        (narrow,) = np.nonzero(np.isfinite(deviations))
        std = deviations[narrow]
        turned = angles[:, narrow, None] + TURN * np.arange(-1, 2)
        normal = -0.5 * (turned / std[:, None]) ** 2
        log_densities[:, narrow] = np.logaddexp.reduce(normal, axis=2) - np.log(
            std * math.sqrt(TURN)
        )
        return log_densities

    def _points(self, angles: np.ndarray) -> np.ndarray:
        """Each joint's place and the last link's end, x + iy: (m, n) -> (m, n + 1) [m]."""
        start = 1j * angles[:, :1] if self._rail else np.zeros((len(angles), 1))
        headings = np.cumsum(angles[:, int(self._rail) :], axis=1)
        points = np.cumsum(np.concatenate((start, self._lengths * np.exp(1j * headings)), 1), 1)
        # A rail's joint moves the arm from the origin to where its first link begins.
        return np.concatenate((np.zeros((len(angles), 1)), points), 1) if self._rail else points

    def _roots(self, chart: int, angles: np.ndarray, wrist: complex) -> np.ndarray:
        """Both solutions of one chart for drawn angles (m, n): (2, m or less, n) [rad]."""
        angles = angles.copy()
        angles[:, [0, chart]] = 0.0
        points = self._points(angles)
        inner, outer = points[:, chart], points[:, -1] - points[:, chart]
        with np.errstate(divide="ignore", invalid="ignore"):  # an inner or outer part of length 0
            if self._rail:  # Re(inner + e^{i angle} outer) = x
                cosine = (wrist.real - inner.real) / np.abs(outer)
                straight = -np.angle(outer)
            else:  # |inner + e^{i angle} outer| = distance: the law of cosines
                squares = abs(wrist) ** 2 - np.abs(inner) ** 2 - np.abs(outer) ** 2
                cosine = squares / (2.0 * np.abs(inner) * np.abs(outer))
                straight = np.angle(inner) - np.angle(outer)
        real = np.abs(cosine) <= 1.0
        between = np.arccos(cosine[real])
        roots = np.concatenate((angles[real], angles[real]))
        roots[:, chart] = np.concatenate((straight[real] + between, straight[real] - between))
        reached = np.tile(inner[real], 2) + np.exp(1j * roots[:, chart]) * np.tile(outer[real], 2)
        roots[:, 0] = (wrist - reached).imag if self._rail else np.angle(wrist / reached)
        return self._folded(roots).reshape(2, -1, roots.shape[1])

    def _log_volumes(self, angles: np.ndarray) -> np.ndarray:
        """log |J_0k| of every chart k at (m, n): (m, n - 1) [m^2 / rad^2]."""
        points = self._points(angles)
        columns = 1j * (points[:, -1:] - points[:, :-1])
        if self._rail:
            columns[:, 0] = 1j
        with np.errstate(divide="ignore"):  # two columns in line
            return np.log(np.abs((columns[:, :1].conj() * columns[:, 1:]).imag))

    def _in_turns(self, angles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Joint positions of angles (m, N): each in a whole turn that the prior draws."""
        positions = angles.copy()
        rows = np.arange(len(angles))
        for index, joint in enumerate(self.arm.joints):
            values, log_densities = joint.turns(angles[:, index])
            # Gumbel-max trick: the argmax of log density + Gumbel noise is a draw of the turns.
            noisy = log_densities + rng.gumbel(size=log_densities.shape)
            positions[:, index] = values[rows, noisy.argmax(1)]
        return positions


def _wrapped(angles: np.ndarray) -> np.ndarray:
    return np.remainder(angles + math.pi, TURN) - math.pi
