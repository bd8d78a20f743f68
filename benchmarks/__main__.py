"""The command line: ``python -m benchmarks run`` or ``report``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.figures import draw
from benchmarks.report import report
from benchmarks.size import QUICK, Size
from benchmarks.suite import PARTS, measure, read
from ik_nn_ros.errors import IKError
from measuring.networks import read_known
from training.commands.shared import RESULTS, RUNS, shown_stages

DOCUMENT = Path("docs/BENCHMARKS.md")
FULL_RUN = RESULTS / "benchmarks"
QUICK_RUN = RUNS / "benchmarks"  # beside the results that count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 1 with a sentence where something is missing."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options, Console())
    except IKError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, console: Console) -> int:
    size = QUICK if options.quick else Size()
    results = options.results or (QUICK_RUN if options.quick else FULL_RUN)
    document = options.document or (QUICK_RUN / DOCUMENT.name if options.quick else DOCUMENT)
    with shown_stages(console) as on_stage:
        for name in options.parts or PARTS:
            measure(name, size, results, lambda stage, name=name: on_stage(f"{name}: {stage}"))
    _write_report(results, document, console)
    return 0


def _report(options: argparse.Namespace, console: Console) -> int:
    _write_report(options.results or FULL_RUN, options.document or DOCUMENT, console)
    return 0


def _write_report(results: Path, document: Path, console: Console) -> None:
    known = [name for name in PARTS if (results / f"{name}.json").exists()]
    parts = {name: read(name, results) for name in known}
    figures = document.parent / "figures"
    draw(parts, figures)
    document.write_text(report(parts, read_known(results.parent), figures.name))
    console.print(f"written to {document}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    files = argparse.ArgumentParser(add_help=False)
    files.add_argument("--results", type=Path, help=f"folder of JSON (default: {FULL_RUN})")
    files.add_argument("--document", type=Path, help=f"the report (default: {DOCUMENT})")

    run = commands.add_parser("run", parents=[files], help="measure, and write the report")
    run.add_argument("--quick", action="store_true", help=f"try it out, into {QUICK_RUN}")
    run.add_argument("--parts", nargs="+", choices=PARTS, help="only these (default: all)")
    run.set_defaults(command=_run)

    again = commands.add_parser("report", parents=[files], help="write the report from the results")
    again.set_defaults(command=_report)
    return parser


if __name__ == "__main__":
    sys.exit(main())
