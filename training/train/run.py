"""A training in a folder of its own, where it can be killed and resumed."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple, Protocol

import torch

from ik_nn_ros.errors import IKError
from ik_nn_ros.models.networks import Network
from training.train.config import TrainingConfig
from training.train.data import Split
from training.train.trainer import Trainer

STATE_FILE = "state.pt"
MODEL_FILE = "model.safetensors"  # the trained weights
CHECK_INTERVAL = 50  # steps between looks at the losses: each look waits for the device
STATE_INTERVAL = 10 * CHECK_INTERVAL  # steps between two states on disk: what a kill can lose
BYTES_PER_WEIGHT = 4 * 3 * 2  # float32, with Adam's two moments, and the state before beside it
SPARE_BYTES = 16 << 20  # for the trained weights, the logs and the file system's own needs

# What comes of a file that was cut short, or that another version or program has written.
STATE_FAULTS = (
    *(AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    UnpicklingError,
)


class RunFolderError(IKError):
    """A run folder that holds another or a damaged training, cannot be written, or has no room.

    Attributes:
        folder: the folder.
    """

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"{folder} {reason}")
        self.folder = folder


class ProgressListener(Protocol):
    """Told how a training, or a search of many, goes."""

    def __call__(self, done: int, total: int, values: dict[str, float]) -> None:
        """Called now and then with the steps, or trials, done, and the latest losses or counts."""


class TrainedNetwork(NamedTuple):
    """The outcome of a training.

    Attributes:
        network: with its trained weights.
        data: what it was trained and what it is to be tested on.
        seconds: time spent on its data and in training steps, over all resumed runs.
    """

    network: Network
    data: Split
    seconds: float


def train(
    config: TrainingConfig,
    folder: Path,
    device: str,
    total_steps: int,
    on_progress: ProgressListener,
) -> TrainedNetwork:
    """Train a network, continuing from the state in ``folder`` if there is one.

    Args:
        config: what to train.
        folder: where the state is kept.
        device: as torch names it.
        total_steps: length of the training, over which schedules stretch.
        on_progress: told how it goes.

    Raises:
        TrainingDivergedError: a loss is not finite.
        RunFolderError: the folder holds another or a damaged training, cannot be written, or has
            no room.
    """
    _require_writable(folder)
    begun = time.monotonic()
    trainer = Trainer(config, device, total_steps)
    _require_room(folder, trainer.network)
    state = _StateFile(folder, config, total_steps)
    seconds = state.load_into(trainer) if state.path.exists() else 0.0
    started = (time.monotonic() if seconds else begun) - seconds  # its data are made once
    while not trainer.finished:
        terms = trainer.advance(CHECK_INTERVAL)
        on_progress(trainer.step, total_steps, terms)
        if trainer.finished or trainer.step % STATE_INTERVAL == 0:
            seconds = time.monotonic() - started
            state.save(trainer, seconds)
    return TrainedNetwork(trainer.network, trainer.data, seconds)


def weights_name(path: Path) -> str:
    """What a weights file is called: as the file, or as its folder where that is a run's."""
    path = path.resolve()
    return path.parent.name if path.name == MODEL_FILE else path.stem


class _StateFile:
    def __init__(self, folder: Path, config: TrainingConfig, total_steps: int) -> None:
        self.path = folder / STATE_FILE
        self._identity = {"config": config.model_dump_json(), "total_steps": total_steps}

    def save(self, trainer: Trainer, seconds: float) -> None:
        partial = self.path.with_suffix(".partial")
        content = {"identity": self._identity, "seconds": seconds, "trainer": trainer.state_dict()}
        try:
            torch.save(content, partial)
            partial.replace(self.path)
        except (OSError, RuntimeError) as error:  # torch's writer reports a full disk as the latter
            reason = f"cannot take the state of step {trainer.step}: {_first_line(error)}"
            raise RunFolderError(self.path.parent, reason) from None

    def load_into(self, trainer: Trainer) -> float:
        """Continue from the state on disk; return the seconds spent so far."""
        try:
            content: dict[str, Any] = torch.load(
                self.path, map_location=trainer.device, weights_only=True
            )
            if content["identity"] != self._identity:
                reason = "holds another training; choose another --output or delete the folder"
                raise RunFolderError(self.path.parent, reason)
            trainer.load_state_dict(content["trainer"])
            return float(content["seconds"])
        except STATE_FAULTS:
            reason = f"has a damaged {STATE_FILE}; choose another --output or delete the file"
            raise RunFolderError(self.path.parent, reason) from None


def _require_writable(folder: Path) -> None:
    """Make the folder and write to it now, rather than after hours of training."""
    probe = folder / ".probe"
    if (folder / MODEL_FILE).is_dir():
        raise RunFolderError(folder, f"cannot be written: {MODEL_FILE} is a folder in it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunFolderError(folder, f"cannot be written: {error.strerror}") from None


def _require_room(folder: Path, network: Network) -> None:
    """Raise unless the disk has room for two states and the trained weights."""
    weights = sum(parameter.numel() for parameter in network.parameters())
    needed = BYTES_PER_WEIGHT * weights + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        reason = (
            f"has {free / 1e6:.0f} MB free on its disk; the training writes {needed / 1e6:.0f} MB"
        )
        raise RunFolderError(folder, reason)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
