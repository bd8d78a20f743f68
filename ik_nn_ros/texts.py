"""Text of others, a client or a file, as it may stand in a sentence, a log line or a message."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST_NAME = 80  # characters
LONGEST_PATH = 300  # characters
LONGEST_MESSAGE = 2000  # characters; the longest sentence of the package's own has some hundred
MOST_NAMES = 20


def shown(text: object, longest: int = LONGEST_NAME) -> str:
    r"""Text on one line and of bounded length: what does not print is escaped, the rest is cut.

    >>> shown("joint\n\x1b[31mERROR")
    'joint\\n\\x1b[31mERROR'
    >>> shown("x" * 1000, longest=4)
    'xxxx... (1000 characters)'
    """
    text = str(text)
    escaped = "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in text[:longest]  # what is escaped becomes longer
    )
    if len(text) <= longest and len(escaped) <= longest:
        return escaped
    return f"{escaped[:longest]}... ({len(text)} characters)"


def listed(names: Iterable[str]) -> str:
    """Names of others, `shown`, with commas between them; of many the first ones."""
    names = list(names)
    text = ", ".join(map(shown, names[:MOST_NAMES]))
    return text if len(names) <= MOST_NAMES else f"{text} and {len(names) - MOST_NAMES} more"
