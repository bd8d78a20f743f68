"""How functions are compiled to machine code, and where it is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numba
from numba.misc.appdirs import user_cache_dir

_PACKAGE = Path(__file__).parent
# Files whose text is part of the cache key. Numba alone would look at the file of a function only,
# not at those of the functions that are compiled into it.
_SOURCES = [
    Path(__file__),
    *sorted(
        path
        for folder in ("backends/kernels", "chain", "posterior")
        for path in (_PACKAGE / folder).glob("*.py")
    ),
]
_FINGERPRINT = hashlib.sha256(b"".join(path.read_bytes() for path in _SOURCES)).hexdigest()[:16]
CACHE_FOLDER = Path(numba.config.CACHE_DIR or user_cache_dir("ik_nn_ros")) / _FINGERPRINT


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


# Elsewhere Numba would keep it beside the source, with no fingerprint.
_KEPT = _can_be_written(CACHE_FOLDER)


def compiled(function: Callable) -> Callable:
    """Compile a function at its first call, or load what an earlier process has kept.

    Where nothing can be kept each process compiles.
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


def _compiled(function: Callable, **options: bool) -> Callable:
    others, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(CACHE_FOLDER)
    try:
        return numba.njit(
            cache=_KEPT,
            nogil=True,  # rows are worked on in threads
            error_model="numpy",  # a check for zero in each division would prevent vectorising
            fastmath={"contract", "nsz", "arcp"},  # infinities and NaNs stay what they are
            **options,
        )(function)
    finally:
        numba.config.CACHE_DIR = others
