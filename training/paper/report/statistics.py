"""The tables of errors and mismatches, ours beside the authors'."""

from __future__ import annotations

from collections.abc import Sequence

from ik_nn_ros.models.architectures import CINNConfig
from measuring.markdown import (
    UNKNOWN,
    accuracy,
    fixed,
    integer,
    share,
    small,
    table,
    thousandths,
)
from measuring.metrics import Mismatch
from measuring.results import Result
from training.paper.published import PUBLISHED


def headline(results: Sequence[Result]) -> str:
    """cinn beside the best of the authors' networks, arm by arm."""
    rows = []
    for result in results:
        evaluation = result.evaluation
        if evaluation.model != CINNConfig.kind:
            continue
        theirs = [one for (_, dof), one in PUBLISHED.items() if dof == evaluation.dof]
        measured = [one for one in theirs if one.mmd2_raw is not None]
        best = min(measured, key=lambda one: one.mmd2_raw, default=None)
        rows.append(
            [
                evaluation.dof,
                small(min((one.e_resim for one in theirs), default=None)),
                small(evaluation.raw.e_resim),
                UNKNOWN if best is None else best.mmd2_raw_thousandths,
                thousandths(evaluation.mmd2.raw),
                thousandths(evaluation.mmd2.floor),
                accuracy(evaluation.c2st.raw),
            ]
        )
    if not rows:
        return ""
    header = [
        "DoF", "e_resim: the authors' best", "cinn", "mmd2 x 1e3: the authors' best", "cinn",
        "floor", "c2st of cinn",
    ]  # fmt: skip
    return (
        "## In short\n\n"
        "The paper leaves a choice: a cVAE that hits the target, or an INN that covers the "
        "posterior. `cinn` makes it unnecessary. The best of the authors' networks for each "
        "statistic, beside `cinn`, raw samples, which it solves onto the target: its e_resim is "
        "rounding.\n\n" + table(header, rows)
    )


def sizes(results: Sequence[Result]) -> str:
    """How much was measured."""
    evaluations = [result.evaluation for result in results]
    if not evaluations:
        return ""
    one = max(evaluations, key=lambda evaluation: evaluation.c2st.raw.num_targets)
    least_c2st = min(evaluation.c2st.raw.num_targets for evaluation in evaluations)
    least_paper = min(evaluation.mmd_paper.raw.num_targets for evaluation in evaluations)
    least_resim = min(evaluation.raw.num_targets for evaluation in evaluations)
    return (
        f"- **sizes**: e_resim of {integer(one.raw.num_targets)} targets, a sample each; "
        f"{_size(one.mmd_paper.raw)} of mmd_paper, {_size(one.mmd2.raw)} of mmd2, "
        f"{one.c2st.raw.num_targets} of these targets of c2st; of `cinn`, which its weights judge, "
        f"too, {integer(least_resim)}, {least_paper} and {least_c2st} at least. "
        "+-: standard errors."
    )


def _size(result: Mismatch) -> str:
    return f"{result.num_targets} targets x {result.num_samples} samples"


def comparison(results: Sequence[Result]) -> str:
    """The statistics that the paper has, ours beside the authors'."""
    rows = []
    for result in results:
        evaluation = result.evaluation
        theirs = PUBLISHED.get((evaluation.model, evaluation.dof))
        plotted = evaluation.mmd_paper_as_plotted
        rows.append(
            [
                evaluation.dof,
                evaluation.model,
                integer(result.num_parameters),
                integer(theirs and theirs.parameters),
                small(evaluation.raw.e_resim),
                small(theirs and theirs.e_resim),
                fixed(plotted and plotted.raw.mean),
                fixed(theirs and theirs.as_plotted),
                fixed(evaluation.mmd_paper.raw.mean),
                fixed(theirs and theirs.corrected),
                fixed(evaluation.mmd_paper.floor.mean),
            ]
        )
    header = [
        "DoF", "model", "parameters", "the authors'", "e_resim", "the authors'",
        "mmd_paper as plotted", "the authors'", "mmd_paper corrected", "the authors'", "floor",
    ]  # fmt: skip
    return "## The paper's statistics\n\n" + table(header, rows) + "\n\n" + _ranking()


def _ranking() -> str:
    """Which of the authors' models is better, by either reference, at every DoF."""
    lines = []
    for dof in sorted({dof for _, dof in PUBLISHED}):
        cvae, inn = PUBLISHED.get(("cvae", dof)), PUBLISHED.get(("inn", dof))
        if cvae is None or inn is None:
            continue
        plotted = "INN" if inn.as_plotted < cvae.as_plotted else "cVAE"
        corrected = "INN" if inn.corrected < cvae.corrected else "cVAE"
        lines.append([dof, plotted, corrected])
    return (
        "The paper concludes that the INN matches the posterior better than the cVAE. Whose "
        "mmd_paper is smaller among the authors' networks, by either reference:\n\n"
        + table(["DoF", "as plotted", "corrected"], lines)
    )


def strict(results: Sequence[Result]) -> str:
    """The statistics against the exact posterior."""
    rows = []
    for result in results:
        evaluation = result.evaluation
        theirs = PUBLISHED.get((evaluation.model, evaluation.dof))
        mmd2, c2st = evaluation.mmd2, evaluation.c2st
        rows.append(
            [
                evaluation.dof,
                evaluation.model,
                thousandths(mmd2.raw),
                (theirs and theirs.mmd2_raw_thousandths) or UNKNOWN,
                thousandths(mmd2.refined),
                fixed(theirs and theirs.mmd2_refined and 1e3 * theirs.mmd2_refined, 1),
                thousandths(mmd2.floor),
                f"{1e3 * mmd2.raw.median:.2f} / {1e3 * mmd2.raw.p95:.2f}",
                accuracy(c2st.raw),
                accuracy(c2st.refined),
                accuracy(c2st.floor),
                f"{evaluation.converged:.4%}",
                share(evaluation.effective_share),
            ]
        )
    header = [
        "DoF", "model", "mmd2 raw, x 1e3", "the authors'", "refined", "the authors'", "floor",
        "raw: median / 95th percentile", "c2st raw", "refined", "floor", "converged to 1e-6 m",
        "effective share: mean, p5",
    ]  # fmt: skip
    return "## Against the exact posterior\n\n" + table(header, rows) + "\n\n" + _bias(results)


def _bias(results: Sequence[Result]) -> str:
    """Whether projecting moves the samples away from the posterior."""
    if not results:
        return ""
    changes = {
        f"{result.evaluation.model} at {result.evaluation.dof} DoF": (
            result.evaluation.mmd2.refined.mean - result.evaluation.mmd2.raw.mean
        )
        for result in results
    }
    worst = max(changes, key=changes.__getitem__)
    return (
        "Projecting moves no network's samples away from the posterior by more than "
        f"{1e3 * changes[worst]:.3f}e-3 of mmd2 ({worst}); a negative figure is a gain."
    )
