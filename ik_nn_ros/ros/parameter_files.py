"""Parameter files: what they give to one node by its name, and what to every node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import yaml

PARAMETERS = "ros__parameters"


class Given(NamedTuple):
    """The values in a file by the parameters' names, those within others as a.b.

    Attributes:
        shared: of sections for nodes of any name, as `/**`.
        own: of sections with the node's name.
    """

    shared: dict[str, Any]
    own: dict[str, Any]


def given_to(node_name: str, content: Any) -> Given:
    """What a file's content gives to a node in any namespace.

    Args:
        node_name: without its namespace.
        content: of the YAML.
    """
    given = Given({}, {})
    for node, values in _sections(content):
        name = node.rpartition("/")[2]
        if "*" in name:
            given.shared.update(_flat(values))
        elif name == node_name:
            given.own.update(_flat(values))
    return given


def shared_names(command: Sequence[str], node_name: str) -> set[str]:
    """Names that a command line's files give to nodes of any name, and not to this one.

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
        if option == "--params-file":
            try:
                given = given_to(node_name, yaml.safe_load(Path(path).read_text()))
            except (OSError, ValueError, RecursionError, yaml.YAMLError):
                continue  # a file that ROS alone can read: all of its names count as this node's
            shared |= given.shared.keys()
            own |= given.own.keys()
    return shared - own


def _sections(content: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """The nodes of a file, with their namespaces, and what it gives them."""
    if isinstance(content, Mapping):
        for key, inner in content.items():
            if key == PARAMETERS:
                yield above, inner
            else:
                yield from _sections(inner, f"{above}/{key}")


def _flat(values: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Parameters and their values."""
    if isinstance(values, Mapping):
        for key, inner in values.items():
            yield from _flat(inner, f"{above}.{key}" if above else str(key))
    else:
        yield above, values
