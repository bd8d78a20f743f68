"""YAML files as people write them, read within bounds; every mistake is a sentence."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

MOST_BYTES = 1_000_000  # an arm or a training has a few hundred
MOST_VALUES = 100_000  # that aliases, too, stand for: ten of ten of ten ... are more than memory
LONGEST_REASON = 300  # characters of the parser's


class _Loader(yaml.SafeLoader):
    """Keeps YAML's own rule, which PyYAML does not: a mapping has each of its keys once."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for key, count in keys.items():
            if count > 1:
                raise yaml.composer.ComposerError(
                    None, None, f"found {count} times the key {key!r}", node.start_mark
                )
        return node


def read_yaml(path: Path) -> Any:
    """The content of a file.

    Raises:
        ValueError: it is missing, no file, too large or not YAML; says so, without the path.
    """
    try:
        if path.exists() and not path.is_file():  # a device or a pipe is never read
            raise ValueError("is no file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    if len(content) > MOST_BYTES:
        raise ValueError(f"must have at most {MOST_BYTES} bytes")
    try:
        values = yaml.load(content, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError of a number or date
        reason = " ".join(str(error).split())
        raise ValueError(f"is not YAML: {reason[:LONGEST_REASON]}") from None
    _require_few(values)
    return values


def _require_few(content: Any) -> None:
    left, count = [content], 0
    while left:
        value = left.pop()
        count += 1
        if count > MOST_VALUES:
            raise ValueError(f"must stand for at most {MOST_VALUES} values")
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list):
            left += value
