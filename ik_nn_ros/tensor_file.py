"""Safetensors files, of which nothing is believed before it is checked.

The format: the length of a header (8 bytes, little endian), the header (JSON: of each tensor its
type, shape and place, and text under `__metadata__`), the tensors one after the other.
https://huggingface.co/docs/safetensors. Its library maps a file to memory, where one that shrinks
kills the process, and bounds neither header nor tensors by what the reader can use.
"""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MOST_HEADER_BYTES = 1 << 20
MOST_DIMENSIONS = 8
NUMBERS = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8")}  # the types of numbers that are read


class Entry(NamedTuple):
    """One tensor of a file.

    Attributes:
        dtype: its numbers' type.
        shape: its shape.
        begin, end: where its bytes are, counted from the end of the header.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """What a file says of its content.

    Attributes:
        metadata: texts by their names.
        entries: the tensors by their names.
    """

    metadata: dict[str, str]
    entries: dict[str, Entry]


def opened(path: Path) -> BinaryIO:
    """A regular file to read from.

    Raises:
        OSError: it cannot be read.
        ValueError: it is a folder, a device, a pipe: reading might never end.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no regular file")
    return path.open("rb")


def read_header(file: BinaryIO, most_bytes: int) -> Header:
    """What a file says of its content, its places and sizes checked; leaves it at the first tensor.

    Raises:
        ValueError: it has more than ``most_bytes``, ends early, or is not of this format.
    """
    size = os.fstat(file.fileno()).st_size
    if size > most_bytes:
        raise ValueError(f"it has {size} bytes, at most {most_bytes} are read")
    if size < 8:  # also of the system's own files, some of which are waited for when they are read
        raise ValueError("it ends early")
    length = int.from_bytes(_read(file, 8), "little")
    if length > min(MOST_HEADER_BYTES, size - 8):
        raise ValueError(f"it has a header of {length} bytes, or ends before that")
    try:
        fields = dict(json.loads(_read(file, length)))
        metadata = dict(fields.pop("__metadata__", {}))
    except (RecursionError, TypeError, ValueError):
        raise ValueError("its header is no JSON object") from None
    entries = {name: _entry(name, fields[name]) for name in fields}
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1][2:]):
        if entry.begin != end:
            raise ValueError(f"{name} does not begin where the tensor before it ends")
        end = entry.end
    if 8 + length + end != size:
        raise ValueError(f"it has {size} bytes, its header tells of {8 + length + end}")
    return Header(metadata, entries)


def read_tensors(file: BinaryIO, header: Header) -> dict[str, np.ndarray]:
    """The tensors behind a header that was just read.

    Raises:
        ValueError: the file has become shorter since.
    """
    content = _read(file, max((entry.end for entry in header.entries.values()), default=0))
    return {
        name: np.ndarray(entry.shape, entry.dtype, content, entry.begin)
        for name, entry in header.entries.items()
    }


def _read(file: BinaryIO, count: int) -> bytearray:
    content = bytearray(count)
    if file.readinto(content) != count:
        raise ValueError("it ends early")
    return content


def _entry(name: str, fields: Any) -> Entry:
    nonsense = ValueError(f"what its header tells of {name} makes no sense")
    try:
        number, shape, (begin, end) = fields["dtype"], fields["shape"], fields["data_offsets"]
        dtype, sizes = NUMBERS.get(number), (*shape, begin, end)
    except (KeyError, TypeError, ValueError):
        raise nonsense from None
    if dtype is None:
        known = ", ".join(NUMBERS)
        raise ValueError(f"{name} has numbers of type {number}, only {known} are read")
    if len(shape) > MOST_DIMENSIONS or not all(type(one) is int and one >= 0 for one in sizes):
        raise nonsense
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise nonsense
    return Entry(dtype, tuple(shape), begin, end)
