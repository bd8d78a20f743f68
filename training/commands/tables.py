"""Tables for a person at a terminal."""

from __future__ import annotations

from rich.table import Table

from measuring.evaluation import Evaluation
from measuring.metrics import Mismatch, Resimulation


def evaluation_table(evaluation: Evaluation) -> Table:
    """What a sampler measured, one statistic a row."""
    table = Table(title=f"{evaluation.model}, {evaluation.dof} DoF", title_justify="left")
    for column in ("statistic", "value", "detail"):
        table.add_column(column, justify="left")
    table.add_row("e_resim, raw", *_resimulation(evaluation.raw))
    table.add_row("e_resim, refined", *_resimulation(evaluation.refined))
    table.add_row("converged when refined", f"{evaluation.converged:.4%}", "")
    for label, comparison in (
        ("mmd_paper, corrected", evaluation.mmd_paper),
        ("mmd_paper, as plotted", evaluation.mmd_paper_as_plotted),
        ("mmd2", evaluation.mmd2),
        ("c2st", evaluation.c2st),
    ):
        if comparison is None:
            continue
        table.add_row(f"{label}, raw", *_mismatch(comparison.raw, comparison.floor))
        if comparison.refined is not None:
            table.add_row(f"{label}, refined", *_mismatch(comparison.refined, comparison.floor))
    if evaluation.effective_share is not None:
        share = evaluation.effective_share
        detail = (
            f"p5 {share.p5:.4f}, worst {share.worst:.4f}; {evaluation.lost:.3%} of the draws lost"
        )
        table.add_row("effective share", f"{share.mean:.4f}", detail)
    return table


def _resimulation(result: Resimulation) -> tuple[str, str]:
    detail = f"distance: median {result.median_distance:.2g} m, p99 {result.p99_distance:.2g} m"
    return f"{result.e_resim:.3g} m^2", detail


def _mismatch(result: Mismatch, floor: Mismatch) -> tuple[str, str]:
    value = f"{result.mean:.5f} +- {result.standard_error:.5f}"
    detail = (
        f"median {result.median:.5f}, p95 {result.p95:.5f}, "
        f"floor {floor.mean:.5f} +- {floor.standard_error:.5f}; "
        f"{result.num_targets} targets x {result.num_samples}"
    )
    return value, detail
