"""Search for good hyperparameters, or go on with a search."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from ik_nn_ros.models import ARCHITECTURES
from ik_nn_ros.user_path import user_path
from training.commands.progress import ProgressBar
from training.commands.shared import RESULTS, positive

SPACES = Path("config/search")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("search", help=__doc__)
    parser.add_argument("--model", required=True, choices=ARCHITECTURES)
    parser.add_argument("--dof", required=True, type=int)
    parser.add_argument("--trials", type=positive, default=100, help="with those done already")
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="a Ray cluster that this machine is part of (default: this machine alone)",
    )
    parser.add_argument("--config", type=user_path, help=f"YAML (default: {SPACES}/<model>.yaml)")
    parser.add_argument(
        "--output",
        type=user_path,
        default=RESULTS / "search",
        help="folder of <model>_<dof>.csv, .json, .yaml and .db, which the others follow from",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> None:
    """Search, showing how it goes, and say what was best."""
    # Here, because Ray takes seconds to import, which the other commands need not wait for.
    from training.search.space import load_space
    from training.search.study import SearchStudy, best_of, write_outcome
    from training.search.tuning import search

    config = options.config or SPACES / f"{options.model}.yaml"
    space = load_space(config, options.model, options.dof)
    study = SearchStudy(options.output / f"{options.model}_{options.dof}.db", space, options.dof)
    try:
        with ProgressBar(console, study.path.stem) as progress:
            search(study, options.trials, options.address, progress)
    finally:
        write_outcome(study)
    trials = study.trials
    best = best_of(trials)
    if best is None:
        console.print(f"all {len(trials)} trials diverged: {study.path.with_suffix('.csv')}")
    else:
        found = ", ".join(f"{key} {value:.4g}" for key, value in best.parameters.items())
        console.print(f"best loss {best.loss:.4g}: {found}", soft_wrap=True)
        console.print(f"written to {study.path.with_suffix('.yaml')}")
