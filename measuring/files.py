"""Results in files: written whole or not at all, read back as what they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ik_nn_ros.errors import IKError

T = TypeVar("T")


class ResultError(IKError):
    """A result file that cannot be read.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


def write_file(path: Path, content: Any) -> None:
    """Write dataclasses, or lists of them, as JSON, in the place of the file that was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    plain = TypeAdapter(type(content)).dump_python(content, mode="json")
    partial.write_text(json.dumps(plain, indent=2) + "\n")
    partial.replace(path)


def read_file(path: Path, kind: type[T]) -> T:
    """The inverse of `write_file` for a content of some type, such as ``list[Speed]``.

    Raises:
        ResultError: the file is missing, or its content is of another type.
    """
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except OSError as error:
        raise ResultError(path, error.strerror or str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"is no result of this version ({where}: {first['msg']})"
        raise ResultError(path, reason) from None
