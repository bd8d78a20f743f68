"""The command line: ``python -m benchmarks.exact run`` or ``report``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.exact.bars import all_bars
from benchmarks.exact.measures import PARTS, QUICK, Size
from benchmarks.exact.report import report
from benchmarks.exact.results import Results, fingerprint
from benchmarks.machine import Machine
from ik_nn_ros.errors import IKError
from measuring.files import read_file, write_file
from training.commands.shared import RESULTS, RUNS, shown_stages

FULL_RUN = RESULTS / "benchmarks" / "exact_bars.json"
DOCUMENT = Path("docs/EXACT.md")
QUICK_RUN = RUNS / "benchmarks" / FULL_RUN.name  # beside the results that count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 1 with a sentence where something is missing."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options, Console())
    except IKError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, console: Console) -> int:
    """Measure what is not known yet of this code, and write each result as soon as it is there."""
    path = options.results or (QUICK_RUN if options.quick else FULL_RUN)
    machine, sources = Machine.here(), fingerprint()
    results = read_file(path, Results) if path.exists() else Results(machine)
    results.machine = machine
    chosen = [
        (part, name)
        for part in options.parts or PARTS
        for name in PARTS[part]
        if not options.cases or set(options.cases) & {name, *name.split()}
    ]
    pending = [
        (part, name)
        for part, name in chosen
        if options.again or results.sources.get(f"{part}/{name}") != sources
    ]
    if len(pending) < len(chosen):
        console.print(f"{len(chosen) - len(pending)} of {len(chosen)} cases are measured already")
    _measure(pending, QUICK if options.quick else Size(), results, sources, path, console)
    _write_report(options, path, console)
    return 0


def _measure(
    pending: Sequence[tuple[str, str]],
    size: Size,
    results: Results,
    sources: str,
    path: Path,
    console: Console,
) -> None:
    with shown_stages(console) as on_stage:
        for number, (part, name) in enumerate(pending, start=1):
            on_stage(f"{number} of {len(pending)}, {part}, {name}")
            item = PARTS[part][name]
            getattr(results, part)[name] = item.measure(item.case, size)
            results.sources[f"{part}/{name}"] = sources
            write_file(path, results)


def _report(options: argparse.Namespace, console: Console) -> int:
    _write_report(options, options.results or FULL_RUN, console)
    return 0


def _write_report(options: argparse.Namespace, path: Path, console: Console) -> None:
    results = read_file(path, Results)
    beside = path.with_name(DOCUMENT.name)
    document = options.document or (DOCUMENT if path == FULL_RUN else beside)
    document.write_text(report(results))
    for bar in all_bars(results):
        if bar.met is False:
            console.print(
                f"not met: {bar.case}: {bar.name}: {bar.measured}, {bar.bar}", soft_wrap=True
            )
    console.print(f"written to {document}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exact", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    files = argparse.ArgumentParser(add_help=False)
    files.add_argument("--results", type=Path, help=f"file of results (default: {FULL_RUN})")
    files.add_argument("--document", type=Path, help=f"the report (default: {DOCUMENT})")

    run = commands.add_parser("run", parents=[files], help="measure, and write the report")
    run.add_argument("--quick", action="store_true", help=f"try it out, into {QUICK_RUN}")
    run.add_argument("--parts", nargs="+", choices=PARTS, help="only these (default: all)")
    run.add_argument("--cases", nargs="+", metavar="CASE", help="only these, as normal_4 or far")
    run.add_argument("--again", action="store_true", help="also what is measured of this code")
    run.set_defaults(command=_run)

    again = commands.add_parser("report", parents=[files], help="write the report from the results")
    again.set_defaults(command=_report)
    return parser


if __name__ == "__main__":
    sys.exit(main())
