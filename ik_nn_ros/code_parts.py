"""Functions as parts of the machine code of those that call them.

Numba optimises every function and translates it to machine code, and does both once more within
each one that calls it. Of a part it makes LLVM's intermediate code alone, which is optimised and
translated where it is used: that takes a third off the time in which all is compiled.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class PartCompiler(Compiler):
    """Numba's compiler, as far as to intermediate code."""

    def __init__(self, typing_context: Any, target_context: Any, *others: Any) -> None:
        super().__init__(typing_context, target_context, *others)
        self.state.library = _IntermediateCode(target_context.codegen(), "part")


class _IntermediateCode(JITCodeLibrary):
    """What is linked into the code of callers, and has no address of its own."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True

    @property
    def codegen(self) -> _IntermediateCode:
        return self  # of a code generator Numba asks here for `set_env` alone

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing: errors alone need it, those whose arguments are computed; no part raises any."""
