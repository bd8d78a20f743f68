"""How a long command shows that it is alive."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_INTERVAL = 30.0  # [s] between lines where there is no terminal to draw a bar on


class ProgressBar:
    """A bar with what is done, the time left and the latest values; without a terminal, lines."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, values="")
        self._title = title
        self._first: tuple[int, float] | None = None
        self._last_line = float("-inf")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int, values: dict[str, float]) -> None:
        """See `training.train.run.ProgressListener`."""
        text = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._bar.update(self._task, completed=done, total=total, values=text)
        now = time.monotonic()
        if self._first is None:
            self._first = (done, now)
        due = now - self._last_line > PLAIN_INTERVAL or done == total
        if not self._console.is_terminal and due:
            self._last_line = now
            left = self._seconds_left(done, total, now)
            self._console.print(
                f"{self._title} {done}/{total}  {left} left  {text}", soft_wrap=True
            )

    def _seconds_left(self, done: int, total: int, now: float) -> str:
        first, started = self._first
        if done == first:
            return "? s"
        return f"{(total - done) * (now - started) / (done - first):.0f} s"
