"""How a long command shows that it is alive."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_INTERVAL = 30.0  # [s] between lines where there is no terminal to draw a bar on


class TrainingProgress:
    """A bar with the loss terms and the time left; plain lines where there is no terminal."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[terms]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, terms="")
        self._title = title
        self._first: tuple[int, float] | None = None
        self._last_line = float("-inf")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, step: int, total_steps: int, terms: dict[str, float]) -> None:
        """See `training.train.run.ProgressListener`."""
        text = "  ".join(f"{name} {value:.4g}" for name, value in terms.items())
        self._bar.update(self._task, completed=step, total=total_steps, terms=text)
        now = time.monotonic()
        if self._first is None:
            self._first = (step, now)
        due = now - self._last_line > PLAIN_INTERVAL or step == total_steps
        if not self._console.is_terminal and due:
            self._last_line = now
            left = self._seconds_left(step, total_steps, now)
            self._console.print(
                f"{self._title} step {step}/{total_steps}  {left} left  {text}", soft_wrap=True
            )

    def _seconds_left(self, step: int, total_steps: int, now: float) -> str:
        first_step, first_time = self._first
        if step == first_step:
            return "? s"
        return f"{(total_steps - step) * (now - first_time) / (step - first_step):.0f} s"
