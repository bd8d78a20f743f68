"""What several commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from rich.console import Console

from ik_nn_ros.backends import require_device
from ik_nn_ros.errors import InvalidRequestError
from measuring.references import QUICK, EvaluationSize
from measuring.stages import OnStage

RESULTS = Path("results")
RUNS = Path("runs")


def measuring_options() -> argparse.ArgumentParser:
    """The options of every command that runs a network and measures it."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda, ... (default: cuda where there is one)"
    )
    parser.add_argument("--quick", action="store_true", help="measure on a small part of the data")
    return parser


def positive(text: str) -> int:
    """An argument that is a whole number from 1 up."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def chosen_device(name: str, on_cpu: bool = False) -> str:
    """The device that --device names, for work that runs on the CPU alone where it does.

    Raises:
        InvalidRequestError: this machine has no such device, or the work cannot run on it.
    """
    if on_cpu and name in ("auto", "cpu"):
        return "cpu"
    if on_cpu:
        raise InvalidRequestError("device", f"this training runs on the cpu alone, got '{name}'")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    require_device(name)
    return name


def results_folder(quick: bool) -> Path:
    """Where results go by default: quick ones beside those that documents are made of."""
    return RESULTS / "quick" if quick else RESULTS


def chosen_size(options: argparse.Namespace) -> EvaluationSize:
    """How much --quick, or its absence, asks to measure."""
    return QUICK if options.quick else EvaluationSize()


@contextmanager
def shown_stages(console: Console) -> Iterator[OnStage]:
    """Show what goes on: on one line of a terminal, or a line each where there is none."""
    with console.status("measuring") as status:
        if console.is_terminal:
            yield lambda stage: status.update(f"measuring: {stage}")
        else:
            yield lambda stage: console.print(f"measuring: {stage}", soft_wrap=True)
