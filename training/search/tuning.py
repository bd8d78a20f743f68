"""A search over the hyperparameters of a model with Ray Tune and Optuna.

The paper searched with scikit-optimize. That project is archived; Optuna's sampler takes its place.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import ray
import torch
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler
from ray.tune.search.optuna import OptunaSearch
from sqlalchemy.exc import SQLAlchemyError

import ik_nn_ros
import training
from ik_nn_ros.errors import IKError
from training.search.space import Parameters, Range, SearchSpace
from training.search.study import (
    DIVERGED_LOSS,
    NAME,
    REPORT_EPOCHS,
    FinishedTrial,
    SearchStudy,
    StudyError,
    best_of,
    counts_of,
)
from training.train.run import ProgressListener
from training.train.trainer import Trainer, TrainingDivergedError

REDUCTION = 4  # of this many trials that come to a decision, one goes on
SEED = 0
RETRIES = 3  # of a trial whose machine fails
CONNECT_TIMEOUT = 5.0  # [s]
TOKEN_HINT = "if the cluster asks for a token, set RAY_AUTH_MODE=token"
OBJECT_STORE_BYTES = 80_000_000  # Ray's smallest, nearly: trials exchange a few numbers
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would report to its makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # or it warns about what it did with GPUs
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output can be silenced
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the study is the record
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the last one is told by a `SearchError`
}


class ClusterError(IKError):
    """A Ray cluster that cannot be joined.

    Attributes:
        address: where it was looked for.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"no Ray cluster at {address}: {reason}")
        self.address = address


class SearchError(IKError):
    """A search that ended before all of its trials.

    Attributes:
        finished: the trials that ended.
        num_trials: the trials that were wanted.
    """

    def __init__(self, finished: int, num_trials: int, reason: str) -> None:
        super().__init__(
            f"the search ended after {finished} of {num_trials} trials: {reason}; "
            "the same command continues"
        )
        self.finished = finished
        self.num_trials = num_trials


def search(
    study: SearchStudy, num_trials: int, address: str | None, on_progress: ProgressListener
) -> None:
    """Try parameters until the study has ``num_trials`` trials.

    Args:
        study: what is searched; gets each trial as it goes.
        num_trials: those wanted, with the ones that the study has already.
        address: HOST:PORT of a Ray cluster that this machine is part of; None: this machine alone.
        on_progress: told of each trial that ended.

    Raises:
        ClusterError: there is no cluster at ``address``.
        SearchError: interrupted, or a trial failed for other reasons than divergence.
        StudyError: a trial cannot be written.
    """
    known = study.trials
    if len(known) >= num_trials:
        return
    observer = _Observer(study, num_trials, on_progress)
    _connect(address)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _tuner(study, known, observer, num_trials - len(known), folder).fit()
    except RuntimeError as error:
        # Among others, a worker was killed, as for want of memory.
        observer.failure = observer.failure or str(error).strip().partition("\n")[0]
    except Exception as error:
        if (reason := _storage_failure(error)) is not None:
            raise StudyError(study.path, f"cannot be written: {reason}") from None
        if observer.failure is None:
            raise
    finally:
        ray.shutdown()
    finished = len(study.trials)
    if finished < num_trials:
        raise SearchError(finished, num_trials, observer.failure or "interrupted")


class TrainingTrial(tune.Trainable):
    """The training of one point of the space, a few epochs a step."""

    def setup(self, config: Parameters, space: SearchSpace, dof: int) -> None:
        torch.set_num_threads(1)
        training_config = space.trial_config(config, dof)
        self._trainer = Trainer(training_config, "cpu", training_config.total_steps)

    def reset_config(self, new_config: Parameters) -> bool:
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        trainer = self._trainer
        try:
            trainer.advance(REPORT_EPOCHS * trainer.config.steps_per_epoch)
            loss = trainer.test_loss()
        except TrainingDivergedError:
            loss = math.inf
        stable = loss < DIVERGED_LOSS  # which no NaN is
        return {
            "loss": loss if stable else DIVERGED_LOSS,
            "done": trainer.finished or not stable,
        }


