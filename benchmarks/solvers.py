"""What is measured of this project: the one place that knows how its solvers are asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.models import pretrained_path
from ik_nn_ros.models.network import GenerativeNetwork
from ik_nn_ros.models.networks import load_network
from ik_nn_ros.solver import IKSolver, Solutions
from training.train.data import held_out_targets

DEFAULT_DOF = 6


def fastest_solver(dof: int, model: str) -> IKSolver:
    """A model for the paper's arm as users get it.

    Raises:
        ModelNotFoundError: no such model, or no weights for this DoF.
    """
    return IKSolver.from_pretrained(dof, model)


def eager_network(dof: int, model: str) -> GenerativeNetwork:
    """A shipped network in eager PyTorch.

    Args:
        dof: number of joints.
        model: "cvae" or "inn", whose samples are the network's alone.

    Raises:
        ModelNotFoundError: no weights for this DoF.
    """
    return load_network(pretrained_path(model, dof)).eval()


def solve_with_densities(
    solver: IKSolver, target: Sequence[float], num_samples: int, seed: int | None = None
) -> Solutions:
    """An answer whose log densities were asked for, too: they may be computed only then."""
    solutions = solver.solve(target, num_samples, seed=seed)
    solutions.log_densities  # noqa: B018
    return solutions


def solve_in_full(solver: IKSolver, target: Sequence[float], num_samples: int) -> Solutions:
    """An answer with all that the node's answers hold."""
    solutions = solve_with_densities(solver, target, num_samples)
    solutions.off_distribution  # noqa: B018
    return solutions


@cache
def targets_of(dof: int) -> np.ndarray:
    """The targets (m, 2) [m] of the test split of one of the paper's arms."""
    return held_out_targets(PlanarArm.of_paper(dof))
