"""The training loop, for every model, exactly resumable."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from ik_nn_ros.errors import IKError
from ik_nn_ros.models import GenerativeNetwork
from training.config import TrainingConfig
from training.data import Dataset, Split, make_dataset
from training.objectives import Batch

STATE_FILE = "state.pt"
STATE_INTERVAL = 500  # steps between two states on disk: at most a minute or so is ever lost
CHECK_INTERVAL = 50  # steps between looks at the losses: each look waits for the device


class TrainingDivergedError(IKError):
    """A loss that is not a finite number.

    Attributes:
        step: the first such step, counted from 1.
        terms: the loss terms at that step.
    """

    def __init__(self, step: int, terms: dict[str, float]) -> None:
        values = ", ".join(f"{name} {value:g}" for name, value in terms.items())
        super().__init__(
            f"training diverged at step {step}: the loss is not finite ({values}); "
            "a smaller learning_rate or gradient_clip may help"
        )
        self.step = step
        self.terms = terms


class TrainingStateError(IKError):
    """A run folder that holds another training, or cannot be written."""


class ProgressListener(Protocol):
    """Told how the training goes."""

    def __call__(self, step: int, total_steps: int, terms: dict[str, float]) -> None:
        """Called every few steps with the number of steps done and the latest loss terms."""


class TrainedNetwork(NamedTuple):
    """The outcome of a training.

    Attributes:
        network: with its trained weights.
        data: what it was trained and what it is to be tested on.
        seconds: time spent in training steps, over all resumed runs.
    """

    network: GenerativeNetwork
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

    The randomness of a step depends on the seed and the step alone, so a resumed run ends with
    the very weights of one that was never interrupted.

    Args:
        config: what to train.
        folder: where the state is kept.
        device: as torch names it.
        total_steps: length of the training, over which schedules stretch.
        on_progress: told how it goes.

    Raises:
        TrainingDivergedError: a loss is not finite.
        TrainingStateError: the folder holds another training, or cannot be written.
    """
    run = _Run(config, folder, device, total_steps)
    with _denormals_flushed():
        run.loop(on_progress)
    return TrainedNetwork(run.network, run.data, run.seconds)


class _Run:
    def __init__(self, config: TrainingConfig, folder: Path, device: str, total_steps: int) -> None:
        self.config = config
        self.total_steps = total_steps
        self.device = device
        self.identity = {"config": config.model_dump_json(), "total_steps": total_steps}
        arm, data = config.build_arm(), config.data
        self.data = make_dataset(arm, data.num_samples, data.train_share, data.seed, device)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.network = config.build_network().to(device)
        self.network.fit_target_scale(self.data.train.targets)
        self.objective = config.build_objective()
        options = config.optimizer
        self.optimizer = torch.optim.Adam(
            (p for p in self.network.parameters() if p.requires_grad),
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            eps=options.epsilon,
        )
        self.step, self.seconds = 0, 0.0
        self._order, self._epoch = torch.empty(0), -1  # rows of the epoch that is under way
        self.state_path = _writable(folder) / STATE_FILE
        if self.state_path.exists():
            self._load_state()

    def loop(self, on_progress: ProgressListener) -> None:
        history: list[dict[str, torch.Tensor]] = []
        started = time.monotonic() - self.seconds
        while self.step < self.total_steps:
            history.append(self._train_step(self.step))
            self.step += 1
            last = self.step == self.total_steps
            if last or self.step % CHECK_INTERVAL == 0:
                on_progress(self.step, self.total_steps, self._check(history))
                history.clear()
            if last or self.step % STATE_INTERVAL == 0:
                self.seconds = time.monotonic() - started
                self._save_state()

    def _train_step(self, step: int) -> dict[str, torch.Tensor]:
        progress = step / self.total_steps
        self._set_learning_rate(progress)
        rows = self._batch_rows(step)
        generator = _generator(self.device, self.config.seed, _Stream.STEP, step)
        train: Dataset = self.data.train
        batch = Batch(train.theta[rows], train.targets[rows], progress, generator)
        terms = self.objective(self.network, batch)
        self.optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        clip = self.config.optimizer.gradient_clip
        if clip is not None:
            torch.nn.utils.clip_grad_value_(self.network.parameters(), clip)
        self.optimizer.step()
        return {name: term.detach() for name, term in terms.items()}

    def _set_learning_rate(self, progress: float) -> None:
        options = self.config.optimizer
        factor = 0.5 * (1.0 + math.cos(math.pi * progress)) if options.schedule == "cosine" else 1.0
        for group in self.optimizer.param_groups:
            group["lr"] = options.learning_rate * factor

    def _batch_rows(self, step: int) -> torch.Tensor:
        """The rows of a step's batch: every epoch walks through a permutation of its own."""
        epoch, index = divmod(step, self.config.steps_per_epoch)
        if epoch != self._epoch:
            generator = _generator("cpu", self.config.seed, _Stream.EPOCH, epoch)
            order = torch.randperm(len(self.data.train), generator=generator)
            self._order, self._epoch = order.to(self.device), epoch
        start = index * self.config.batch_size
        return self._order[start : start + self.config.batch_size]

    def _check(self, history: list[dict[str, torch.Tensor]]) -> dict[str, float]:
        """The latest loss terms, once all since the last look are known to be finite."""
        losses = torch.stack([torch.stack(list(terms.values())) for terms in history])
        finite = losses.isfinite().all(dim=1).tolist()
        index = finite.index(False) if False in finite else len(history) - 1
        terms = dict(zip(history[index], losses[index].tolist(), strict=True))
        if not finite[index]:
            raise TrainingDivergedError(self.step - len(history) + index + 1, terms)
        return terms

    def _save_state(self) -> None:
        state = {
            "identity": self.identity,
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        partial = self.state_path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.state_path)

    def _load_state(self) -> None:
        state: dict[str, Any] = torch.load(
            self.state_path, map_location=self.device, weights_only=True
        )
        if state["identity"] != self.identity:
            raise TrainingStateError(
                f"{self.state_path.parent} holds another training; "
                "choose another --output or delete the folder"
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]


class _Stream(IntEnum):
    """The independent random streams."""

    EPOCH = 0
    STEP = 1


def _generator(device: str, seed: int, stream: int, index: int) -> torch.Generator:
    entropy = np.random.SeedSequence((seed, stream, index)).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(entropy[0] >> np.uint64(1)))


def _writable(folder: Path) -> Path:
    """The folder, made and tried now rather than after hours of training."""
    probe = folder / ".probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise TrainingStateError(f"{folder} cannot be written: {error.strerror}") from None
    return folder


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Weights that decay towards zero become denormal numbers; they cost a CPU dearly."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
