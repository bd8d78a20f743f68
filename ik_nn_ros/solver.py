"""From a target to checked joint positions: sample, project, check, rank."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ik_nn_ros.arguments import (
    file_path,
    finite_targets,
    finite_vector,
    instance,
    require_dof,
    require_num_samples,
    require_seed,
)
from ik_nn_ros.arm.nearest import nearest_configuration
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSITION, Task, task_named
from ik_nn_ros.arrays import as_slice, ascending
from ik_nn_ros.backends import (
    AUTO,
    build_sampler,
    require_backend,
    require_device,
)
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.errors import (
    CheckpointError,
    InvalidRequestError,
    MissingPackageError,
    NoSolutionError,
)
from ik_nn_ros.models import pretrained_path
from ik_nn_ros.options import SolveOptions
from ik_nn_ros.placed import Aims, Placed
from ik_nn_ros.posterior import EXACT
from ik_nn_ros.posterior.sampler import Sampler, Samples
from ik_nn_ros.solutions import Solutions
from ik_nn_ros.stopping import go_on

DEFAULT_NUM_SAMPLES = 1000
DEFAULT_MODEL = EXACT  # docs/NETWORK.md, "Tables or network"
FURTHER_ROUNDS = 8  # of draws, where samples are rejected
MOST_PER_ROUND = 16  # draws for each sample that is asked for
MORE = 1.2  # further draws than those rejected so far suggest


class IKSolver:
    """Answers inverse kinematics with samples of the posterior.

    >>> solver = IKSolver.exact(PlanarArm((0.4, 0.3, 0.25), prior_std=0.5))
    >>> solutions = solver.solve((0.6, 0.3), num_samples=100, seed=1)
    >>> solutions.positions.shape, bool(solutions.position_errors.max() < 1e-6)
    ((100, 3), True)

    Args:
        sampler: a network's sampler or the exact posterior.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler

    @classmethod
    def exact(cls, arm: PlanarArm, task: str | Task = "position") -> IKSolver:
        """A solver for any arm, without training: the exact posterior.

        Args:
            arm: the arm.
            task: "position", targets (x, y) [m]; or "pose", targets (x, y, heading [rad]).

        Raises:
            InvalidRequestError: no such task, a pose of an arm with fewer than three joints, or
                no Numba on this machine.
        """
        try:
            from ik_nn_ros.posterior.exact import ExactPosterior  # here: networks need no Numba

            sampler = ExactPosterior(instance("arm", arm, PlanarArm), task)
            sampler.warm_up()
        except ImportError as error:
            reason = f"{EXACT} cannot be used: {MissingPackageError(error)}"
            raise InvalidRequestError("model", reason) from None
        return cls(sampler)

    @classmethod
    def from_pretrained(
        cls,
        dof: int,
        model: str = DEFAULT_MODEL,
        device: str = "cpu",
        backend: str = AUTO,
        task: str = POSITION.name,
    ) -> IKSolver:
        """A solver for the paper's arm with shipped weights, or with the exact sampler.

        Args:
            dof: number of joints.
            model: "cinn", "cvae", "inn", or "exact", which needs no weights.
            device: where the network runs, as torch names it.
            backend: what evaluates it: "torch", the reference; "numba", faster, on a CPU; or
                "auto", the fastest for the device. The exact sampler needs none.
            task: "position", targets (x, y) [m]; or "pose", targets (x, y, heading [rad]), which
                "cinn" and "exact" answer.

        Raises:
            ModelNotFoundError: no such model, or no weights for this DoF and task.
            CheckpointError: the weights cannot be read, or are another arm's.
            InvalidRequestError: this machine has no such device, or no such backend for it.
        """
        dof, model, device = require_dof(dof), instance("model", model, str), str(device)
        require_backend(backend)
        if model == EXACT:
            require_device(device)
            return cls.exact(PlanarArm.of_paper(dof), task)
        path = pretrained_path(model, dof, task_named(task))
        trained = load_checkpoint(path).model
        if trained.arm.dof != dof:
            raise CheckpointError(path, f"is for {trained.arm.dof} joints, not for {dof}")
        return cls(build_sampler(trained, device, backend))

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, device: str = "cpu", backend: str = AUTO
    ) -> IKSolver:
        """A solver for the network and the arm in a weights file; see `from_pretrained`.

        Raises:
            CheckpointError: the weights cannot be read.
            InvalidRequestError: this machine has no such device, or no such backend for it.
        """
        model = load_checkpoint(file_path("path", path)).model
        return cls(build_sampler(model, str(device), backend))

    @property
    def arm(self) -> PlanarArm:
        """The arm that is solved for."""
        return self.sampler.arm

    @property
    def task(self) -> Task:
        """What its targets prescribe."""
        return self.sampler.task

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
        options: SolveOptions | None = None,
        **keywords: Any,
    ) -> Solutions:
        """Sample the posterior of one target.

        Where samples are rejected, further ones are drawn, within bounds: the answer has as many
        as were asked for, or says in its ``shortfall`` why it has not.

        Args:
            target: (x, y) of the TCP [m]; for the task "pose" (x, y, heading [rad]).
            num_samples: solutions wanted, at least 1.
            seed: the same seed gives the same samples; None: fresh randomness.
            options: see `SolveOptions`; None: the defaults.
            keywords: options by name, in the place of those in ``options``.

        Raises:
            InvalidRequestError: an argument of a wrong shape, not finite or out of its range.
            UnreachableTargetError: the target is out of reach and no approximation is allowed.
            NoSolutionError: no configuration was found that meets the tolerances and the limits.
        """
        point = self._point(target)
        options = self._options(options, keywords)
        return self._answers(point[None], [None], num_samples, seed, options)[0]

    def solve_many(
        self,
        targets: Sequence[Sequence[float]],
        num_samples: int = DEFAULT_NUM_SAMPLES,
        seed: int | None = None,
        options: SolveOptions | None = None,
        **keywords: Any,
    ) -> list[Solutions]:
        """Sample the posteriors of several targets in one pass.

        Each answer is what `solve` gives for that target with the same arguments: exactly with the
        exact sampler; with a network up to float32's rounding, which rare samples magnify, and
        which may swap solutions that rank alike. With a seed the targets thus share their latents;
        without one they are sampled independently.

        Args:
            targets: (b, size) targets, see `solve`.
            num_samples: solutions wanted for each.
            seed, options, keywords: see `solve`.

        Raises:
            InvalidRequestError: an argument of a wrong shape, not finite or out of its range.
            UnreachableTargetError, NoSolutionError: see `solve`; the error has the target's index.
        """
        points = finite_targets(targets, self.task.size)
        options = self._options(options, keywords)
        return self._answers(points, range(len(points)), num_samples, seed, options)

    def sample(self, targets: np.ndarray, seed: int | None = None) -> np.ndarray:
        """One raw sample of the model for each target: (b, size) -> (b, dof) [rad].

        NaN where the model has none, as `exact` of a target out of reach.

        Raises:
            InvalidRequestError: targets of another shape or not finite, or no seed.
        """
        points = finite_targets(targets, self.task.size)
        seed = require_seed(seed)
        if len(points) == 0:
            return np.empty((0, self.arm.dof))
        return self.sampler.sample(points, 1, np.random.default_rng(seed)).positions[:, 0]

    @cached_property
    def _default_options(self) -> SolveOptions:
        return SolveOptions().of_arm(self.arm)

    def _options(self, options: SolveOptions | None, keywords: dict[str, Any]) -> SolveOptions:
        given = self._default_options
        if options is not None:
            given = instance("options", options, SolveOptions).of_arm(self.arm)
        return given.changed(**keywords).of_arm(self.arm) if keywords else given

    def _point(self, target: Sequence[float]) -> np.ndarray:
        """A target (size,) as float64, with as many finite numbers as the task prescribes."""
        point = finite_vector("target", target)
        if len(point) != self.task.size:
            form = f"of a {self.task.name} must be {self.task.form}"
            raise InvalidRequestError("target", f"{form}, got {len(point)} numbers")
        return point

    def _answers(
        self,
        points: np.ndarray,
        indices: Sequence[int | None],
        num_samples: int,
        seed: int | None,
        options: SolveOptions,
    ) -> list[Solutions]:
        """One for each of the points (b, size), which errors name by their indices."""
        num_samples, seed = require_num_samples(num_samples), require_seed(seed)
        if options.seed_state is not None:
            finite_vector("seed_state", options.seed_state, self.arm.dof)
        sampler = self.sampler
        if options.exact:
            sampler = sampler.accepted()
        elif options.weighted:
            sampler = sampler.weighted()
        if len(points) == 0:
            return []
        aims = self._aims(points, indices, options)
        samples = sampler.sample_alike(aims.inside, num_samples, seed)
        go_on()
        answers = []
        for row, (first, index) in enumerate(
            zip(self._placed(samples, aims, options), indices, strict=True)
        ):
            aim = aims.of(row)
            parts = self._enough(first, sampler, aim, num_samples, seed, options)
            moved = math.hypot(*(aim.asked[0] - points[row])[:2])
            if not any(len(part.keep) for part in parts):
                parts = [self._nearest(parts, aim, options, index)]
            answers.append(self._answer(parts, aim.asked[0], moved, num_samples, options))
        return answers

    def _aims(
        self, points: np.ndarray, indices: Sequence[int | None], options: SolveOptions
    ) -> Aims:
        """What is aimed at for the points (b, size), which errors name by their indices."""
        tolerance, rows = options.position_tolerance, list(points)
        moved = [
            self.task.within_reach(self.arm, point, tolerance, options.allow_approximate, index)
            for point, index in zip(rows, indices, strict=True)
        ]
        if all(map(operator.is_, moved, rows)):
            return Aims(points, points)
        inside = np.stack(moved)
        near = np.hypot(*(inside - points)[:, :2].T) <= tolerance
        return Aims(inside, np.where(near[:, None], points, inside))

    def _placed(self, samples: Samples, aims: Aims, options: SolveOptions) -> list[Placed]:
        """Samples as they are answered, and which of them to keep, for each of the aims."""
        positions, errors = samples.positions, samples.position_errors
        inside, asked = (targets[:, None] for targets in aims)
        if options.refine:
            positions, errors, _ = self.task.project(
                self.arm, positions, inside, options.position_tolerance, errors
            )
        settled = self.arm.at_limits(positions)
        if settled is not positions or aims.asked is not aims.inside:
            errors = self.task.position_errors(self.arm, settled, asked)
        keep = errors <= options.position_tolerance if options.refine else np.isfinite(errors)
        positions = self.arm.wrapped(settled)
        headings = self.task.heading_errors(self.arm, positions, asked)
        if options.refine and headings is not None:
            keep = keep & (headings <= options.heading_tolerance)
        keep = keep & self.arm.within_limits(positions)
        return [
            Placed(
                samples,
                row,
                positions[row],
                errors[row],
                None if headings is None else headings[row],
                np.flatnonzero(keep[row]),
            )
            for row in range(len(keep))
        ]

    def _enough(
        self,
        first: Placed,
        sampler: Sampler,
        aim: Aims,
        num_samples: int,
        seed: int | None,
        options: SolveOptions,
    ) -> list[Placed]:
        """The first placed samples of one aim and, where some are rejected, further ones."""
        parts = [first]
        drawn, kept = len(first.positions), len(first.keep)
        while kept < num_samples and len(parts) <= FURTHER_ROUNDS and not first.exhausted:
            wanted = math.ceil(MORE * (num_samples - kept) * drawn / max(kept, 1))
            count = min(wanted, MOST_PER_ROUND * num_samples)
            further = None if seed is None else (seed, len(parts))
            samples = sampler.sample_alike(aim.inside, count, further)
            parts += self._placed(samples, aim, options)
            drawn, kept = drawn + count, kept + len(parts[-1].keep)
        return parts

    def _nearest(
        self, parts: list[Placed], aim: Aims, options: SolveOptions, index: int | None
    ) -> Placed:
        """The solution that a search finds where no sample became one, as in a corner of what
        limits leave. It does not stand for the posterior, and has no weight.
        """
        nearest = nearest_configuration(self.arm, self.task, aim.inside[0])[None, None]
        errors = self.task.position_errors(self.arm, nearest, aim.inside)
        drawn, known = sum(part.num_drawn for part in parts), parts[0].log_evidence
        log_evidence = None if known is None else np.array([known])
        samples = Samples(nearest, errors, None, log_evidence, np.array([drawn]))
        placed = self._placed(samples, aim, options.changed(refine=True))[0]
        if len(placed.keep) == 0:
            headings = self.task.heading_errors(self.arm, nearest, aim.inside)
            heading = None if headings is None else float(headings.item())
            raise NoSolutionError(drawn, errors.item(), heading, index)
        return placed

    def _answer(
        self,
        parts: list[Placed],
        target: np.ndarray,
        moved: float,
        num_samples: int,
        options: SolveOptions,
    ) -> Solutions:
        drawn = sum(part.num_drawn for part in parts)
        found = sum(len(part.keep) for part in parts)

        def joined(name: str) -> np.ndarray | None:
            if getattr(parts[0], name) is None:
                return None
            arrays = [getattr(part, name)[as_slice(part.keep)] for part in parts]
            return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

        kept = {
            name: joined(name)
            for name in ("positions", "position_errors", "heading_errors", "log_weights")
        }
        first = slice(min(found, num_samples))
        best = self._rank(kept["positions"][first], kept["position_errors"][first], options)
        return Solutions(
            arm=self.arm,
            task=self.task,
            target=target,
            **{
                name: None if array is None else array.take(best, 0) for name, array in kept.items()
            },
            num_rejected=drawn - len(best),
            approximate_distance=moved,
            shortfall=self._shortfall(parts, found, num_samples),
            known_log_evidence=parts[0].log_evidence,
            density=(lambda: joined("log_densities").take(best)) if parts[0].has_density else None,
        )

    def _shortfall(self, parts: list[Placed], found: int, num_samples: int) -> str | None:
        """Why fewer solutions were found than were asked for."""
        if found >= num_samples:
            return None
        drawn = sum(part.num_drawn for part in parts)
        if self.sampler.finite:
            return f"all solutions of this target: {found}"
        return (
            f"{found} of {num_samples} solutions after {drawn} draws: the others missed the "
            "target, the joint limits or the posterior"
        )

    def _rank(self, positions: np.ndarray, errors: np.ndarray, options: SolveOptions) -> np.ndarray:
        """Indices of the solutions, best first; see `Solutions`."""
        if options.seed_state is not None:
            differences = self.arm.joint_differences(positions, np.array(options.seed_state))
            distances = np.linalg.norm(differences / self.arm.joint_units, axis=1)
            return ascending(distances)
        if options.refine:
            return ascending(-self.arm.log_prior(positions))
        return ascending(errors)
