"""Work that Python's threads share; machine code leaves Python's lock to the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from ik_nn_ros.limits import go_on

Piece = TypeVar("Piece")


def num_threads() -> int:
    """How many threads may work: one for each core, or fewer by NUMBA_NUM_THREADS."""
    import numba  # here, because it takes long to import

    return numba.config.NUMBA_NUM_THREADS


def in_threads(work: Callable[[Piece], None], pieces: Iterable[Piece], threads: int) -> None:
    """Work on every piece, in this thread and in ``threads - 1`` others.

    This thread asks before each of its pieces whether to go on, see `limits`.
    """
    todo = iter(list(pieces))  # a shared iterator is the work queue

    def work_on() -> None:
        for piece in todo:
            go_on()
            work(piece)

    helpers = [_pool(threads - 1).submit(work_on) for _ in range(threads - 1)]
    try:
        work_on()
    finally:
        for _ in todo:  # left where the work is to stop
            pass
        # A helper that has not begun, on a machine with other things to do, has nothing to do.
        for helper in helpers:
            if not helper.cancel():
                helper.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="ik_nn_ros")


os.register_at_fork(after_in_child=_pool.cache_clear)  # a child process has none of the threads
