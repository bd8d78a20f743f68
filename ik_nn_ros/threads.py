"""Work that Python's threads share; machine code leaves Python's lock to the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TypeVar

from threadpoolctl import ThreadpoolController

from ik_nn_ros.stopping import go_on

Piece = TypeVar("Piece")


def num_threads() -> int:
    """How many threads may work: one for each core, or fewer by NUMBA_NUM_THREADS."""
    import numba  # here, because it takes long to import

    return numba.config.NUMBA_NUM_THREADS


def in_threads(work: Callable[[Piece], None], pieces: Iterable[Piece], threads: int) -> None:
    """Work on every piece, in this thread and in ``threads - 1`` others.

    This thread asks before each of its pieces whether to go on, see `stopping`.
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
        # A helper that has not begun, on a machine with other things to do, has nothing to do. All
        # others are waited for: they write to arrays that are the caller's.
        errors = [helper.exception() for helper in helpers if not helper.cancel()]
        for error in filter(None, errors):
            raise error


def pieces(rows: int, threads: int, most: int, head_start: int) -> list[slice]:
    """Rows in pieces of at most ``most``, nearly alike, as many for each thread.

    Where that is one piece each, the first is larger by ``head_start``, the rows that the calling
    thread finishes before the others have woken: it need not wait for them at the end.
    """
    rounds = -(-(rows + (threads - 1) * head_start) // (threads * most))
    ahead = min(head_start, rows) if rounds == 1 else 0
    size = max(-(-(rows - ahead) // (threads * max(rounds, 1))), 1)
    first = slice(0, min(ahead + size, rows))
    return [first, *(slice(at, min(at + size, rows)) for at in range(first.stop, rows, size))]


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="ik_nn_ros")


os.register_at_fork(after_in_child=_pool.cache_clear)  # a child process has none of the threads


class _OneBlasThread:
    """The number of BLAS's threads is one setting of the whole process, kept at 1 by several.

    The first to enter keeps what was set before, the last to leave restores it. If each did both,
    the one that enters second would keep the other's 1, and restore it for good.
    """

    def __init__(self) -> None:
        controller = ThreadpoolController().select(user_api="blas")  # takes milliseconds
        self._libraries = controller.lib_controllers
        self._lock, self._entered = Lock(), 0

    def enter(self) -> None:
        with self._lock:
            if self._entered == 0:
                self._before = [library.num_threads for library in self._libraries]
                self._set([1] * len(self._libraries))
            self._entered += 1

    def leave(self) -> None:
        with self._lock:
            self._entered = max(0, self._entered - 1)  # 0 already: see `begin_in_child`
            if self._entered == 0:
                self._set(self._before)

    def _set(self, numbers: list[int]) -> None:
        for library, number in zip(self._libraries, numbers, strict=True):
            # Since 3.8 threadpoolctl obeys one thread alone, and whoever comes first is not always
            # the one who leaves last.
            getattr(library, "_real_set_num_threads", library.set_num_threads)(number)

    def begin_in_child(self) -> None:
        """A child process has at most the thread that forked: none of the others will leave."""
        if self._entered > 0:
            self._set(self._before)
        self._lock, self._entered = Lock(), 0


_making = Lock()  # a cache makes two of them where two threads ask at once


@cache
def _one_blas_thread() -> _OneBlasThread:
    import scipy.linalg.cython_blas  # noqa: F401  # machine code's BLAS; limits hold what is loaded

    one = _OneBlasThread()
    os.register_at_fork(after_in_child=one.begin_in_child)
    return one


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread: what its own add takes longer than it saves, and rounds otherwise.

    Any number of threads may be inside.
    """
    with _making:
        one = _one_blas_thread()
    one.enter()
    try:
        yield
    finally:
        one.leave()
