"""How much longer a training takes while another process keeps one core busy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.timing import Ratio, seconds_of
from training.train.config import load_config
from training.train.trainer import Trainer

CONFIG = Path("config/train/cinn_6.yaml")
SHARE = 0.1  # of the training: of its lessons, and so of its steps
ROUNDS = 4


def measure() -> Ratio:
    """The same part of a training, lessons and steps, in turn beside a busy core and without."""
    whole = load_config(CONFIG)
    data = whole.data.model_copy(update={"num_samples": round(SHARE * whole.data.num_samples)})
    config = whole.model_copy(update={"data": data})

    def train() -> None:
        trainer = Trainer(config, "cpu", config.total_steps)
        while not trainer.finished:
            trainer.advance(config.total_steps)

    train()  # compiles, and makes the teacher's tables
    busy, quiet = [], []
    for _ in range(ROUNDS):
        with _busy_core():
            busy.append(seconds_of(train))
        quiet.append(seconds_of(train))
    return Ratio.of(busy, quiet)


@contextmanager
def _busy_core() -> Iterator[None]:
    """Keep a core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()
