"""The finished trials of a search, on disk one by one, and the files that follow from them."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import yaml

from ik_nn_ros.errors import IKError
from training.search.space import Parameters, SearchSpace

Status = Literal["finished", "stopped", "diverged"]


class JournalError(IKError):
    """A journal that is another search's, is damaged, in use, or cannot be written.

    Attributes:
        path: the journal.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path


@dataclass(frozen=True)
class FinishedTrial:
    """What a trial came to.

    Attributes:
        number: its place in the order in which trials ended, from 1.
        parameters: what was tried.
        status: trained to the end, stopped early as worse than others, or unstable.
        loss: the last test loss; None: diverged.
        epochs: the epochs trained.
        seconds: the time they took [s].
        num_parameters: trainable parameters of the network.
        node: the machine's identifier in the cluster.
        losses: (epoch, test loss) all along.
    """

    number: int
    parameters: Parameters
    status: Status
    loss: float | None
    epochs: int
    seconds: float
    num_parameters: int
    node: str
    losses: list[tuple[int, float]]


class SearchJournal:
    """A file of one line per finished trial under a line that says what is searched.

    Each line is on disk before the search goes on, so a search that is killed loses no finished
    trial. One search at a time holds the file.

    Args:
        path: the file; made if there is none.
        settings: what determines a trial besides its parameters; plain numbers, texts and lists.
        versions: of the software, kept as they were at the search's start.

    Raises:
        JournalError: the file is another search's, is damaged, in use, or cannot be written.

    Attributes:
        path, settings: as given.
        versions: those of the search's start.
        trials: the finished ones, in the order in which they ended.
    """

    def __init__(self, path: Path, settings: dict[str, Any], versions: dict[str, str]) -> None:
        self.path, self.settings, self.versions = path, settings, versions
        self.trials: list[FinishedTrial] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+")
        except OSError as error:
            raise JournalError(path, f"cannot be written: {error.strerror}") from None
        try:
            self._lock()
            self._read()
        except JournalError:
            self._file.close()
            raise

    def __enter__(self) -> SearchJournal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let other searches have the file."""
        self._file.close()

    @property
    def best(self) -> FinishedTrial | None:
        """The trial of the smallest loss, the first of equals."""
        stable = (trial for trial in self.trials if trial.loss is not None)
        return min(stable, key=lambda trial: trial.loss, default=None)

    @property
    def counts(self) -> Counter[Status]:
        """How many trials ended in which way."""
        return Counter(trial.status for trial in self.trials)

    def append(self, trial: FinishedTrial) -> None:
        """Add a trial.

        Raises:
            JournalError: it cannot be written.
        """
        self._write_line(asdict(trial))
        self.trials.append(trial)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JournalError(self.path, "is in use by another search") from None

    def _read(self) -> None:
        try:
            self._file.seek(0)
            *lines, torn = self._file.read().split("\n")
        except UnicodeDecodeError:
            raise self._damaged() from None
        if torn:  # by a full disk or a power cut
            self._file.truncate(sum(len(line.encode()) + 1 for line in lines))
        if not lines:
            self._write_line({"settings": self.settings, "versions": self.versions})
            return
        try:
            header, *rows = (json.loads(line) for line in lines)
            settings, self.versions = dict(header["settings"]), header["versions"]
            self.trials = [FinishedTrial(**row) for row in rows]
        except (ValueError, TypeError, KeyError):
            raise self._damaged() from None
        differing = [key for key in self.settings if settings.get(key) != self.settings[key]]
        if differing:
            reason = f"is of a search with other {', '.join(differing)}; choose another --output"
            raise JournalError(self.path, reason)

    def _damaged(self) -> JournalError:
        return JournalError(self.path, "is damaged; choose another --output")

    def _write_line(self, content: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(content) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise JournalError(self.path, f"cannot be written: {error.strerror}") from None


def write_outcome(journal: SearchJournal, space: SearchSpace, dof: int) -> None:
    """Write what the journal tells beside it, files that appear whole or not at all.

    A table of all trials (.csv), a summary (.json), and, if any trial was stable, the best one's
    configuration with a training's full data and epochs (.yaml).

    Raises:
        JournalError: a file cannot be written.
    """
    _replace(journal.path.with_suffix(".csv"), _table(journal, list(space.ranges)))
    _replace(journal.path.with_suffix(".json"), _summary(journal))
    if journal.best is not None:
        _replace(journal.path.with_suffix(".yaml"), _training_file(journal, space, dof))


def parameters_text(parameters: Mapping[str, int | float]) -> str:
    """Parameters on one line, for a person."""
    return ", ".join(f"{key} {value:.4g}" for key, value in parameters.items())


def _table(journal: SearchJournal, keys: list[str]) -> str:
    text = io.StringIO()
    measures = ["loss", "epochs", "status", "seconds", "num_parameters", "node"]
    table = csv.DictWriter(text, ["number", *keys, *measures], lineterminator="\n")
    table.writeheader()
    for trial in journal.trials:
        row = {name: getattr(trial, name) for name in ["number", *measures]}
        table.writerow(trial.parameters | row)
    return text.getvalue()


def _summary(journal: SearchJournal) -> str:
    best = journal.best
    summary = {
        "settings": journal.settings,
        "best": best and {"number": best.number, "loss": best.loss, "parameters": best.parameters},
        "counts": {"trials": len(journal.trials), **journal.counts},
        "versions": journal.versions,
    }
    return json.dumps(summary, indent=2) + "\n"


def _training_file(journal: SearchJournal, space: SearchSpace, dof: int) -> str:
    best = journal.best
    config = space.full_config(best.parameters, dof).model_dump(mode="json", exclude_unset=True)
    return (
        f"# The best of {len(journal.trials)} trials of a search (python -m training search) for "
        f"the {space.model} with {dof} joints.\n"
        f"# Trial {best.number}: test loss {best.loss:.6g} after {best.epochs} epochs on "
        f"{space.trial_config(best.parameters, dof).data.num_samples} samples.\n"
        + yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=100)
    )


def _replace(path: Path, content: str) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(content)
        partial.replace(path)
    except OSError as error:
        raise JournalError(path, f"cannot be written: {error.strerror}") from None
