"""An answer as a table for a terminal."""

from __future__ import annotations

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ik_nn_ros.ros.answer import Answer

SHOWN_SOLUTIONS = 10
WIDEST = 10_000  # characters of a table


def solutions_table(answer: Answer) -> Table:
    """The best solutions, or those that stand for the posterior's regions."""
    table = Table(
        title=f"{answer.message}, in {1e3 * answer.solve_time:.1f} ms",
        caption=_caption(answer),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    columns = _columns(answer)
    for name in columns:
        table.add_column(escape(name), justify="right")
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    return table


def print_table(table: Table) -> None:
    """Print a table as wide as it needs: where there is less room lines wrap; nothing is cut."""
    needed = Console(width=WIDEST).measure(table).minimum
    Console(width=max(Console().width, needed)).print(table)


def _caption(answer: Answer) -> str:
    first = "largest share" if len(answer.representatives) > 0 else "best"
    text = f"joint positions in rad, a rail's in m; {first} first; error = |FK(position) - target|"
    if answer.effective_share is not None:
        text += f"; effective share {answer.effective_share:.2f}"
    return text


def _columns(answer: Answer) -> dict[str, list[str]]:
    """The cells under each heading."""
    representatives = len(answer.representatives) > 0
    rows = np.arange(min(SHOWN_SOLUTIONS, len(answer.positions)))
    if representatives:
        rows = answer.representatives

    def cells(values: np.ndarray, form: str) -> list[str]:
        return [format(value, form) for value in values]

    columns = {"#": [str(row + 1) for row in rows]}
    for name, positions in zip(answer.joint_names, answer.positions[rows].T, strict=True):
        columns[name] = cells(positions, ".3f")
    columns["error [m]"] = cells(answer.position_errors[rows], ".1e")
    if answer.heading_errors is not None:
        columns["heading error [rad]"] = cells(answer.heading_errors[rows], ".1e")
    if answer.log_densities is not None:
        columns["log density"] = cells(answer.log_densities[rows], ".2f")
    if representatives:
        columns["share"] = cells(answer.representative_shares, ".1%")
    return columns
