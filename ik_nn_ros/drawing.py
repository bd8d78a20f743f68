"""Pictures of posterior arms, in the manner of the paper's Figs. 6 and 7."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm

MAX_ARMS = 500  # more only darken the picture
ARM_COLOR, BEST_COLOR, TARGET_COLOR = "#1f77b4", "#ff7f0e", "#d62728"
MOST_IN_A_ROW = 4  # panels


class Panel(NamedTuple):
    """One arm after the other, drawn over each other.

    Attributes:
        title: what the panel shows.
        positions: (n, dof) [rad], the highlighted one first; empty for a panel with its title only.
    """

    title: str
    positions: np.ndarray


def draw_posterior(
    path: Path, arm: PlanarArm, target: Sequence[float], panels: Sequence[Panel]
) -> None:
    """Draw translucent arms, the first of each panel highlighted, and the target, side by side.

    Args:
        path: the picture's file; its suffix decides the format.
        arm: the arm.
        target: (x, y) [m].
        panels: from left to right, row by row.
    """
    # Imported here: the solver runs where matplotlib is not installed. No window is opened.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(panels) // MOST_IN_A_ROW)
    columns = -(-len(panels) // rows)
    figure = Figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw_panel(axis, arm, target, panel)
    for axis in axes[:, 0]:
        axis.set_ylabel("y [m]")
    canvas.print_figure(path, dpi=120)


def _draw_panel(axis, arm: PlanarArm, target: Sequence[float], panel: Panel) -> None:
    from matplotlib.collections import LineCollection

    axis.set_title(panel.title)
    axis.set_xlabel("x [m]")
    axis.set_aspect("equal")
    axis.grid(alpha=0.25)
    if len(panel.positions):
        # Best first is not at random: evenly spread rows show the whole posterior.
        rows = np.linspace(0, len(panel.positions) - 1, MAX_ARMS).round().astype(int)
        arms = arm.joint_positions(panel.positions[np.unique(rows)])
        alpha = max(0.03, min(0.5, 20.0 / len(arms)))
        axis.add_collection(LineCollection(arms, colors=ARM_COLOR, alpha=alpha, linewidths=0.8))
        axis.plot(*arms[0].T, "o-", color=BEST_COLOR, linewidth=2.0, markersize=4.0, zorder=3)
    axis.plot(*target, "x", color=TARGET_COLOR, markersize=11, markeredgewidth=2.5, zorder=4)
    axis.plot(0.0, 0.0, "s", color="black", markersize=7, zorder=4)
    axis.margins(0.06)
