"""Search for good hyperparameters, or go on with a search."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from ik_nn_ros.models import ARCHITECTURES
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
    parser.add_argument("--config", type=Path, help=f"YAML (default: {SPACES}/<model>.yaml)")
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "search",
        help="folder of <model>_<dof>.csv, .json, .yaml and .jsonl, which the others follow from",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> None:
    """Search, showing how it goes, and say what was best."""
    # Here, because Ray takes seconds to import, which the other commands need not wait for.
    from training.search.journal import SearchJournal, parameters_text, write_outcome
    from training.search.space import load_space
    from training.search.tuning import search, versions

    config = options.config or SPACES / f"{options.model}.yaml"
    space = load_space(config, options.model, options.dof)
    settings = space.model_dump(mode="json") | {"dof": options.dof}
    path = options.output / f"{options.model}_{options.dof}.jsonl"
    with SearchJournal(path, settings, versions()) as journal:
        write_outcome(journal, space, options.dof)
        with ProgressBar(console, f"{options.model}_{options.dof}") as progress:
            search(space, options.dof, options.trials, journal, options.address, progress)
    best = journal.best
    if best is None:
        console.print(f"all {len(journal.trials)} trials diverged: {path.with_suffix('.csv')}")
    else:
        console.print(
            f"best loss {best.loss:.4g}: {parameters_text(best.parameters)}", soft_wrap=True
        )
        console.print(f"written to {path.with_suffix('.yaml')}")
