"""From a target to checked joint positions: sample, project, check, rank."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ik_nn_ros.arguments import (
    finite_targets,
    finite_vector,
    require_num_samples,
    require_representatives,
    require_seed,
)
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.backends import AUTO, build_decoder, require_backend, require_device
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.coverage import LEAST_LOG_EVIDENCE, log_evidence
from ik_nn_ros.errors import (
    CheckpointError,
    InvalidRequestError,
    NoSolutionError,
    UnreachableTargetError,
)
from ik_nn_ros.models import (
    DEFAULT_MODEL,
    NetworkSampler,
    RawSamples,
    Sampler,
    pretrained_path,
)
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
        num_rejected: samples dropped: not converged, or outside the joint limits.
        approximate_distance: how far `target` was moved to be reachable [m]; 0 if it was not.
        density: computes `log_densities`; None where the model has no density.
    """

    arm: PlanarArm
    target: np.ndarray
    positions: np.ndarray
    position_errors: np.ndarray
    num_rejected: int
    approximate_distance: float
    density: Callable[[], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def log_densities(self) -> np.ndarray | None:
        """(n,) float64 [nats], computed when first asked for.

        The model's log density of the raw sample behind each solution; None where it has none.
        """
        return None if self.density is None else self.density()

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

        Fewer where fewer solutions differ, as at full reach.

        Raises:
            InvalidRequestError: less than one region, more than 100, or more than solutions.
        """
        require_representatives(num_representatives, len(self))
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
    def from_pretrained(
        cls, dof: int, model: str = DEFAULT_MODEL, device: str = "cpu", backend: str = AUTO
    ) -> IKSolver:
        """A solver for the paper's arm with shipped weights, or with the exact sampler.

        Args:
            dof: number of joints.
            model: "cinn", "cvae", "inn", or "exact", which needs no weights.
            device: where the network runs, as torch names it.
            backend: what evaluates it: "torch", the reference; "numba", faster, on a CPU; or
                "auto", the fastest for the device. The exact sampler needs none.

        Raises:
            ModelNotFoundError: no such model or no weights for this DoF.
            CheckpointError: the weights cannot be read, or are another arm's.
            InvalidRequestError: this machine has no such device, or no such backend for it.
        """
        require_backend(backend)
        if model == ExactPosterior.name:
            require_device(device)
            return cls(ExactPosterior(PlanarArm.of_paper(dof)))
        path = pretrained_path(model, dof)
        trained = load_checkpoint(path).model
        if trained.arm.dof != dof:
            raise CheckpointError(path, f"is for {trained.arm.dof} joints, not for {dof}")
        return cls(NetworkSampler(build_decoder(trained, device, backend)))

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, device: str = "cpu", backend: str = AUTO
    ) -> IKSolver:
        """A solver for the network and the arm in a weights file; see `from_pretrained`.

        Raises:
            CheckpointError: the weights cannot be read.
            InvalidRequestError: this machine has no such device, or no such backend for it.
        """
        model = load_checkpoint(Path(path)).model
        return cls(NetworkSampler(build_decoder(model, device, backend)))

    @property
    def arm(self) -> PlanarArm:
        """The arm that is solved for."""
        return self.sampler.arm

    @property
    def model(self) -> str:
        """The model's name."""
        return self.sampler.name

    @property
    def backend(self) -> str:
        """What evaluates the model, see `from_pretrained`."""
        return self.sampler.backend

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
        point = finite_vector("target", target, 2)
        options = self._options(refine, position_tolerance, seed_state, allow_approximate)
        return self._answers(point[None], [None], num_samples, seed, options)[0]

    def solve_many(
        self,
        targets: Sequence[Sequence[float]],
        num_samples: int = DEFAULT_NUM_SAMPLES,
        seed: int | None = None,
        refine: bool = True,
        position_tolerance: float = DEFAULT_POSITION_TOLERANCE,
        seed_state: Sequence[float] | None = None,
        allow_approximate: bool = False,
    ) -> list[Solutions]:
        """Sample the posteriors of several targets in one pass.

        Each answer is what `solve` gives for that target with the same arguments: exactly with the
        exact sampler; with a network up to float32's rounding, which rare samples magnify, and
        which may swap solutions that rank alike. With a seed the targets thus share their latents;
        without one they are sampled independently.

        Args:
            targets: (b, 2) points of the TCP [m].
            num_samples: samples to draw for each.
            seed, refine, position_tolerance, seed_state, allow_approximate: see `solve`.

        Raises:
            InvalidRequestError: an argument of a wrong shape, not finite or out of its range.
            UnreachableTargetError, NoSolutionError: see `solve`; the error has the target's index.
        """
        points = finite_targets(targets)
        options = self._options(refine, position_tolerance, seed_state, allow_approximate)
        return self._answers(points, range(len(points)), num_samples, seed, options)

    def sample(self, targets: np.ndarray, seed: int | None = None) -> np.ndarray:
        """One raw sample of the model for each target: (b, 2) [m] -> (b, dof) [rad].

        Raises:
            InvalidRequestError: targets of another shape or not finite, or no seed.
        """
        points = finite_targets(targets)
        require_seed(seed)
        if len(points) == 0:
            return np.empty((0, self.arm.dof))
        return self.sampler.sample(points, 1, np.random.default_rng(seed)).positions[:, 0]

    def _options(
        self,
        refine: bool,
        position_tolerance: float,
        seed_state: Sequence[float] | None,
        allow_approximate: bool,
    ) -> _Options:
        if not 0.0 < position_tolerance < math.inf:
            raise InvalidRequestError(
                "position_tolerance", f"must be positive and finite [m], got {position_tolerance}"
            )
        state = (
            None if seed_state is None else finite_vector("seed_state", seed_state, self.arm.dof)
        )
        return _Options(refine, position_tolerance, state, allow_approximate)

    def _answers(
        self,
        points: np.ndarray,
        indices: Sequence[int | None],
        num_samples: int,
        seed: int | None,
        options: _Options,
    ) -> list[Solutions]:
        """One for each of the points (b, 2), which errors name by their indices."""
        require_num_samples(num_samples)
        require_seed(seed)
        if len(points) == 0:
            return []
        targets = np.stack(
            [
                self._reachable(point, index, options.allow_approximate)
                for point, index in zip(points, indices, strict=True)
            ]
        )
        raw = self.sampler.sample_alike(targets, num_samples, seed)
        positions, errors, keep = self._placed(raw, targets[:, None], options)
        answers = []
        for row, index in enumerate(indices):
            kept = np.flatnonzero(keep[row])
            if len(kept) == 0:
                raise NoSolutionError(num_samples, index)
            placed, off = positions[row].take(kept, axis=0), errors[row].take(kept)
            order = self._rank(placed, off, options)
            answers.append(
                Solutions(
                    arm=self.arm,
                    target=targets[row],
                    positions=placed.take(order, axis=0),
                    position_errors=off.take(order),
                    num_rejected=num_samples - len(kept),
                    approximate_distance=float(np.linalg.norm(targets[row] - points[row])),
                    density=raw.density and partial(_log_densities_at, raw, row, kept[order]),
                )
            )
        return answers

    def _placed(
        self, raw: RawSamples, targets: np.ndarray, options: _Options
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions (b, n, dof) as they are answered, their errors (b, n), and which to keep."""
        positions, errors = raw.positions, raw.position_errors
        if options.refine:
            positions, errors, keep = project(
                self.arm, positions, targets, options.position_tolerance, errors
            )
        else:
            keep = np.isfinite(errors)
        positions = self.arm.wrapped(positions)
        return positions, errors, keep & self.arm.within_limits(positions)

    def _reachable(
        self, point: np.ndarray, index: int | None, allow_approximate: bool
    ) -> np.ndarray:
        """The point itself, or the nearest one in reach where that is allowed."""
        nearest, farthest = self.arm.reach
        distance, shift = self.arm.base_joint.coordinates(point)
        if nearest <= distance <= farthest:
            return point
        if not allow_approximate:
            name = self.arm.base_joint.distance_name
            raise UnreachableTargetError(float(distance), (nearest, farthest), name, index)
        inside = np.clip(distance, nearest + APPROXIMATION_MARGIN, farthest - APPROXIMATION_MARGIN)
        return self.arm.base_joint.points(inside, shift)

    def _rank(self, positions: np.ndarray, errors: np.ndarray, options: _Options) -> np.ndarray:
        """Indices of the solutions, best first; see `Solutions`."""
        if options.seed_state is not None:
            differences = self.arm.joint_differences(positions, options.seed_state)
            return np.argsort(np.linalg.norm(differences, axis=1), kind="stable")
        if options.refine:
            return np.argsort(-self.arm.log_prior(positions), kind="stable")
        return np.argsort(errors, kind="stable")


class _Options(NamedTuple):
    """What `solve` is told beside the target and the samples, checked."""

    refine: bool
    position_tolerance: float
    seed_state: np.ndarray | None
    allow_approximate: bool


def _log_densities_at(raw: RawSamples, row: int, columns: np.ndarray) -> np.ndarray:
    return raw.log_densities[row, columns]
