"""Paths of files as people write them."""

from __future__ import annotations

from pathlib import Path


def user_path(path: str | Path) -> Path:
    """A path, of which a leading ~ stands for the home folder.

    Raises:
        ValueError: it is none, or nobody knows that home folder.
    """
    try:
        expanded = Path(path).expanduser()
    except (RuntimeError, TypeError) as error:
        raise ValueError(str(error)) from None
    if "\0" in str(expanded):
        raise ValueError("a path has no zero byte")
    return expanded
