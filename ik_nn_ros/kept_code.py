"""Machine code that processes leave to one another.

Numba's own cache believes what it finds: a damaged file ends the process, and one that somebody
else has put there is run.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from ik_nn_ros.private_folder import private_folder, read_private, write_private

# Files whose text machine code depends on, beside that of the function itself: functions are
# compiled into those that call them.
_PACKAGE = Path(__file__).parent
_SOURCES = [
    _PACKAGE / "code_parts.py",
    _PACKAGE / "compilation.py",
    _PACKAGE / "models" / "architectures.py",  # whose bounds are constants of the kernels
    *sorted(
        path
        for folder in ("backends/kernels", "chain", "posterior")
        for path in (_PACKAGE / folder).glob("*.py")
    ),
]
_logger = logging.getLogger(__name__)


def code_folder() -> Path | None:
    """Where this version's machine code is kept; None, and a line in the log why, if nowhere.

    Below NUMBA_CACHE_DIR, or else the user's cache folder.
    """
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = numba.config.CACHE_DIR or f"{caches}/ik_nn_ros"
    digest = _digest(numba.__version__, sys.implementation.cache_tag, *map(_text, _SOURCES))
    try:
        return private_folder(f"{folder}/{digest}")
    except OSError as error:
        _logger.warning("machine code is not kept, each start compiles it for some 10 s: %s", error)
        return None


class KeptCode:
    """The machine code of one function, in the place of Numba's own `Cache`.

    Whatever is wrong with what is kept, the function is compiled, and the log says why.

    Args:
        function: of a module, without a closure.
        folder: see `code_folder`.

    Attributes:
        cache_path: the folder.
    """

    def __init__(self, function: Callable, folder: Path) -> None:
        code = function.__code__
        self._function = (
            function.__qualname__,
            str(code.co_firstlineno),
            _text(Path(code.co_filename)),
        )
        self.cache_path = str(folder)

    def load_overload(self, arguments: Any, context: Any) -> CompileResult | None:
        """What was kept for arguments of these types; None if nothing was."""
        context.refresh()
        try:
            content = read_private(self._path(arguments, context.codegen()))
            return CompileResult._rebuild(context, *pickle.loads(content))
        except FileNotFoundError:
            _say_that_it_compiles(self.cache_path)
        except Exception as error:  # of a pickle any
            _warn_once("machine code is compiled anew: %s", error)
        return None

    def save_overload(self, arguments: Any, result: CompileResult) -> None:
        """Keep what was compiled for arguments of these types."""
        try:
            write_private(self._path(arguments, result.codegen), dumps(result._reduce()))
        except OSError as error:
            _warn_once("machine code is not kept, the next start compiles it again: %s", error)

    def _path(self, arguments: Any, codegen: Any) -> Path:
        digest = _digest(*self._function, str(arguments), str(codegen.magic_tuple()))
        return Path(self.cache_path, f"{self._function[0]}-{digest}")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _say_that_it_compiles(folder: str) -> None:
    _logger.info(
        "compiling machine code, for some 10 s in all; it is kept in %s for later starts", folder
    )


def _warn_once(line: str, error: Exception) -> None:
    if line not in _warned:
        _warned.add(line)
        _logger.warning(line, error)


_warned: set[str] = set()
