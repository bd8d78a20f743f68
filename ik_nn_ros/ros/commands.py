"""The executables. They import ROS and SciPy, which takes long, only once signals are theirs."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

from ik_nn_ros.errors import MissingPackageError


def ik_server() -> int:
    """See `node.main`; a signal before that ends it just as quietly."""
    _end_on_signals(status=0)
    return _run("ik_server", "node")


def solve_ik() -> int:
    """See `solve_ik.main`; a signal before that ends it just as quietly."""
    _end_on_signals(status=1)
    return _run("solve_ik", "solve_ik")


def _run(command: str, module: str) -> int:
    try:
        return import_module(f"ik_nn_ros.ros.{module}").main()
    except ImportError as error:
        print(f"{command}: {MissingPackageError(error)}", file=sys.stderr)
        return 1


def _end_on_signals(status: int) -> None:
    # At once: a KeyboardInterrupt in the midst of an import comes out as any other error.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(status))
