"""The record of a search: an Optuna study in an SQLite file, and the files that follow from it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import optuna
import ray
import torch
import yaml
from optuna.exceptions import OptunaError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from ik_nn_ros.errors import IKError
from training.search.space import Parameters, SearchSpace

NAME = "search"  # of the study in a file, which holds no other
REPORT_EPOCHS = 3  # between two looks at the test loss; from the first on a trial may be stopped
DIVERGED_LOSS = 1e6  # a loss from here up is divergence; finite, for the scheduler's quantiles

Status = Literal["finished", "stopped", "diverged"]


class StudyError(IKError):
    """A study that is another search's, is damaged, or cannot be written.

    Attributes:
        path: its file, or one that follows from it.
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
        losses: the test loss after every `REPORT_EPOCHS`; `DIVERGED_LOSS` where it diverged.
        epochs: those up to the last loss.
        seconds: from its start to its end [s].
    """

    number: int
    parameters: Parameters
    status: Status
    losses: list[float]
    epochs: int
    seconds: float

    @property
    def loss(self) -> float | None:
        """The last test loss; None: diverged."""
        return None if self.status == "diverged" else self.losses[-1]


class SearchStudy:
    """The trials of a search, on disk as they go: one that is killed loses no finished trial.

    Args:
        path: SQLite file; made if there is none.
        space: what is searched.
        dof: joints of the paper's arm.

    Raises:
        StudyError: the file is another search's, is damaged, or cannot be written.

    Attributes:
        path, space, dof: as given.
        storage: Optuna's, with the study `NAME`.
    """

    def __init__(self, path: Path, space: SearchSpace, dof: int) -> None:
        self.path, self.space, self.dof = path, space, dof
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{path.resolve()}"
            self.storage = RDBStorage(url, {"poolclass": NullPool})  # keeps no connection open
            self._study = optuna.create_study(
                storage=self.storage, study_name=NAME, load_if_exists=True
            )
            self._identify()
        except OSError as error:
            raise StudyError(path, f"cannot be written: {error.strerror}") from None
        except (OptunaError, SQLAlchemyError, RuntimeError) as error:
            cause = str(error.__cause__ or error).partition("\n")[0]
            raise StudyError(path, f"is no study that can be written: {cause}") from None

    @property
    def settings(self) -> dict[str, Any]:
        """What determines a trial besides its parameters."""
        return self.space.model_dump(mode="json") | {"dof": self.dof}

    @property
    def versions(self) -> dict[str, str]:
        """Of the software, as they were at the search's start."""
        return self._study.user_attrs["versions"]

    @property
    def num_begun(self) -> int:
        """Trials that ended, run, or were killed."""
        return len(self._study.get_trials(deepcopy=False))

    @property
    def trials(self) -> list[FinishedTrial]:
        """Those that ended, in that order."""
        trials = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        trials.sort(key=lambda trial: trial.datetime_complete)
        return [self._finished(number, trial) for number, trial in enumerate(trials, start=1)]

    @cached_property
    def total_epochs(self) -> int:
        """Epochs of a trial that is not stopped early."""
        return self.space.trial_config(self.space.corner("min"), self.dof).epochs

    @property
    def total_reports(self) -> int:
        """Losses of such a trial."""
        return math.ceil(self.total_epochs / REPORT_EPOCHS)

    def _identify(self) -> None:
        """Say in the file what is searched, or see that it is the same."""
        if "settings" not in self._study.user_attrs:
            versions = {module.__name__: module.__version__ for module in (torch, ray, optuna)}
            self._study.set_user_attr("versions", versions)
            self._study.set_user_attr("settings", self.settings)
        stored = self._study.user_attrs["settings"]
        differing = [key for key, value in self.settings.items() if stored.get(key) != value]
        if differing:
            reason = f"is of a search with other {', '.join(differing)}; choose another --output"
            raise StudyError(self.path, reason)

    def _finished(self, number: int, trial: FrozenTrial) -> FinishedTrial:
        # Ray's searcher reports every loss but the last, which is the trial's value.
        losses = [*(loss for _, loss in sorted(trial.intermediate_values.items())), trial.value]
        status: Status = "finished" if len(losses) == self.total_reports else "stopped"
        return FinishedTrial(
            number=number,
            parameters=trial.params,
            status="diverged" if trial.value >= DIVERGED_LOSS else status,
            losses=losses,
            epochs=min(len(losses) * REPORT_EPOCHS, self.total_epochs),
            seconds=round(trial.duration.total_seconds(), 2),
        )


def counts_of(trials: list[FinishedTrial]) -> Counter[Status]:
    """How many trials ended in which way."""
    return Counter(trial.status for trial in trials)


def best_of(trials: list[FinishedTrial]) -> FinishedTrial | None:
    """The trial of the smallest loss, the first of equals; None: all diverged."""
    stable = (trial for trial in trials if trial.loss is not None)
    return min(stable, key=lambda trial: trial.loss, default=None)


def write_outcome(study: SearchStudy) -> None:
    """Write what a study tells beside it, files that appear whole or not at all.

    A table of all trials (.csv), a summary (.json), and, if any trial was stable, the best one's
    configuration with a training's full data and epochs (.yaml).

    Raises:
        StudyError: a file cannot be written.
    """
    trials = study.trials
    best = best_of(trials)
    _replace(study.path.with_suffix(".csv"), _table(trials, list(study.space.ranges)))
    _replace(study.path.with_suffix(".json"), _summary(study, trials, best))
    if best is not None:
        _replace(study.path.with_suffix(".yaml"), _training_file(study, len(trials), best))


def _table(trials: list[FinishedTrial], keys: list[str]) -> str:
    text = io.StringIO()
    measures = ["loss", "epochs", "status", "seconds"]
    table = csv.DictWriter(text, ["number", *keys, *measures], lineterminator="\n")
    table.writeheader()
    for trial in trials:
        row = {name: getattr(trial, name) for name in ["number", *measures]}
        table.writerow(trial.parameters | row)
    return text.getvalue()


def _summary(study: SearchStudy, trials: list[FinishedTrial], best: FinishedTrial | None) -> str:
    summary = {
        "settings": study.settings,
        "best": best and _described(study, best),
        "counts": {"trials": len(trials), **counts_of(trials)},
        "versions": study.versions,
    }
    return json.dumps(summary, indent=2) + "\n"


def _described(study: SearchStudy, best: FinishedTrial) -> dict[str, Any]:
    network = study.space.trial_config(best.parameters, study.dof).build_network()
    return {
        "number": best.number,
        "loss": best.loss,
        "parameters": best.parameters,
        "num_parameters": network.num_parameters,
    }


def _training_file(study: SearchStudy, num_trials: int, best: FinishedTrial) -> str:
    space, dof = study.space, study.dof
    config = space.full_config(best.parameters, dof).model_dump(mode="json", exclude_unset=True)
    return (
        f"# The best of {num_trials} trials of a search (python -m training search) for "
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
        raise StudyError(path, f"cannot be written: {error.strerror}") from None
