"""The training steps of every model, whatever runs them and wherever their state is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import numpy as np
import torch

from ik_nn_ros.errors import IKError
from training.train.config import TrainingConfig
from training.train.data import make_data
from training.train.step import TrainingStep


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


class Trainer:
    """A network, its data and its optimizer, some steps into a training.

    The randomness of a step depends on the seed and the step alone, so a trainer that continues
    from a state ends with the very weights of one that was never interrupted.

    Args:
        config: what to train.
        device: as torch names it.
        total_steps: length of the training, over which schedules stretch.

    Attributes:
        network: the network in training.
        data: what it is trained and what it is to be tested on.
        step: the steps done.
    """

    def __init__(self, config: TrainingConfig, device: str, total_steps: int) -> None:
        self.config = config
        self.total_steps = total_steps
        self.device = device
        self.data = make_data(config, device)
        with torch.random.fork_rng(devices=[]):  # it is built on the CPU
            torch.manual_seed(config.seed)
            self.network = config.build_network().to(device)
        self.data.train.fit(self.network)
        self._train_step = TrainingStep(config, self.network, self.data.train)
        self.step = 0
        self._order, self._epoch = torch.empty(0), -1  # rows of the epoch that is under way

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.total_steps

    def advance(self, steps: int) -> dict[str, float]:
        """Do some steps, at most those that are left, of which there are some.

        Returns:
            The last one's loss terms by name.

        Raises:
            TrainingDivergedError: a loss is not finite.
        """
        first = self.step
        last = min(first + steps, self.total_steps)
        with _denormals_flushed(), self._threads():
            history = [self._advance_one(step) for step in range(first, last)]
        self.step = last
        losses = torch.stack(history)
        # Only here, because each look at a value waits for the device.
        finite = losses.isfinite().all(dim=1).tolist()
        index = finite.index(False) if False in finite else len(history) - 1
        terms = dict(zip(self._train_step.term_names, losses[index].tolist(), strict=True))
        if not finite[index]:
            raise TrainingDivergedError(first + index + 1, terms)
        return terms

    @torch.no_grad()
    def test_loss(self) -> float:
        """The objective over the test data, its terms weighted as at the training's end."""
        test, size = self.data.test, self.config.batch_size
        objective = self.config.build_objective()
        progress = torch.ones((), dtype=torch.float64, device=self.device)
        generator = torch.Generator(self.device).manual_seed(self._seed(_Stream.TEST, 0))
        batches = [
            test.batch(slice(start, start + size), progress, generator)
            for start in range(0, len(test), size)
        ]
        total = sum(
            len(batch) * term
            for batch in batches
            for term in objective(self.network, batch).values()
        )
        return float(total) / len(test)

    def state_dict(self) -> dict[str, Any]:
        """All that a trainer of the same configuration needs to continue from here."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimizer": self._train_step.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state of `state_dict`."""
        self.network.load_state_dict(state["network"])
        self._train_step.load_state_dict(state["optimizer"])
        self.step = state["step"]

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """PyTorch's own threads; one of them where the objective is machine code."""
        threads = torch.get_num_threads()
        if self.config.build_objective().machine_code:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)

    def _advance_one(self, step: int) -> torch.Tensor:
        progress = step / self.total_steps
        rate = self._learning_rate(progress)
        return self._train_step(
            self._batch_rows(step), progress, rate, self._seed(_Stream.STEP, step)
        )

    def _learning_rate(self, progress: float) -> float:
        options = self.config.optimizer
        factor = 0.5 * (1.0 + math.cos(math.pi * progress)) if options.schedule == "cosine" else 1.0
        return options.learning_rate * factor

    def _batch_rows(self, step: int) -> torch.Tensor:
        """The rows of a step's batch: every epoch walks through a permutation of its own."""
        epoch, index = divmod(step, self.config.steps_per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self._seed(_Stream.EPOCH, epoch))
            order = torch.randperm(len(self.data.train), generator=generator)
            self._order, self._epoch = order.to(self.device), epoch
        start = index * self.config.batch_size
        return self._order[start : start + self.config.batch_size]

    def _seed(self, stream: _Stream, index: int) -> int:
        entropy = np.random.SeedSequence((self.config.seed, stream, index))
        return int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1))


class _Stream(IntEnum):
    """The independent random streams."""

    EPOCH = 0
    STEP = 1
    TEST = 2


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Weights that decay towards zero become denormal numbers; they cost a CPU dearly."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
