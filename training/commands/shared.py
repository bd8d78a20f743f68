"""What several commands have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from rich.console import Console

from ik_nn_ros.models import Sampler, require_device
from training.evaluation import QUICK, Evaluation, EvaluationSize, evaluate
from training.report import evaluation_table

RESULTS = Path("results")
RUNS = Path("runs")
MODEL_FILE = "model.safetensors"


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


def chosen_device(name: str) -> str:
    """The device that --device names.

    Raises:
        InvalidRequestError: this machine has no such device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    require_device(name)
    return name


def measure(
    sampler: Sampler, test_targets: torch.Tensor, quick: bool, console: Console
) -> Evaluation:
    """Evaluate a sampler, saying what goes on, and print the table."""
    with console.status("measuring") as status:
        evaluation = evaluate(
            sampler,
            test_targets.double().cpu().numpy(),
            QUICK if quick else EvaluationSize(),
            on_stage=lambda stage: status.update(f"measuring {stage}"),
        )
    console.print(evaluation_table(evaluation))
    return evaluation