class _Observer(tune.Callback):
    """Shows how the search goes, and ends it where a trial fails.

    Attributes:
        failure: why the search cannot go on. Tune makes errors of its own of those raised here.
    """

    def __init__(self, study: SearchStudy, num_trials: int, on_progress: ProgressListener) -> None:
        self._study, self._num_trials, self._on_progress = study, num_trials, on_progress
        self.failure: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune keeps a copy of its callbacks on disk, where the study is in our case."""
        return {}

    def on_trial_complete(self, **info: Any) -> None:
        trials = self._study.trials
        best = best_of(trials)
        values = {**counts_of(trials), **({"best loss": best.loss} if best else {})}
        self._on_progress(len(trials), self._num_trials, values)

    def on_trial_error(self, *, trial: Trial, **info: Any) -> None:
        lines = str(trial.get_pickled_error() or "a machine failed").strip().splitlines()
        self.failure = lines[-1]
        raise RuntimeError(self.failure)


def _storage_failure(error: BaseException | None) -> str | None:
    """What the database says if that is why Tune ended; Tune makes an error of its own of it."""
    while error is not None and not isinstance(error, SQLAlchemyError):
        error = error.__cause__ or error.__context__
    return None if error is None else str(error).partition("\n")[0]


def _connect(address: str | None) -> None:
    if address is None:
        where = {
            "address": "local",
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
    else:
        _require_listener(address)
        where = {"address": address}
    os.environ.update(ENVIRONMENT)
    # The other machines of a cluster need not have a clone: the code travels, without the weights.
    code = [str(Path(package.__file__).parent) for package in (training, ik_nn_ros)]
    try:
        ray.init(
            **where,
            runtime_env={"py_modules": code, "excludes": ["weights/", "__pycache__/"]},
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        if address is None:
            raise
        reason = str(error).partition("\n")[0]
        raise ClusterError(address, f"{reason}; {TOKEN_HINT}") from None


def _require_listener(address: str) -> None:
    """Raise at once where nobody listens: Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT).close()
    except (ValueError, OverflowError):
        raise ClusterError(address, "must be HOST:PORT") from None
    except OSError as error:
        raise ClusterError(address, error.strerror or str(error)) from None


def _tuner(
    study: SearchStudy,
    known: list[FinishedTrial],
    observer: _Observer,
    num_trials: int,
    folder: str,
) -> tune.Tuner:
    return tune.Tuner(
        tune.with_parameters(TrainingTrial, space=study.space, dof=study.dof),
        tune_config=tune.TuneConfig(
            num_samples=num_trials,
            max_concurrent_trials=int(ray.cluster_resources()["CPU"]),
            search_alg=_sampler(study),
            scheduler=_scheduler(study.total_reports, known),
            reuse_actors=True,  # each imports torch once
        ),
        run_config=tune.RunConfig(
            storage_path=folder,
            callbacks=[observer],
            failure_config=tune.FailureConfig(max_failures=RETRIES),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    )


def _sampler(study: SearchStudy) -> OptunaSearch:
    """Optuna's sampler, which knows of the study's trials and writes its own there."""
    return OptunaSearch(
        {key: _distribution(values) for key, values in study.space.ranges.items()},
        metric="loss",
        mode="min",
        study_name=NAME,
        storage=study.storage,
        # With the same seed a search that goes on would draw its first trials once more.
        seed=SEED + study.num_begun,
    )


def _distribution(values: Range) -> optuna.distributions.BaseDistribution:
    log = values.scale == "log"
    if values.whole:
        return optuna.distributions.IntDistribution(values.min, values.max, log=log)
    return optuna.distributions.FloatDistribution(values.min, values.max, log=log)


def _scheduler(total_reports: int, known: list[FinishedTrial]) -> AsyncHyperBandScheduler:
    """Successive halving, which compares with the trials that are known, too."""
    scheduler = AsyncHyperBandScheduler(
        time_attr=tune.result.TRAINING_ITERATION,
        metric="loss",
        mode="min",
        max_t=total_reports,
        grace_period=1,
        reduction_factor=REDUCTION,
    )
    for trial in known:
        earlier = SimpleNamespace(trial_id=f"known {trial.number}")
        scheduler.on_trial_add(None, earlier)
        for report, loss in enumerate(trial.losses, start=1):
            result = {tune.result.TRAINING_ITERATION: report, "loss": loss}
            scheduler.on_trial_result(None, earlier, result)
    return scheduler
