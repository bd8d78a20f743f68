"""How functions are compiled to machine code."""

from __future__ import annotations

from collections.abc import Callable

import numba

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
    return _compiled(function, _nrt=False, no_cfunc_wrapper=True)


def inlined(function: Callable) -> Callable:
    """As `plain`, for a small function that becomes part of those that call it."""
    return _compiled(function, _nrt=False, no_cfunc_wrapper=True, forceinline=True)


def inner(function: Callable) -> Callable:
    """As `inlined`, for a function that machine code alone calls: it is not kept by itself.

    A call from Python would end the process.
    """
    return _dispatcher(
        function, _nrt=False, no_cfunc_wrapper=True, no_cpython_wrapper=True, forceinline=True
    )


def merged(function: Callable) -> Callable:
    """For a part of one longer function, with which it is compiled: the quickest to compile."""
    return _dispatcher(function, inline="always")


def _compiled(function: Callable, **options: bool) -> Callable:
    dispatcher = _dispatcher(function, **options)
    if CODE_FOLDER is not None:
        dispatcher._cache = KeptCode(function, CODE_FOLDER)  # as Numba's `enable_caching` does
    return dispatcher


def _dispatcher(function: Callable, **options: bool | str) -> Callable:
    return numba.njit(
        nogil=True,  # rows are worked on in threads
        error_model="numpy",  # a check for zero in each division would prevent vectorising
        fastmath={"contract", "nsz", "arcp"},  # infinities and NaNs stay what they are
        **options,
    )(function)
