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

import ik_nn_ros
import training
from ik_nn_ros.errors import IKError
from training.search.journal import (
    FinishedTrial,
    JournalError,
    SearchJournal,
    Status,
    write_outcome,
)
from training.search.space import Parameters, Range, SearchSpace
from training.train.run import ProgressListener
from training.train.trainer import Trainer, TrainingDivergedError

REPORT_EPOCHS = 3  # between two looks at the test loss; from the first on a trial may be stopped
REDUCTION = 4  # of this many trials that come to a decision, one goes on
DIVERGED_LOSS = 1e6  # a loss from here up is divergence; finite, for the scheduler's quantiles
SEED = 0
RETRIES = 3  # of a trial whose machine fails
CONNECT_TIMEOUT = 5.0  # [s]
TOKEN_HINT = "if the cluster asks for a token, set RAY_AUTH_MODE=token"
HTTP2_SETTINGS = b"\0\0\0\4\0\0\0\0\0"  # an empty frame of type 4 (RFC 9113, section 6.5)
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HTTP2_SETTINGS  # what a client says first
OBJECT_STORE_BYTES = 80_000_000  # Ray's smallest, nearly: trials exchange a few numbers
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would report to its makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # or it warns about what it did with GPUs
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output can be silenced
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the journal is the record
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


def versions() -> dict[str, str]:
    """What a search's outcome depends on besides its settings."""
    return {"torch": torch.__version__, "ray": ray.__version__, "optuna": optuna.__version__}


def search(
    space: SearchSpace,
    dof: int,
    num_trials: int,
    journal: SearchJournal,
    address: str | None,
    on_progress: ProgressListener,
) -> None:
    """Try parameters until the journal has ``num_trials`` trials.

    Args:
        space: what is searched.
        dof: joints of the paper's arm.
        num_trials: those wanted, with the ones that the journal has already.
        journal: gets each trial as it ends.
        address: HOST:PORT of a Ray cluster that this machine is part of; None: this machine alone.
        on_progress: told of each trial that ended.

    Raises:
        ClusterError: there is no cluster at ``address``.
        SearchError: interrupted, or a trial failed for other reasons than divergence.
        JournalError: a trial cannot be written.
    """
    remaining = num_trials - len(journal.trials)
    if remaining <= 0:
        return
    recorder = _Recorder(space, dof, num_trials, journal, on_progress)
    _connect(address)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _tuner(space, dof, journal, recorder, remaining, folder).fit()
    except RuntimeError as error:
        # Among others, a worker was killed, as for want of memory.
        reason = str(error).strip().partition("\n")[0]
        recorder.failure = recorder.failure or SearchError(len(journal.trials), num_trials, reason)
    except Exception:
        if recorder.failure is None:
            raise
    finally:
        ray.shutdown()
    if recorder.failure is not None:
        raise recorder.failure
    if len(journal.trials) < num_trials:
        raise SearchError(len(journal.trials), num_trials, "interrupted")


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
        steps_per_epoch = trainer.config.steps_per_epoch
        try:
            trainer.advance(REPORT_EPOCHS * steps_per_epoch)
            loss = trainer.test_loss()
        except TrainingDivergedError:
            loss = math.inf
        stable = loss < DIVERGED_LOSS  # which no NaN is
        return {
            "loss": loss if stable else DIVERGED_LOSS,
            "status": _status(stable, trainer.finished),
            "epochs": trainer.step // steps_per_epoch,
            "num_parameters": trainer.network.num_parameters,
            "node": ray.get_runtime_context().get_node_id(),
            "done": trainer.finished or not stable,
        }


