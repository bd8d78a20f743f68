"""Whose request is next, where several clients wait: whoever has been served least."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass
class _Line(Generic[Item]):
    """One client's items, the oldest first, and when it comes to be served [s of service]."""

    items: deque[Item] = field(default_factory=deque)
    served: float = 0.0


class Turns(Generic[Item]):
    """The requests of every client, in their order; the clients take turns.

    Start-time fair queueing (Goyal, Vin and Cheng 1997): of clients that ask for alike each has one
    in turn, and one that asks for little does not wait for all of those that ask for much.

    >>> turns = Turns(most=3)
    >>> [turns.add(*one) for one in (("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 5))]
    [True, True, True, False, True]
    >>> served = []
    >>> while client := next(turns.clients(), None):
    ...     served.append(turns.oldest(client))
    ...     turns.finish(client, seconds=1.0)
    >>> served
    [1, 5, 2, 3]

    Args:
        most: items of one client that may wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: dict[bytes, _Line[Item]] = {}
        self._now = 0.0  # what the client whose turn it was last had been served

    def add(self, client: bytes, item: Item) -> bool:
        """Let an item wait; False where too many of its client's wait already."""
        line = self._lines.setdefault(client, _Line())
        if len(line.items) >= self._most:
            return False
        if not line.items:
            line.served = max(line.served, self._now)  # having asked for nothing earns nothing
        line.items.append(item)
        return True

    def clients(self) -> Iterator[bytes]:
        """Clients that have items waiting, in the order of their turns."""
        waiting = [client for client, line in self._lines.items() if line.items]
        yield from sorted(waiting, key=lambda client: self._lines[client].served)

    def oldest(self, client: bytes) -> Item:
        """A client's item whose turn is next."""
        return self._lines[client].items[0]

    def finish(self, client: bytes, seconds: float) -> None:
        """A client's oldest item is done, after so long."""
        line = self._lines[client]
        line.items.popleft()
        self._now = max(self._now, line.served)
        line.served += seconds
        anybody = any(line.items for line in self._lines.values())
        self._lines = {
            other: line
            for other, line in self._lines.items()
            if line.items or (anybody and line.served > self._now)
        }

    def drop(self, client: bytes) -> int:
        """Forget a client; how many items of its waited."""
        return len(self._lines.pop(client).items)
