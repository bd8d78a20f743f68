"""Run the tests of load and faults, and write what they measured to docs/RELIABILITY.md.

.venv/bin/python tools/reliability.py
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "RELIABILITY.md"
TESTS = "test/ros/test_reliability.py"

# For each test: what is done, and what came of it.
ROWS = {
    "test_eight_clients_get_all_their_own_answers_once": (
        "{clients} clients at once, {total} requests: {answered} valid, {refused} invalid, "
        "{cancelled} cancelled",
        "{lost} lost, {twice} answered twice, {mixed_up} with another's answer; {seconds:.0f} s, "
        "p50 {p50_ms:.0f} ms, p99 {p99_ms:.0f} ms",
    ),
    "test_requests_sent_all_at_once_are_all_answered": (
        "{at_once} requests of one client, sent without waiting",
        "{answered} answered",
    ),
    "test_memory_does_not_grow_with_the_requests": (
        "memory after {late_requests} requests, against that after {early_requests}",
        "{late_mb:.1f} MB, against {early_mb:.1f} MB: {growth:+.2%}",
    ),
    "test_malformed_requests_are_refused_and_never_answered_wrongly": (
        "{total} random requests, most of them malformed",
        "{refused} refused, {answered} answered, {exceptions} exceptions, {wrong} wrong answers",
    ),
    "test_a_client_killed_in_mid_call_harms_nobody": (
        "a client killed with {abandoned_requests} requests unanswered",
        "another client's next {next_answers} answers in {seconds:.1f} s",
    ),
    "test_waiting_clients_get_their_answers_from_the_server_s_successor": (
        "the server killed under {waiting} waiting clients, and started again",
        "{answered} answers, the same as before, {seconds:.1f} s after the restart",
    ),
}
PAGE = """# Reliability

Written by `tools/reliability.py` from what `{tests}` measured: real processes over loopback DDS,
on {cores} cores, Python {python}, {busy}.

| what is done | what comes of it |
|---|---|
{rows}

The tests fail on anything lost, answered twice, mixed up or wrong, and on memory that grows by 5 %;
no test fails for a time. Each figure is one run's.
"""


def main() -> int:
    """Measure and write; the tests' exit status."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.jsonl"
        environment = os.environ | {
            "RELIABILITY_FIGURES": str(figures),
            "ROS_PYTHON_CHECK_FIELDS": "1",
            "AMENT_PREFIX_PATH": sys.prefix,
        }
        load = os.getloadavg()[0]
        command = [sys.executable, "-m", "pytest", TESTS]
        status = subprocess.run(command, cwd=ROOT, env=environment).returncode
        if status == 0:
            lines = figures.read_text().splitlines()
            DOCUMENT.write_text(page([json.loads(line) for line in lines], load))
    return status


def page(figures: list[dict[str, Any]], load: float) -> str:
    """The document.

    Args:
        figures: what each test kept.
        load: the machine's before the tests.
    """
    measured = {values["test"]: derived(values) for values in figures}
    rows = [
        f"| {what.format(**measured[test])} | {outcome.format(**measured[test])} |"
        for test, (what, outcome) in ROWS.items()
    ]
    return PAGE.format(
        tests=TESTS,
        cores=os.cpu_count(),
        python=platform.python_version(),
        busy=f"with a load of {load:.1f} from other work" if load > 0.5 else "otherwise idle",
        rows="\n".join(rows),
    )


def derived(values: dict[str, Any]) -> dict[str, Any]:
    """A test's figures, and those that follow from them."""
    counts = [values.get(name, 0) for name in ("answered", "refused", "cancelled")]
    more: dict[str, Any] = {"total": sum(counts)}
    if "late_kb" in values:
        more["early_mb"], more["late_mb"] = values["early_kb"] / 1024, values["late_kb"] / 1024
        more["growth"] = values["late_kb"] / values["early_kb"] - 1.0
    return values | more


if __name__ == "__main__":
    sys.exit(main())
