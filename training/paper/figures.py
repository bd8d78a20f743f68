"""The paper's figures, drawn from our own networks and result files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.hull import TcpHull
from ik_nn_ros.posterior.evidence import LEAST_LOG_EVIDENCE
from measuring.results import Result
from training.paper.published import PUBLISHED
from training.paper.workspace import WorkspaceMap

MODEL_COLORS = {"cvae": "#1f77b4", "inn": "#d62728", "cinn": "#2ca02c"}
DATASET_ARMS = 100
DATASET_POINTS = 5000
MMD2_LINEAR = 1e-4  # up to here mmd2 is drawn on a linear scale


def draw_datasets(path: Path, datasets: Mapping[int, tuple[PlanarArm, np.ndarray]]) -> None:
    """Fig. 1: arms and TCPs of configurations (m, dof) [rad] of each arm's dataset."""
    figure, axes = _panels(len(datasets))
    for axis, (dof, (arm, theta)) in zip(axes, datasets.items(), strict=True):
        points = arm.forward(theta[:DATASET_POINTS])
        axis.plot(*points.T, ".", color="#2ca02c", markersize=1.0, alpha=0.5)
        arms = arm.joint_positions(theta[:DATASET_ARMS])
        axis.add_collection(LineCollection(arms, colors="#1f77b4", alpha=0.3, linewidths=0.7))
        axis.set_title(f"{dof} DoF")
        _plane(axis)
    _save(figure, path)


def draw_errors(path: Path, results: Iterable[Result]) -> None:
    """Figs. 2 and 3: posterior mismatch and re-simulation error over the number of parameters.

    Filled markers: ours; hollow ones: the authors'; labelled with the DoF.
    """
    statistics = (
        ("mmd_paper, as plotted", _as_plotted, "as_plotted"),
        ("mmd_paper, corrected", lambda result: result.evaluation.mmd_paper.raw.mean, "corrected"),
        ("mmd2, raw", lambda result: result.evaluation.mmd2.raw.mean, "mmd2_raw"),
        ("e_resim [m$^2$]", lambda result: result.evaluation.raw.e_resim, "e_resim"),
    )
    figure, axes = _panels(len(statistics), height=3.6)
    for axis, (title, ours, theirs) in zip(axes, statistics, strict=True):
        for result in results:
            evaluation = result.evaluation
            point = (result.num_parameters, ours(result))
            _mark(axis, point, evaluation.model, evaluation.dof, filled=True)
        for (model, dof), published in PUBLISHED.items():
            value = getattr(published, theirs)
            if value is not None:
                _mark(axis, (published.parameters, value), model, dof, filled=False)
        axis.set(title=title, xlabel="parameters", xscale="log")
        if theirs == "mmd2_raw":  # unbiased, so it may be negative
            axis.set_yscale("symlog", linthresh=MMD2_LINEAR)
        else:
            axis.set_yscale("log")
        axis.grid(alpha=0.25, which="both")
        axis.xaxis.set_minor_formatter(NullFormatter())
    for model, color in MODEL_COLORS.items():
        axes[0].plot([], [], "o", color=color, label=f"{model}, ours")
        if any(model == name for name, _ in PUBLISHED):
            axes[0].plot([], [], "o", color=color, fillstyle="none", label=f"{model}, the authors'")
    axes[0].legend(fontsize=6)
    _save(figure, path)


def draw_hulls(
    path: Path, target: Sequence[float], tcp: Mapping[str, np.ndarray], hulls: Mapping[str, TcpHull]
) -> None:
    """Figs. 4 and 5: re-simulated TCPs (n, 2) [m] of each model and the hull of 97 % of them."""
    figure, axes = _panels(len(tcp), height=3.6)
    half = 1.05 * max(np.abs(points - target).max() for points in tcp.values())
    for axis, (model, points) in zip(axes, tcp.items(), strict=True):
        hull = hulls[model]
        axis.plot(*points.T, ".", color="#2ca02c", markersize=3.0)
        axis.plot(*np.vstack((hull.corners, hull.corners[:1])).T, color="black", linewidth=1.0)
        axis.plot(*target, "o", color="#d62728", markersize=6)
        axis.set_title(
            f"{model}: area {hull.area:.2g} m$^2$, perimeter {hull.perimeter:.2g} m", fontsize=9
        )
        _plane(axis)
        axis.set(
            xlim=(target[0] - half, target[0] + half), ylim=(target[1] - half, target[1] + half)
        )
    _save(figure, path)


def draw_workspace(path: Path, maps: Sequence[WorkspaceMap]) -> None:
    """Error, mismatch and convergence over the plane; a line around what a training set covers."""
    columns = (
        ("root of e_resim [m]", lambda one: np.sqrt(one.e_resim), LogNorm(1e-4, 1.0)),
        ("mmd2", lambda one: np.maximum(one.mmd2, 0.0), SymLogNorm(1e-3, vmin=0.0, vmax=1.0)),
        ("converged", lambda one: np.array(one.converged), Normalize(0.9, 1.0)),
    )
    figure = Figure(figsize=(4.0 * len(columns), 3.1 * len(maps)), layout="constrained")
    axes = figure.subplots(len(maps), len(columns), squeeze=False)
    for row, one in zip(axes, maps, strict=True):
        shape = (one.size.distances, one.size.bearings)
        x, y = (values.reshape(shape) for values in np.array(one.targets).T)
        for axis, (title, values, norm) in zip(row, columns, strict=True):
            mesh = axis.pcolormesh(x, y, values(one).reshape(shape), norm=norm, shading="gouraud")
            figure.colorbar(mesh, ax=axis)
            evidence = np.reshape(one.log_evidence, shape)
            axis.contour(x, y, evidence, levels=[LEAST_LOG_EVIDENCE], colors="white")
            axis.set_title(f"{one.model}: {title}", fontsize=9)
            _plane(axis)
    _save(figure, path)


def _as_plotted(result: Result) -> float:
    plotted = result.evaluation.mmd_paper_as_plotted
    return float("nan") if plotted is None else plotted.raw.mean


def _mark(axis: Axes, point: tuple[float, float], model: str, dof: int, filled: bool) -> None:
    style = "full" if filled else "none"
    axis.plot(*point, "o", color=MODEL_COLORS[model], fillstyle=style, markersize=6)
    axis.annotate(str(dof), point, xytext=(4, 3), textcoords="offset points", fontsize=7)


def _panels(count: int, height: float = 3.2) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(3.6 * count, height), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)
    return figure, axes[0]


def _plane(axis: Axes) -> None:
    axis.set(xlabel="x [m]", ylabel="y [m]", aspect="equal")
    axis.grid(alpha=0.25)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_figure(path, dpi=110)
