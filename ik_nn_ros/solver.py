"""From a target to checked joint positions: sample, project, check, rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.arrays import wrapped
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.coverage import LEAST_LOG_EVIDENCE, log_evidence
from ik_nn_ros.errors import (
    CheckpointError,
    InvalidRequestError,
    NoSolutionError,
    UnreachableTargetError,
)
from ik_nn_ros.kinematics import PlanarArm
from ik_nn_ros.models import DEFAULT_MODEL, NetworkSampler, Sampler, pretrained_path
from ik_nn_ros.posterior import ExactPosterior
from ik_nn_ros.projection import project

if TYPE_CHECKING:
    from ik_nn_ros.representatives import Representatives

DEFAULT_NUM_SAMPLES = 1000
DEFAULT_POSITION_TOLERANCE = 1e-6  # [m]
APPROXIMATION_MARGIN = 1e-9  # [m], keeps the nearest reachable point inside the reach


@dataclass(frozen=True)
class Solutions:
    """Samples of the posterior for one target, best first.

    Refined samples all meet the tolerance, so the most probable under the arm's prior comes
    first; raw samples come in the order of their position errors; with a seed state the nearest
    to it comes first.

    Attributes:
        arm: the arm solved for.
        target: (2,) the point solved for [m].
        positions: (n, dof) float64 [rad].
        position_errors: (n,) float64, |FK(position) - target| [m].
        log_densities: (n,) float64, the model's log density of the raw sample behind each
            solution [nats]; None where the model has none.
        num_rejected: samples dropped: not converged, or outside the joint limits.
        approximate_distance: how far `target` was moved to be reachable [m]; 0 if it was not.
    """

    arm: PlanarArm
    target: np.ndarray
    positions: np.ndarray
    position_errors: np.ndarray
    log_densities: np.ndarray | None
    num_rejected: int
    approximate_distance: float

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def log_evidence(self) -> float:
        """Log p(target) under the arm's prior [nats, per m^2]; computed when first asked for."""
        return log_evidence(self.arm, self.target)

    @property
    def off_distribution(self) -> bool:
        """Whether the arm's prior hardly ever brings the TCP near the target.

        A network has not learned the posterior of such a target: less than one target of a training
        set as large as the paper's is expected within 5 cm of it.
        """
        return self.log_evidence < LEAST_LOG_EVIDENCE

    def representatives(self, num_representatives: int) -> Representatives:
        """Solutions that stand for so many regions of the posterior, with each region's share.

        Raises:
            InvalidRequestError: less than one region, more than 100, or more than solutions.
        """
        # Here, because scikit-learn takes a second to import, and not every request needs it.
        from ik_nn_ros.representatives import representatives

        return representatives(self.arm, self.positions, num_representatives)


