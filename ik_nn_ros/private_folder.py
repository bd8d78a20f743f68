"""Folders that code may be loaded from: nobody else can put any there.

A pickle is code. Of such a folder and of all that lead to it nobody but this user and root may
exchange the contents.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
DIGEST_SIZE = hashlib.sha256().digest_size


def private_folder(path: str) -> Path:
    """The folder that a path leads to, through symbolic links; made where it is missing.

    Raises:
        OSError: it cannot be made, or others may write there; says why.
    """
    path = os.path.expanduser(path)  # stays as it is for a user without a home
    if not os.path.isabs(path):
        raise PermissionError(f"{path} is not an absolute path")
    folder = Path(os.path.realpath(path))
    for part in (*reversed(folder.parents), folder):
        if not part.exists():
            part.mkdir(mode=0o700, exist_ok=True)
        _require_private(part, may_be_sticky=part != folder)
    return folder


def _require_private(folder: Path, may_be_sticky: bool) -> None:
    state = folder.stat()
    if not stat.S_ISDIR(state.st_mode):
        raise NotADirectoryError(f"{folder} is not a folder")
    if state.st_uid not in (os.geteuid(), 0):
        raise PermissionError(f"{folder} belongs to another user")
    # In a sticky folder, such as /tmp, nobody renames what belongs to another.
    if state.st_mode & BY_OTHERS and not (may_be_sticky and state.st_mode & stat.S_ISVTX):
        raise PermissionError(f"{folder} can be written by others")


def read_private(path: Path) -> bytes:
    """What `write_private` wrote.

    Raises:
        OSError: there is no such file, or others may write it.
        ValueError: it is damaged.
    """
    # A link could lead anywhere, and opening a pipe would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise PermissionError(f"{path} is not a file")
        if state.st_uid not in (os.geteuid(), 0) or state.st_mode & BY_OTHERS:
            raise PermissionError(f"{path} can be written by others")
        data = file.read()
    digest, content = data[:DIGEST_SIZE], data[DIGEST_SIZE:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(f"{path} is damaged")
    return content


def write_private(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, with its checksum, for this user alone.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
