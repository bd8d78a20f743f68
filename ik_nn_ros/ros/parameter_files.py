"""Which parameters of a command line's files are meant for whatever node, and not for this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

PARAMETERS = "ros__parameters"


def shared_names(command: Sequence[str], node_name: str) -> set[str]:
    """Names that files give to nodes of any name, as in a section `/**`, and not to this one.

    Every node gets those of such a section, and passes over the ones that it does not know; an
    unknown one in a node's own section is a mistake. ROS tells a node its values, not which
    section they are from.

    Args:
        command: with `--params-file` before each file.
        node_name: without its namespace.
    """
    shared: set[str] = set()
    own: set[str] = set()
    for option, path in pairwise(command):
        if option != "--params-file":
            continue
        try:
            content = yaml.safe_load(Path(path).read_text())
        except (OSError, ValueError, yaml.YAMLError):
            continue  # a file that ROS alone can read: all of its names are taken for this node's
        for node, values in _sections(content):
            name = node.rpartition("/")[2]
            if "*" in name:
                shared.update(_names(values))
            elif name == node_name:
                own.update(_names(values))
    return shared - own


def _sections(content: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """The nodes of a file, with their namespaces, and what it gives them."""
    if not isinstance(content, Mapping):
        return
    for key, inner in content.items():
        if key == PARAMETERS:
            yield above, inner
        else:
            yield from _sections(inner, f"{above}/{key}")


def _names(values: Any, above: str = "") -> Iterator[str]:
    """The names of parameters; of one in another, as a.b."""
    if isinstance(values, Mapping):
        for key, inner in values.items():
            yield from _names(inner, f"{above}.{key}" if above else str(key))
    else:
        yield above