class IKSolver:
    """Answers inverse kinematics with samples of the posterior.

    Args:
        sampler: a network's sampler or the exact posterior.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler

    @classmethod
    def from_pretrained(cls, dof: int, model: str = DEFAULT_MODEL, device: str = "cpu") -> IKSolver:
        """A solver for the paper's arm with shipped weights, or with the exact sampler.

        Args:
            dof: number of joints.
            model: "cinn", "cvae", "inn", or "exact", which needs no weights.
            device: where the network runs, as torch names it.

        Raises:
            ModelNotFoundError: no such model or no weights for this DoF.
            CheckpointError: the weights cannot be read, or are another arm's.
            InvalidRequestError: this machine has no such device.
        """
        if model == ExactPosterior.name:
            return cls(ExactPosterior(PlanarArm.of_paper(dof)))
        path = pretrained_path(model, dof)
        solver = cls.from_checkpoint(path, device)
        if solver.arm.dof != dof:
            raise CheckpointError(path, f"is for {solver.arm.dof} joints, not for {dof}")
        return solver

    @classmethod
    def from_checkpoint(cls, path: str | Path, device: str = "cpu") -> IKSolver:
        """A solver for the network and the arm in a weights file.

        Raises:
            CheckpointError: the weights cannot be read.
            InvalidRequestError: this machine has no such device.
        """
        return cls(NetworkSampler(load_checkpoint(Path(path)).network, device))

    @property
    def arm(self) -> PlanarArm:
        """The arm that is solved for."""
        return self.sampler.arm

    @property
    def model(self) -> str:
        """The model's name."""
        return self.sampler.name

    def solve(
        self,
        target: Sequence[float],
        num_samples: int = DEFAULT_NUM_SAMPLES,
        seed: int | None = None,
        refine: bool = True,
        position_tolerance: float = DEFAULT_POSITION_TOLERANCE,
        seed_state: Sequence[float] | None = None,
        allow_approximate: bool = False,
    ) -> Solutions:
        """Sample the posterior of one target.

        Args:
            target: (x, y) of the TCP [m].
            num_samples: samples to draw, at least 1.
            seed: the same seed gives the same samples; None: fresh randomness.
            refine: project the samples onto the target; else return them as the model draws them.
            position_tolerance: largest error of a refined solution [m].
            seed_state: (dof,) joint positions [rad]; solutions come nearest to it first.
            allow_approximate: solve for the nearest reachable point if the target is out of reach.

        Raises:
            InvalidRequestError: an argument of a wrong shape, not finite or out of its range.
            UnreachableTargetError: the target is out of reach and no approximation is allowed.
            NoSolutionError: no sample converged within the joint limits.
        """
        point = _finite_vector("target", target, 2)
        if num_samples < 1:
            raise InvalidRequestError("num_samples", f"must be at least 1, got {num_samples}")
        if not 0.0 < position_tolerance < math.inf:
            raise InvalidRequestError(
                "position_tolerance", f"must be positive and finite [m], got {position_tolerance}"
            )
        if seed_state is not None:
            seed_state = _finite_vector("seed_state", seed_state, self.arm.dof)
        reachable = self._reachable(point, allow_approximate)

        raw = self.sampler.sample(reachable[None], num_samples, np.random.default_rng(seed))
        positions, log_densities = raw.positions[0], raw.log_densities
        if refine:
            positions, errors, keep = project(self.arm, positions, reachable, position_tolerance)
        else:
            errors = np.linalg.norm(self.arm.forward(positions) - reachable, axis=1)
            keep = np.isfinite(errors)
        if self.arm.full_circle:
            positions = wrapped(positions)
        keep &= self.arm.within_limits(positions)
        if not keep.any():
            raise NoSolutionError(num_samples)

        kept = np.flatnonzero(keep)
        order = kept[self._rank(positions[kept], errors[kept], seed_state, refine)]
        return Solutions(
            arm=self.arm,
            target=reachable,
            positions=positions[order],
            position_errors=errors[order],
            log_densities=None if log_densities is None else log_densities[0, order],
            num_rejected=num_samples - len(kept),
            approximate_distance=float(np.linalg.norm(reachable - point)),
        )

    def sample(self, targets: np.ndarray, seed: int | None = None) -> np.ndarray:
        """One raw sample of the model for each target: (b, 2) [m] -> (b, dof) [rad].

        Raises:
            InvalidRequestError: targets of another shape or not finite.
        """
        targets = np.asarray(targets, dtype=np.float64)
        if targets.ndim != 2 or targets.shape[1] != 2 or not np.isfinite(targets).all():
            raise InvalidRequestError("targets", f"must be finite, (b, 2), got {targets.shape}")
        return self.sampler.sample(targets, 1, np.random.default_rng(seed)).positions[:, 0]

    def _reachable(self, point: np.ndarray, allow_approximate: bool) -> np.ndarray:
        """The point itself, or the nearest one in reach where that is allowed."""
        nearest, farthest = self.arm.reach
        distance, shift = self.arm.base_joint.coordinates(point)
        if nearest <= distance <= farthest:
            return point
        if not allow_approximate:
            raise UnreachableTargetError(float(distance), (nearest, farthest))
        inside = np.clip(distance, nearest + APPROXIMATION_MARGIN, farthest - APPROXIMATION_MARGIN)
        return self.arm.base_joint.points(inside, shift)

    def _rank(
        self,
        positions: np.ndarray,
        errors: np.ndarray,
        seed_state: np.ndarray | None,
        refine: bool,
    ) -> np.ndarray:
        """Indices of the solutions, best first; see `Solutions`."""
        if seed_state is not None:
            differences = self.arm.joint_differences(positions, seed_state)
            return np.argsort(np.linalg.norm(differences, axis=1), kind="stable")
        if refine:
            return np.argsort(-self.arm.joint_log_priors(positions).sum(1), kind="stable")
        return np.argsort(errors, kind="stable")


def _finite_vector(field: str, values: Sequence[float], length: int) -> np.ndarray:
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidRequestError(field, f"must be {length} numbers, got {values!r}") from None
    if vector.shape != (length,):
        raise InvalidRequestError(field, f"must have shape ({length},), got {vector.shape}")
    if not np.isfinite(vector).all():
        raise InvalidRequestError(field, f"must be finite, got {vector.tolist()}")
    return vector
