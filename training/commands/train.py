"""Train a network, or resume."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console

from ik_nn_ros.checkpoint import save_checkpoint
from ik_nn_ros.models import NetworkSampler
from training.commands.shared import (
    MODEL_FILE,
    RUNS,
    chosen_device,
    measure,
    measuring_options,
    positive,
)
from training.config import load_config
from training.progress import TrainingProgress
from training.run import train


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("train", parents=[measuring_options()], help=__doc__)
    parser.add_argument("config", type=Path, help="a YAML file of config/train/")
    parser.add_argument("--steps", type=positive, help="train this many steps instead")
    parser.add_argument("--output", type=Path, help="run folder (default: runs/<config's name>)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> None:
    """Train, measure, and write the weights with how they came about."""
    config = load_config(options.config)
    steps = options.steps or config.total_steps
    folder = options.output or RUNS / options.config.stem
    device = chosen_device(options.device)
    with TrainingProgress(console, options.config.stem) as progress:
        trained = train(config, folder, device, steps, progress)
    sampler = NetworkSampler(trained.network, device)
    evaluation = measure(sampler, trained.data.test.targets, options.quick, console)
    how = config.model_dump() | {
        "total_steps": steps,
        "seconds": round(trained.seconds, 1),
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else "cpu",
        "torch": torch.__version__,
    }
    save_checkpoint(folder / MODEL_FILE, trained.network, how, asdict(evaluation))
    console.print(f"trained for {trained.seconds:.0f} s: {folder / MODEL_FILE}")
