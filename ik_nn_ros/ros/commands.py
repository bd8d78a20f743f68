"""The executables. They import ROS and SciPy, which takes long, only once signals are theirs."""

from __future__ import annotations

import os
import signal


def ik_server() -> int:
    """See `node.main`; a signal before that ends it just as quietly."""
    _end_on_signals(status=0)
    from ik_nn_ros.ros.node import main

    return main()


def solve_ik() -> int:
    """See `solve_ik.main`; a signal before that ends it just as quietly."""
    _end_on_signals(status=1)
    from ik_nn_ros.ros.solve_ik import main

    return main()


def _end_on_signals(status: int) -> None:
    # At once: a KeyboardInterrupt in the midst of an import comes out as any other error.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(status))
