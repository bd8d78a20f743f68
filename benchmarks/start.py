"""From a process's start to its first answer."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from unittest.mock import patch

from benchmarks.node import SAMPLES, Server, connected_client, example_request
from benchmarks.targets import DEFAULT_DOF
from benchmarks.timing import seconds_of


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
