"""From a process's start to its first answer, and what importing takes of that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from unittest.mock import patch

from benchmarks.node import MODULE, SAMPLES, Server, connected_client, example_request
from benchmarks.solvers import DEFAULT_DOF
from benchmarks.timing import seconds_of

SHOWN_PACKAGES = 8


def first_answer(namespace: str) -> float:
    """From the server's start to the first answer [s], for a client that waits already."""
    with connected_client(namespace) as client:
        request = example_request()
        start = time.monotonic()
        with Server(namespace) as server:
            server.wait_for(client)
            client.solve(request)
            return time.monotonic() - start


def first_answer_ever(namespace: str) -> float:
    """The same where nobody has compiled the machine code before."""
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, NUMBA_CACHE_DIR=folder),
    ):
        return first_answer(namespace)


def first_solution() -> float:
    """From Python's start to the first solutions without ROS [s]."""
    program = (
        "from ik_nn_ros import IKSolver; "
        f"IKSolver.from_pretrained({DEFAULT_DOF}).solve((3.0, 0.5), {SAMPLES}, seed=1)"
    )
    command = [sys.executable, "-c", program]
    return seconds_of(lambda: subprocess.run(command, check=True))


def import_time() -> float:
    """What a process takes that does nothing but import the node [s]."""
    command = [sys.executable, "-c", f"import {MODULE}"]
    return seconds_of(lambda: subprocess.run(command, check=True))


def import_seconds() -> Counter[str]:
    """What importing the node takes [s], by the package that is imported."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {MODULE}"]
    report = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True).stderr
    seconds: Counter[str] = Counter()
    for own, name in re.findall(r"^import time: +(\d+) \|[^|]*\| +(\S+)$", report, re.MULTILINE):
        seconds[name.partition(".")[0]] += 1e-6 * int(own)
    return seconds


def largest(seconds: Counter[str]) -> dict[str, float]:
    """The packages that take longest, and all others together [s]."""
    shown = dict(seconds.most_common(SHOWN_PACKAGES))
    return shown | {"all others": sum(seconds.values()) - sum(shown.values())}
