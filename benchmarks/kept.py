"""Results that are kept in one file, and grow while they are measured."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from measuring.results import ResultError


class Kept:
    """Base of dataclasses of results."""

    def write(self, path: Path) -> None:
        """Write all of it; a file that was there is replaced at once or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        beside.write_bytes(TypeAdapter(type(self)).dump_json(self, indent=2) + b"\n")
        beside.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The inverse of `write`.

        Raises:
            ResultError: the file is missing, or is not of this version.
        """
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except OSError as error:
            raise ResultError(path, error.strerror or str(error)) from None
        except ValidationError as error:
            reason = " ".join(str(error).split())
            raise ResultError(path, f"is no result of this version ({reason})") from None
