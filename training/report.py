"""Tables for a person, from results."""

from __future__ import annotations

from rich.table import Table

from training.evaluation import Evaluation
from training.metrics import Mismatch, Resimulation


def evaluation_table(evaluation: Evaluation) -> Table:
    """What a sampler measured, one statistic a row."""
    table = Table(title=f"{evaluation.model}, {evaluation.dof} DoF", title_justify="left")
    for column in ("statistic", "value", "detail"):
        table.add_column(column, justify="left")
    table.add_row("e_resim, raw", *_resimulation(evaluation.raw))
    table.add_row("e_resim, refined", *_resimulation(evaluation.refined))
    table.add_row("converged when refined", f"{evaluation.converged:.4%}", "")
    for label, value, floor in (
        ("mmd_paper, raw", evaluation.mmd_paper, evaluation.mmd_paper_floor),
        ("mmd2, raw", evaluation.mmd2_raw, evaluation.mmd2_floor),
        ("mmd2, refined", evaluation.mmd2_refined, evaluation.mmd2_floor),
    ):
        table.add_row(label, *_mismatch(value, floor))
    return table


def _resimulation(result: Resimulation) -> tuple[str, str]:
    detail = f"distance: median {result.median_distance:.2g} m, p99 {result.p99_distance:.2g} m"
    return f"{result.e_resim:.3g} m^2", detail


def _mismatch(result: Mismatch, floor: Mismatch) -> tuple[str, str]:
    value = f"{result.mean * 1e3:.2f} +- {result.standard_error * 1e3:.2f} e-3"
    detail = (
        f"median {result.median * 1e3:.2f}, p95 {result.p95 * 1e3:.2f}, "
        f"floor {floor.mean * 1e3:.2f} +- {floor.standard_error * 1e3:.2f} e-3; "
        f"{result.num_targets} targets x {result.num_samples}"
    )
    return value, detail
