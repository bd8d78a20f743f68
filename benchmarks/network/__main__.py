"""The command line: ``python -m benchmarks.network``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.machine import Machine
from benchmarks.network import beside_busy_core
from benchmarks.network.measures import measure, measure_earlier, measure_speedups
from benchmarks.network.report import report
from benchmarks.network.results import Results
from ik_nn_ros.models import WEIGHTS_FOLDER
from measuring.files import read_file, write_file
from measuring.results import fingerprint
from training.commands.shared import RESULTS

FILE = RESULTS / "benchmarks" / "network.json"
DOCUMENT = Path("docs/NETWORK.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not known yet, and write the document."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.network", description=__doc__)
    parser.add_argument("--results", type=Path, default=FILE, help="file of results")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="the report")
    parser.add_argument("--again", action="store_true", help="also what is known")
    options = parser.parse_args(arguments)
    console = Console()
    known = options.results.exists()
    results = read_file(options.results, Results) if known else Results(Machine.here())
    if options.again or not results.speedups:
        console.print("beside the earlier version")
        results.speedups = measure_speedups()
        write_file(options.results, results)
    if options.again or results.earlier is None:
        console.print("the earlier version's network")
        results.earlier = measure_earlier()
        write_file(options.results, results)
    if options.again or results.busy_training is None:
        console.print("beside a busy core")
        results.busy_training = beside_busy_core.measure()
        write_file(options.results, results)
    for path in sorted(WEIGHTS_FOLDER.glob("cinn_*.safetensors")):
        measured = results.networks.get(path.stem)
        if options.again or measured is None or measured.weights != fingerprint(path):
            results.networks[path.stem] = measure(path, console)
            write_file(options.results, results)
    options.document.write_text(report(results))
    console.print(f"written to {options.document}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
