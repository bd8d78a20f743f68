"""How functions are compiled to machine code."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from numba.core.registry import CPUDispatcher
from numba.types import Dispatcher

from ik_nn_ros.code_parts import PartCompiler
from ik_nn_ros.kept_code import KeptCode, code_folder

CODE_FOLDER = code_folder()


def compiled(function: Callable) -> Callable:
    """Compile a function at its first call, or load what an earlier process has kept.

    Where nothing can be kept each process compiles. Python's own constants among the arguments of
    a call are part of their types, for each of which a function is compiled anew; NumPy's are not.
    """
    return _compiled(function)


def plain(function: Callable) -> Callable:
    """As `compiled`, for a function that makes no array.

    Without Numba's runtime, references to arrays are not counted: in functions that call small
    functions the counting takes longer than all else.
    """
    return _compiled(function, _nrt=False)


def inlined(function: Callable) -> Callable:
    """As `plain`, for a small function that becomes part of those that call it."""
    return _compiled(function, _nrt=False, forceinline=True)


def inner(function: Callable) -> Callable:
    """As `inlined`, for a function that machine code alone calls.

    A call from Python would end the process.
    """
    return _part(function, _OPTIONS | {"_nrt": False, "forceinline": True})


def merged(function: Callable) -> Callable:
    """For a part of one longer function, with which it is compiled: the quickest to compile."""
    return CPUDispatcher(function, targetoptions=_OPTIONS | {"inline": "always"})


_OPTIONS = {
    "nopython": True,
    "nogil": True,  # rows are worked on in threads
    "error_model": "numpy",  # a check for zero in each division would prevent vectorising
    "fastmath": {"contract", "nsz", "arcp"},  # infinities and NaNs stay what they are
    "no_cfunc_wrapper": True,
}


class _Function(CPUDispatcher):
    """A function that Python calls; to machine code that calls it, it is a part."""

    def compile(self, signature: Any) -> Any:
        """See Numba's; hardly anything of what compiling makes is garbage before it ends."""
        with _without_collecting():
            return super().compile(signature)

    @cached_property
    def _as_part(self) -> Callable:
        return _part(self.py_func, self.targetoptions)

    @property
    def _numba_type_(self) -> Dispatcher:
        return Dispatcher(self._as_part)


@contextmanager
def _without_collecting() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _compiled(function: Callable, **options: bool) -> Callable:
    dispatcher = _Function(function, targetoptions=_OPTIONS | options)
    if CODE_FOLDER is not None:
        dispatcher._cache = KeptCode(function, CODE_FOLDER)  # as Numba's `enable_caching` does
    return dispatcher


def _part(function: Callable, options: dict) -> Callable:
    options = options | {"no_cpython_wrapper": True}
    return CPUDispatcher(function, targetoptions=options, pipeline_class=PartCompiler)
