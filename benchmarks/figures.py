"""The document's figures, from result files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.comparison import PeerResult
from benchmarks.growth import SamplesResult
from benchmarks.service_results import ServiceResult
from benchmarks.suite import Measured
from benchmarks.targets import DEFAULT_DOF
from ik_nn_ros.models import ARCHITECTURES
from ik_nn_ros.posterior import EXACT
from training.paper.figures import MMD2_LINEAR, MODEL_COLORS

OTHER_COLORS = ("black", "#9467bd", "#c5b0d5", "#e377c2", "#8c564b", "#bcbd22", "#17becf")


def draw(parts: Mapping[str, Measured], folder: Path) -> None:
    """Draw what was measured into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    if "peers" in parts:
        _draw_peers(folder / "benchmarks_peers.png", parts["peers"].result)
    makers = {"samples": _draw_samples, "service": _draw_crowds}
    panels = [(make, parts[name].result) for name, make in makers.items() if name in parts]
    if panels:
        figure = Figure(figsize=(4.4 * len(panels), 3.8), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (make, result) in zip(axes, panels, strict=True):
            make(axis, result)
        _save(figure, folder / "benchmarks_growth.png")


def _draw_peers(path: Path, results: Sequence[PeerResult]) -> None:
    figure = Figure(figsize=(13.0, 4.6), layout="constrained")
    time, quality = figure.subplots(1, 2)
    names = list(dict.fromkeys(result.name for result in results))
    other_colors = iter(OTHER_COLORS)
    for name in names:
        own = [result for result in results if result.name == name]
        color = MODEL_COLORS.get(name.split()[-1]) or next(other_colors)
        ours, authors = name in (EXACT, *ARCHITECTURES), name.startswith("the authors'")
        time.plot(
            [result.dof for result in own],
            [1e3 * result.times[1].timing.median for result in own],
            "o-" if ours else "o--",
            fillstyle="none" if authors else "full",
            color=color,
            label=name,
        )
        for result in own:
            if result.dof == DEFAULT_DOF:
                _mark_quality(quality, result, color)
    solutions = results[0].times[1].solutions
    time.set(xlabel="DoF", ylabel=f"time to {solutions} solutions [ms]", yscale="log")
    time.set_xticks(sorted({result.dof for result in results}))
    quality.set(xlabel="solutions per second", ylabel="mmd2", xscale="log")
    quality.set_yscale("symlog", linthresh=MMD2_LINEAR)  # unbiased, so it may be negative
    quality.margins(x=0.3, y=0.1)
    figure.legend(*time.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    _save(figure, path)


def _mark_quality(axis: Axes, result: PeerResult, color: str) -> None:
    speed = result.solutions_per_second
    if result.mmd2 is not None:
        mmd2, error = result.mmd2.mean, result.mmd2.standard_error
        axis.errorbar(speed, mmd2, error, fmt="o", color=color, capsize=3)
    elif result.released_mmd2 is not None:
        mmd2 = result.released_mmd2
        axis.plot(speed, mmd2, "o", color=color, fillstyle="none")
    else:
        return
    axis.annotate(result.name, (speed, mmd2), (5, 4), textcoords="offset points", fontsize=7)


def _draw_samples(axis: Axes, results: Sequence[SamplesResult]) -> None:
    samples = [result.samples for result in results]
    axis.plot(samples, [1e3 * r.timing.median for r in results], "o-", label="median")
    axis.plot(samples, [1e3 * r.timing.p99 for r in results], "_", color="C0", ms=10, label="p99")
    axis.set(xlabel="samples", ylabel="time of one answer [ms]", xscale="log", yscale="log")
    axis.legend(loc="upper left", fontsize=8)
    memory = axis.twinx()
    memory.plot(samples, [result.memory for result in results], "s--", color="C1")
    memory.set_ylabel("peak memory, more than idle [MiB]", color="C1")


def _draw_crowds(axis: Axes, result: ServiceResult) -> None:
    crowds = result.crowds
    clients = [crowd.clients for crowd in crowds]
    axis.plot(clients, [crowd.answers_per_second for crowd in crowds], "o-")
    axis.set(xlabel="clients at once", ylabel="answers per second")
    axis.yaxis.label.set_color("C0")
    axis.margins(y=0.3)
    axis.set_ylim(bottom=0.0)
    axis.set_xticks(clients)
    latency = axis.twinx()
    latency.plot(clients, [1e3 * c.round_trip.median for c in crowds], "s--", color="C1")
    latency.plot(clients, [1e3 * c.round_trip.p99 for c in crowds], "_", color="C1", ms=10)
    latency.set_ylabel("round trip, median and p99 [ms]", color="C1")
    latency.set_ylim(bottom=0.0)


def _save(figure: Figure, path: Path) -> None:
    for axis in figure.axes:
        if axis.yaxis.get_label_position() == "left":  # one grid for two scales
            axis.grid(alpha=0.25)
    FigureCanvasAgg(figure).print_figure(path, dpi=110)
