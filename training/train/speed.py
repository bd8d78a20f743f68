"""Steps per second of a recipe, beside the loop that a reader would write."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import ClassVar

import torch
from torch.utils.data import DataLoader, TensorDataset

from training.train.config import TrainingConfig
from training.train.losses.mmd import MMDFunction
from training.train.objectives import Batch, INNObjective
from training.train.run import CHECK_INTERVAL
from training.train.trainer import Trainer

WARM_UP_CALLS = 2  # of each loop; by then a GPU has recorded the step
NO_END = 10**9  # steps; a fast GPU would reach the recipe's own within a round
ROUNDS = 3  # of both loops in turn, so that the machine's other work disturbs both alike


@dataclass(frozen=True)
class Speed:
    """How fast a recipe trains.

    Attributes:
        config: the recipe's name.
        device: what it ran on.
        total_steps: of the whole training.
        steps_per_second: of `Trainer`, the median of the rounds.
        plain_steps_per_second: of the plain loop.
    """

    config: str
    device: str
    total_steps: int
    steps_per_second: float
    plain_steps_per_second: float


def read_speeds(folder: Path) -> list[Speed]:
    """What `python -m training speed` has written to a folder."""
    files = sorted(folder.glob("*.json"))
    return [Speed(**fields) for file in files for fields in json.loads(file.read_text())]


def measure_speed(name: str, config: TrainingConfig, device: str, seconds: float) -> Speed:
    """Train by both loops in turn.

    Args:
        name: the recipe's name.
        config: the recipe.
        device: as torch names it.
        seconds: roughly how long each round of each loop lasts.
    """
    trainer = Trainer(config, device, NO_END)
    plain = plain_loop(config, device)
    # As in a training, where looks at the losses are rare, because a GPU is waited for.
    steps = CHECK_INTERVAL if device.startswith("cuda") else 1

    def advance() -> int:
        trainer.advance(steps)
        return steps

    def advance_plainly() -> int:
        next(plain)
        return 1

    loops = (advance, advance_plainly)
    for loop in loops:
        for _ in range(WARM_UP_CALLS):
            loop()
    rates = [[_steps_per_second(loop, device, seconds) for loop in loops] for _ in range(ROUNDS)]
    ours, theirs = (median(rate) for rate in zip(*rates, strict=True))
    where = (
        torch.cuda.get_device_name(device) if device.startswith("cuda") else f"CPU, {_threads()}"
    )
    return Speed(name, where, config.total_steps, ours, theirs)


def plain_loop(config: TrainingConfig, device: str) -> Iterator[float]:
    """The training as a tutorial would have it; yields each step's loss."""
    trainer = Trainer(config, device, config.total_steps)  # for the same network and data
    network, options = trainer.network, config.optimizer
    objective = config.build_objective()
    if isinstance(objective, INNObjective):
        objective = _PlainINNObjective.model_validate(objective.model_dump())
    train = trainer.data.train
    data = TensorDataset(train.theta.cpu(), train.targets.cpu())
    loader = DataLoader(data, config.batch_size, shuffle=True, drop_last=True)
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        eps=options.epsilon,
    )
    progress = torch.zeros((), dtype=torch.float64, device=device)
    generator = torch.Generator(device).manual_seed(config.seed)
    for _ in itertools.count():
        for theta, targets in loader:
            batch = Batch(theta.to(device), targets.to(device), progress, generator)
            loss = sum(objective(network, batch).values())
            optimizer.zero_grad()
            loss.backward()
            if options.gradient_clip is not None:
                torch.nn.utils.clip_grad_value_(network.parameters(), options.gradient_clip)
            optimizer.step()
            yield loss.item()


def automatic_mmd2(x: torch.Tensor, y: torch.Tensor, widths: Sequence[float]) -> torch.Tensor:
    """`losses.mmd.biased_mmd2` as its formula reads, differentiated automatically."""
    xx, xy, yy = (torch.cdist(a, b).square() for a, b in ((x, x), (x, y), (y, y)))
    means = [
        (width / (width + xx)).mean()
        + (width / (width + yy)).mean()
        - 2.0 * (width / (width + xy)).mean()
        for width in widths
    ]
    return torch.stack(means).mean()


class _PlainINNObjective(INNObjective):
    mmd2: ClassVar[MMDFunction] = staticmethod(automatic_mmd2)


def _steps_per_second(loop: Callable[[], int], device: str, seconds: float) -> float:
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        count += loop()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return count / (time.perf_counter() - start)


def _threads() -> str:
    count = torch.get_num_threads()
    return f"{count} thread{'s' if count > 1 else ''}"