class _Recorder(tune.Callback):
    """Takes what Tune tells to the journal and the screen.

    Attributes:
        failure: why the search cannot go on. Tune makes errors of its own of those raised here.
    """

    def __init__(
        self,
        space: SearchSpace,
        dof: int,
        num_trials: int,
        journal: SearchJournal,
        on_progress: ProgressListener,
    ) -> None:
        self._space, self._dof, self._num_trials = space, dof, num_trials
        self._journal, self._on_progress = journal, on_progress
        self._losses: dict[str, dict[int, float]] = {}
        self.failure: IKError | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune keeps a copy of its callbacks on disk, where the journal is in our case."""
        return {}

    def on_trial_result(self, *, trial: Trial, result: dict[str, Any], **info: Any) -> None:
        self._losses.setdefault(trial.trial_id, {})[result["epochs"]] = result["loss"]

    def on_trial_complete(self, *, trial: Trial, **info: Any) -> None:
        result = trial.last_result
        finished = FinishedTrial(
            number=len(self._journal.trials) + 1,
            parameters=trial.config,
            status=result["status"],
            loss=result["loss"] if result["status"] != "diverged" else None,
            epochs=result["epochs"],
            seconds=round(result["time_total_s"], 2),
            num_parameters=result["num_parameters"],
            node=result["node"],
            losses=sorted(self._losses.pop(trial.trial_id).items()),
        )
        try:
            self._journal.append(finished)
            write_outcome(self._journal, self._space, self._dof)
        except JournalError as error:
            self.failure = error
            raise
        self._on_progress(len(self._journal.trials), self._num_trials, _values(self._journal))

    def on_trial_error(self, *, trial: Trial, **info: Any) -> None:
        reason = str(trial.get_pickled_error() or "a machine failed").strip().splitlines()[-1]
        self.failure = SearchError(len(self._journal.trials), self._num_trials, reason)
        raise self.failure


def _values(journal: SearchJournal) -> dict[str, float]:
    """The counts of trials by how they ended, and the best loss, to show how the search goes."""
    best = {} if journal.best is None else {"best loss": journal.best.loss}
    return {**journal.counts, **best}


def _status(stable: bool, finished: bool) -> Status:
    """A trial's status if it ends now."""
    if not stable:
        return "diverged"
    return "finished" if finished else "stopped"


def _connect(address: str | None) -> None:
    if address is None:
        where = {
            "address": "local",
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
    else:
        _require_cluster(address)
        where = {"address": address}
    os.environ.update(ENVIRONMENT)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
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


def _require_cluster(address: str) -> None:
    """Raise at once where Ray would try for minutes: nobody there, or not one who speaks gRPC."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), CONNECT_TIMEOUT) as connection:
            connection.sendall(HTTP2_PREFACE)
            answer = connection.recv(len(HTTP2_SETTINGS))
    except ValueError:
        raise ClusterError(address, "must be HOST:PORT") from None
    except OSError as error:
        raise ClusterError(address, error.strerror or str(error)) from None
    if answer[3:4] != HTTP2_SETTINGS[3:4]:
        raise ClusterError(address, "what answers there is not Ray")


def _tuner(
    space: SearchSpace,
    dof: int,
    journal: SearchJournal,
    recorder: _Recorder,
    num_trials: int,
    folder: str,
) -> tune.Tuner:
    return tune.Tuner(
        tune.with_parameters(TrainingTrial, space=space, dof=dof),
        tune_config=tune.TuneConfig(
            num_samples=num_trials,
            max_concurrent_trials=int(ray.cluster_resources()["CPU"]),
            search_alg=_sampler(space, journal),
            scheduler=_scheduler(space.trial_config(space.corner("min"), dof).epochs, journal),
            reuse_actors=True,  # each imports torch once
        ),
        run_config=tune.RunConfig(
            storage_path=folder,
            callbacks=[recorder],
            failure_config=tune.FailureConfig(max_failures=RETRIES),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    )


def _sampler(space: SearchSpace, journal: SearchJournal) -> OptunaSearch:
    """Optuna's sampler, which knows of the trials in the journal."""
    sampler = OptunaSearch(
        {key: _distribution(values) for key, values in space.ranges.items()},
        metric="loss",
        mode="min",
        # With the same seed a search that goes on would draw its first trials once more.
        seed=SEED + len(journal.trials),
    )
    for trial in journal.trials:
        loss = DIVERGED_LOSS if trial.loss is None else trial.loss
        sampler.add_evaluated_point(trial.parameters, loss)
    return sampler


def _distribution(values: Range) -> optuna.distributions.BaseDistribution:
    log = values.scale == "log"
    if values.whole:
        return optuna.distributions.IntDistribution(values.min, values.max, log=log)
    return optuna.distributions.FloatDistribution(values.min, values.max, log=log)


def _scheduler(epochs: int, journal: SearchJournal) -> AsyncHyperBandScheduler:
    """Successive halving, which compares with the trials in the journal, too."""
    scheduler = AsyncHyperBandScheduler(
        time_attr="epochs",
        metric="loss",
        mode="min",
        max_t=epochs,
        grace_period=min(REPORT_EPOCHS, epochs),
        reduction_factor=REDUCTION,
    )
    for trial in journal.trials:
        earlier = SimpleNamespace(trial_id=f"journal {trial.number}")
        scheduler.on_trial_add(None, earlier)
        for epoch, loss in trial.losses:
            scheduler.on_trial_result(None, earlier, {"epochs": epoch, "loss": loss})
    return scheduler
