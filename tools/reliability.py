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
FILES = ("reliability", "malformed", "neighbours", "transports", "solvers", "markers", "branches")
TESTS = [f"test/ros/test_{name}.py" for name in FILES]

# For each test: what is done, and what came of it; a row for each time that it kept figures.
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
    "test_a_server_holds_no_more_after_many_requests": (
        "what the server holds after {late_requests} mixed requests, against after "
        "{early_requests}",
        "{late_mb:.1f} MB, against {early_mb:.1f} MB: {growth:+.2%}; {late_descriptors} file "
        "descriptors, against {early_descriptors}; {late_threads} threads, against {early_threads}",
    ),
    "test_an_idle_server_hardly_works": (
        "{idle_s:.0f} s without a request",
        "{busy_share:.2%} of a core",
    ),
    "test_malformed_requests_are_refused_and_never_answered_wrongly": (
        "{total} random requests, most of them malformed",
        "{refused} refused, {answered} answered, {exceptions} exceptions, {wrong} wrong answers",
    ),
    "test_a_client_that_is_no_more_served_keeps_nobody_waiting": (
        "a client that {kind}, requests queued: {queued}",
        "another client's longest wait {longest_ms:.0f} ms; before, {usual_ms:.0f} ms; one of the "
        "queued requests takes {in_hand_ms:.0f} ms",
    ),
    "test_a_client_beside_those_that_are_killed": (
        "{killed} clients killed one after the other, messages by {transport}: one of {server}",
        "longest wait {longest_ms:.0f} ms, more than {long_ms:.0f} ms {long} times in {asked}, "
        "{lost} not answered",
    ),
    "test_waiting_clients_get_their_answers_from_the_server_s_successor": (
        "the server killed under {waiting} waiting clients, and started again",
        "{answered} answers, the same as before, {seconds:.1f} s after the restart",
    ),
    "test_servers_in_two_namespaces_answer_their_own_clients": (
        "{servers} servers in namespaces beside the one in none, {requests} requests to each",
        "{strange} answers of another's arm",
    ),
    "test_weights_that_cannot_be_used_are_refused_and_never_unpickled": (
        "a weights file that is {damage}",
        'refused: "{refusal}"; nothing unpickled',
    ),
    "test_a_checkpoint_for_another_number_of_joints_is_refused": (
        "a weights file that is {damage}",
        'refused: "{refusal}"',
    ),
    "test_a_thousand_arms_are_built_and_published": (
        "{arms} arms of 6 joints as markers, with a subscriber",
        "build {build_ms:.1f} ms, publish {publish_ms:.2f} ms "
        "(least: {build_least_ms:.1f} and {publish_least_ms:.2f})",
    ),
    "test_a_millimetre_moves_solutions_by_millimetres": (
        "{model}: {targets} targets moved by 1 mm, half of them 2 to 20 mm from full reach, the "
        "seed the same",
        "each solution's furthest point by {p50_mm:.1f} mm (median), {p99_mm:.0f} (99 %), "
        "{p999_mm:.0f} (99.9 %), {most_mm:.0f} (the most); the best solution's by "
        "{best_p50_mm:.1f} (median), {best_p95_mm:.0f} (95 %), {best_most_mm:.0f} (the most)",
    ),
}
PAGE = """# Reliability

Written by `tools/reliability.py` from what {tests} measured:
real processes over loopback DDS, on {cores} cores, Python {python}, {busy}.

| what is done | what comes of it |
|---|---|
{rows}

The tests fail on anything lost, answered twice, mixed up or wrong, on memory that grows by 5 %,
and where more than one solution in 100 moves by more than 25 mm, or one in 1000 by more than 60 mm
(of `cinn`, one in 1000 of those that keep their elbow).
No test fails for a time. Each figure is one run's.

Waits of a third of a second or more are the middleware's. Fast DDS carries messages on one machine
through shared memory, and where a process that used it was killed, what sends to the next one can
stand still for so long; a service of rclpy alone does, too. By UDP none does:
`FASTDDS_BUILTIN_TRANSPORTS=UDPv4` for all processes, without
`ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST`, with which rmw_fastrtps chooses by itself.

Solutions that move further are between the posterior's modes, where neighbouring latents lead to
either. The best solution changes where two are equally likely: ask with the one before as
`seed_state`, or for a path.
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
        command = [sys.executable, "-m", "pytest", *TESTS]
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
    rows = [
        f"| {what.format(**derived(values))} | {outcome.format(**derived(values))} |"
        for test, (what, outcome) in ROWS.items()
        for values in figures
        if values["test"] == test
    ]
    return PAGE.format(
        tests=", ".join(f"`{Path(test).name}`" for test in TESTS),
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
