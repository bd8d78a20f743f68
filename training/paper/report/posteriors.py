"""The figures, and what the paper prints beside Figs. 4 to 7."""

from __future__ import annotations

from collections.abc import Sequence

from measuring.markdown import fixed, small, table
from measuring.references import PAPER_DOF
from measuring.results import Result
from training.paper.published import FIGURE_TARGETS, PUBLISHED_POSTERIORS
from training.paper.reproduction import FIGURE_SAMPLES, PosteriorFigure


def pictures(results: Sequence[Result], posteriors: Sequence[PosteriorFigure], folder: str) -> str:
    """Every figure that the results have, with what the paper prints beside it."""
    parts = ["## Figures"]
    if any(result.evaluation.dof in PAPER_DOF for result in results):
        parts.append(
            f"![Fig. 1]({folder}/datasets.png)\n\n*Fig. 1: TCPs and arms of the datasets.*"
        )
    parts.append(
        f"![Figs. 2 and 3]({folder}/errors.png)\n\n*Figs. 2 and 3: posterior mismatch, by three "
        "statistics, and re-simulation error over the number of parameters. Filled: ours; hollow: "
        "the authors'; numbers: DoF.*"
    )
    for number, dof in enumerate(sorted(FIGURE_TARGETS)):
        figures = [figure for figure in posteriors if figure.dof == dof]
        if not figures:
            continue
        hulls, arms = 4 + number, 6 + number
        parts.append(
            f"![Fig. {hulls}]({folder}/hulls_{dof}.png)\n\n*Fig. {hulls}: the hull of 97 % of "
            f"{FIGURE_SAMPLES} re-simulated TCPs for the target {figures[0].target} m, {dof} DoF.*"
        )
        parts.append(
            f"![Fig. {arms}]({folder}/arms_{dof}.png)\n\n*Fig. {arms}: the arms of the same "
            "samples.*"
        )
        parts.append(_posterior_table(figures))
    if posteriors:
        parts.append(
            'The paper\'s "area" of the hull is `scipy.spatial.ConvexHull.area`, in two dimensions '
            "the perimeter. e_posterior is mmd_paper of these samples; the paper's is as plotted."
        )
    return "\n\n".join(parts)


def _posterior_table(figures: Sequence[PosteriorFigure]) -> str:
    rows = []
    for figure in figures:
        theirs = PUBLISHED_POSTERIORS.get((figure.model, figure.dof))
        rows.append(
            [
                figure.model,
                small(figure.hull_area),
                fixed(figure.hull_perimeter, 3),
                fixed(theirs and theirs.hull_area, 2),
                fixed(figure.e_posterior),
                fixed(figure.floor),
                fixed(figure.as_plotted),
                fixed(theirs and theirs.e_posterior, 3),
            ]
        )
    header = [
        "model", "hull's area [m^2]", "perimeter [m]", 'the paper\'s "area"',
        "e_posterior, corrected", "floor", "as plotted", "the paper's",
    ]  # fmt: skip
    return table(header, rows)
