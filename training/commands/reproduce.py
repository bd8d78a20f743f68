"""Regenerate every table and figure of the paper from the trained networks."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from ik_nn_ros.models import WEIGHTS_FOLDER, available_models, pretrained_path
from ik_nn_ros.user_path import user_path
from measuring.files import write_file
from measuring.networks import read_known
from measuring.references import PAPER_DOF
from training.commands.shared import RESULTS, chosen_size, results_folder, shown_stages
from training.paper.figures import draw_errors, draw_workspace
from training.paper.published import FIGURE_TARGETS, PUBLISHED_DOF
from training.paper.report import Contents, read_searches, report
from training.paper.reproduction import draw_paper_datasets, draw_posteriors, measure_networks
from training.paper.workspace import QUICK_MAP, MapSize, measure_workspace
from training.train.speed import read_speeds

DOCUMENT = Path("docs/RESULTS.md")
CONFIGS = Path("config/train")
WORKSPACE_DOF = 6
CIRCLE = "cinn_circle_4"  # the arm of the paper's two ways round the jump
OTHER_ARMS = (
    *("cinn_*_pose", "cinn_wide_?", "cinn_circle_?"),
    *("cinn_limited", "cinn_uniform_?", "cinn_truncated_?"),
)


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("reproduce", help=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure on a small part of the data")
    parser.add_argument(
        "--dof", type=int, nargs="+", choices=PUBLISHED_DOF, help="only these arms of the paper"
    )
    parser.add_argument(
        "--results",
        type=user_path,
        help=f"folder of what is known and gets known (default: {RESULTS}[/quick])",
    )
    parser.add_argument(
        "--document",
        type=user_path,
        help=f"the report (default: {DOCUMENT}; quick: with the results)",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> None:
    """Measure what is not known yet, draw the figures, write the report."""
    size = chosen_size(options)
    results = options.results or results_folder(options.quick)
    document = options.document or (results / DOCUMENT.name if options.quick else DOCUMENT)
    figures = document.parent / "figures"
    weights = {
        dof: [
            pretrained_path(model, dof) for model, dofs in available_models().items() if dof in dofs
        ]
        for dof in options.dof or PUBLISHED_DOF
    }
    circles = [] if options.dof else sorted(WEIGHTS_FOLDER.glob("*_full_circle_*.safetensors"))
    rails = [] if options.dof else sorted(WEIGHTS_FOLDER.glob("*_rail.safetensors"))
    others = [] if options.dof else [path for kind in OTHER_ARMS for path in _shipped(kind)]
    with shown_stages(console) as on_stage:
        paper_arms = measure_networks(sum(weights.values(), []), size, results, on_stage)
        full_circle = measure_networks(circles, size, results, on_stage)
        rail = measure_networks(rails, size, results, on_stage)
        every_arm = measure_networks(others, size, results, on_stage)
        maps = measure_workspace(
            weights.get(WORKSPACE_DOF, []),
            QUICK_MAP if options.quick else MapSize(),
            results / "workspace.json",
            on_stage,
        )
        on_stage("the figures' targets")
        posteriors = [
            figure
            for dof in FIGURE_TARGETS
            if weights.get(dof)
            for figure in draw_posteriors(dof, weights[dof], figures)
        ]
    if drawn := [dof for dof in weights if dof in PAPER_DOF]:
        draw_paper_datasets(drawn, figures)
    draw_errors(figures / "errors.png", paper_arms)
    if maps:
        draw_workspace(figures / "workspace.png", maps)
    if posteriors:
        write_file(results / "posteriors.json", posteriors)
    contents = Contents(
        paper_arms,
        [*full_circle, *(result for result in every_arm if result.name == CIRCLE)],
        rail,
        every_arm,
        None if options.dof else read_known(results),
        maps,
        posteriors,
        read_searches(results / "search"),
        read_speeds(results / "speed"),
        CONFIGS,
        figures.name,
    )
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text(report(contents))
    console.print(f"written to {document}")


def _shipped(pattern: str) -> list[Path]:
    return sorted(WEIGHTS_FOLDER.glob(f"{pattern}.safetensors"))
