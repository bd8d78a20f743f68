"""The paper's tables and figures, measured and drawn from trained networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.backends.eager import eager_sampler
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.drawing import Panel, draw_posterior
from ik_nn_ros.hull import tcp_hull
from ik_nn_ros.models.architectures import CINNConfig
from ik_nn_ros.models.networks import restore_network
from measuring.mmd import mmd_paper
from measuring.references import PLOTTED_PRIOR_STD, EvaluationSize, make_references
from measuring.rejection import rejection_samples
from measuring.results import Result, known_result, network_result
from measuring.stages import OnStage
from training.paper.figures import DATASET_POINTS, draw_datasets, draw_hulls
from training.paper.published import FIGURE_TARGETS
from training.train.config import DataConfig
from training.train.data import held_out_targets

FIGURE_SAMPLES = 1000


def measure_networks(
    weights: Sequence[Path], size: EvaluationSize, folder: Path, on_stage: OnStage
) -> list[Result]:
    """Evaluate networks, but those whose result for these weights is in ``folder`` already.

    Networks of one arm are compared with the same reference samples. Every result is written as
    soon as it is known. `cinn` is judged by its weights, too: less of what takes longest will do.
    """
    results: dict[Path, Result] = {}
    unknown: dict[tuple[PlanarArm, Task, EvaluationSize], list[Path]] = {}
    for path in weights:
        model = load_checkpoint(path).model
        enough = size.smaller if model.config.kind == CINNConfig.kind else size
        if (known := known_result(folder, path, enough)) is not None:
            results[path] = known
        else:
            unknown.setdefault((model.arm, model.task, enough), []).append(path)
    for (arm, task, enough), paths in unknown.items():
        names = ", ".join(path.stem for path in paths)
        targets = held_out_targets(arm, task)
        references = make_references(
            arm, task, targets, enough, on_stage=_prefixed(names, on_stage)
        )
        for path in paths:
            result = network_result(
                path.stem, path, "cpu", references, _prefixed(path.stem, on_stage)
            )
            result.write(folder)
            results[path] = result
    return [results[path] for path in weights]


@dataclass(frozen=True)
class PosteriorFigure:
    """What Figs. 4 to 7 print of a network's samples for one target.

    Attributes:
        model, dof: which network.
        target: (x, y) [m].
        hull_area, hull_perimeter: of the 97 % hull of the re-simulated TCPs [m^2], [m].
        e_posterior: mmd_paper against as many rejection samples of the arm's own prior.
        as_plotted: against those of the prior of the paper's Fig. 2.
        floor: of two sets of the former.
    """

    model: str
    dof: int
    target: tuple[float, float]
    hull_area: float
    hull_perimeter: float
    e_posterior: float
    as_plotted: float
    floor: float


def draw_posteriors(dof: int, weights: Sequence[Path], folder: Path) -> list[PosteriorFigure]:
    """Figs. 4 and 6, or 5 and 7: each network's arms and re-simulated TCPs for one target.

    Args:
        dof: 6 or 10, those of the figures.
        weights: the networks of that arm, from left to right.
        folder: where ``hulls_<dof>.png`` and ``arms_<dof>.png`` go.
    """
    target = FIGURE_TARGETS[dof]
    networks = [restore_network(load_checkpoint(path).model) for path in weights]
    arm = networks[0].arm
    rng = np.random.default_rng(0)
    wide = replace(arm, prior_std=PLOTTED_PRIOR_STD)
    reference, plotted, again = (
        rejection_samples(prior, np.array([target]), FIGURE_SAMPLES, rng)[0]
        for prior in (arm, wide, arm)
    )
    floor = mmd_paper(again, reference)
    positions, hulls, figures = {}, {}, []
    for network in networks:
        sampler = eager_sampler(network)
        drawn = sampler.sample(np.array([target]), FIGURE_SAMPLES, rng)
        positions[network.config.kind] = drawn.positions[0]
        hulls[network.config.kind] = tcp_hull(
            arm.forward(drawn.positions[0]), np.array(target), arm.unit
        )
        figures.append(
            PosteriorFigure(
                network.config.kind,
                dof,
                target,
                hulls[network.config.kind].area,
                hulls[network.config.kind].perimeter,
                mmd_paper(drawn.positions[0], reference),
                mmd_paper(drawn.positions[0], plotted),
                floor,
            )
        )
    tcp = {model: arm.forward(theta) for model, theta in positions.items()}
    draw_hulls(folder / f"hulls_{dof}.png", target, tcp, hulls)
    panels = [
        Panel(f"{figure.model}: e_posterior {figure.e_posterior:.3f}", positions[figure.model])
        for figure in figures
    ]
    draw_posterior(folder / f"arms_{dof}.png", arm, target, panels)
    return figures


def draw_paper_datasets(dofs: Sequence[int], folder: Path) -> None:
    """Fig. 1: a part of each arm's dataset."""
    rng = np.random.default_rng(DataConfig().seed)
    arms = {dof: PlanarArm.of_paper(dof) for dof in dofs}
    samples = {dof: (arm, arm.sample_prior(DATASET_POINTS, rng)) for dof, arm in arms.items()}
    draw_datasets(folder / "datasets.png", samples)


def _prefixed(prefix: str, on_stage: OnStage) -> OnStage:
    return lambda stage: on_stage(f"{prefix}: {stage}")
