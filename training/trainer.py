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
from training.config import TrainingConfig
from training.data import Dataset, make_dataset
from training.objectives import Batch, Terms


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
        arm, data = config.build_arm(), config.data
        self.data = make_dataset(arm, data.num_samples, data.train_share, data.seed, device)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.network = config.build_network().to(device)
        self.network.fit_target_scale(self.data.train.targets)
        self._objective = config.build_objective()
        options = config.optimizer
        self._optimizer = torch.optim.Adam(
            (p for p in self.network.parameters() if p.requires_grad),
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            eps=options.epsilon,
            fused=True,  # one pass over the memory of each weight
        )
        self.step = 0
        self._order, self._epoch = torch.empty(0), -1  # rows of the epoch that is under way

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.total_steps

    def advance(self, steps: int) -> dict[str, float]:
        """Do some steps, at most those that are left; return the last one's loss terms.

        Raises:
            TrainingDivergedError: a loss is not finite.
        """
        first = self.step
        with _denormals_flushed():
            history = [
                self._train_step(step)
                for step in range(first, min(first + steps, self.total_steps))
            ]
        self.step = first + len(history)
        # Only here, because each look at a value waits for the device.
        losses = torch.stack([torch.stack(list(terms.values())) for terms in history])
        finite = losses.isfinite().all(dim=1).tolist()
        index = finite.index(False) if False in finite else len(history) - 1
        terms = dict(zip(history[index], losses[index].tolist(), strict=True))
        if not finite[index]:
            raise TrainingDivergedError(first + index + 1, terms)
        return terms

    @torch.no_grad()
    def test_loss(self) -> float:
        """The objective over the test data, with the weights of the training's end."""
        test, size = self.data.test, self.config.batch_size
        generator = _generator(self.device, self.config.seed, _Stream.TEST, 0)
        losses = [
            sum(self._objective(self.network, Batch(theta, targets, 1.0, generator)).values())
            for theta, targets in zip(test.theta.split(size), test.targets.split(size), strict=True)
            if len(theta) > 1
        ]
        return float(torch.stack(losses).mean())

    def state_dict(self) -> dict[str, Any]:
        """All that a trainer of the same configuration needs to continue from here."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state of `state_dict`."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

    def _train_step(self, step: int) -> Terms:
        progress = step / self.total_steps
        self._set_learning_rate(progress)
        rows = self._batch_rows(step)
        generator = _generator(self.device, self.config.seed, _Stream.STEP, step)
        train: Dataset = self.data.train
        batch = Batch(train.theta[rows], train.targets[rows], progress, generator)
        terms = self._objective(self.network, batch)
        self._optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        clip = self.config.optimizer.gradient_clip
        if clip is not None:
            torch.nn.utils.clip_grad_value_(self.network.parameters(), clip)
        self._optimizer.step()
        return {name: term.detach() for name, term in terms.items()}

    def _set_learning_rate(self, progress: float) -> None:
        options = self.config.optimizer
        factor = 0.5 * (1.0 + math.cos(math.pi * progress)) if options.schedule == "cosine" else 1.0
        for group in self._optimizer.param_groups:
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


class _Stream(IntEnum):
    """The independent random streams."""

    EPOCH = 0
    STEP = 1
    TEST = 2


def _generator(device: str, seed: int, stream: int, index: int) -> torch.Generator:
    entropy = np.random.SeedSequence((seed, stream, index)).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(entropy[0] >> np.uint64(1)))


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Weights that decay towards zero become denormal numbers; they cost a CPU dearly."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
