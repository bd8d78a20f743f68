"""How a search shows that it is alive."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from training.search.journal import SearchJournal, parameters_text
from training.train.progress import PLAIN_INTERVAL


class SearchProgress:
    """The best trial, the counts and the time left; plain lines where there is no terminal."""

    def __init__(self, console: Console, journal: SearchJournal, num_trials: int) -> None:
        self._console, self._journal, self._num_trials = console, journal, num_trials
        self._first, self._started = len(journal.trials), time.monotonic()
        self._running = 0
        self._last_line = float("-inf")
        self._live = (
            Live(console=console, get_renderable=self._table) if console.is_terminal else None
        )

    def __enter__(self) -> SearchProgress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running = 0
        if self._live is None:
            self._print_line()
        else:
            self._live.stop()

    def update(self, running: int) -> None:
        """Show the journal as it is now, with the number of trials that are running."""
        self._running = running
        if self._live is None and time.monotonic() - self._last_line > PLAIN_INTERVAL:
            self._last_line = time.monotonic()
            self._print_line()

    def _print_line(self) -> None:
        line = "  ".join(f"{name} {text}" for name, text in self._rows().items())
        self._console.print(line, soft_wrap=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, text in self._rows().items():
            table.add_row(name, text)
        return table

    def _rows(self) -> dict[str, str]:
        counts, best = self._journal.counts, self._journal.best
        ends = ", ".join(f"{counts[end]} {end}" for end in ("finished", "stopped", "diverged"))
        found = f"{best.loss:.4g} with {parameters_text(best.parameters)}" if best else "none yet"
        return {
            "trials": f"{len(self._journal.trials)}/{self._num_trials}: {ends}, "
            f"{self._running} running",
            "time left": self._seconds_left(),
            "best loss": found,
        }

    def _seconds_left(self) -> str:
        done = len(self._journal.trials)
        if done == self._first:
            return "? s"
        pace = (time.monotonic() - self._started) / (done - self._first)
        return f"{(self._num_trials - done) * pace:.0f} s"
