"""Train a network, or resume."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import torch
from rich.console import Console

from ik_nn_ros.backends.eager import eager_sampler
from ik_nn_ros.checkpoint import save_checkpoint
from ik_nn_ros.models.networks import trained_model
from ik_nn_ros.user_path import user_path
from measuring.evaluation import evaluate
from measuring.references import make_references
from training.commands.progress import ProgressBar
from training.commands.shared import (
    RUNS,
    chosen_device,
    chosen_size,
    measuring_options,
    positive,
    shown_stages,
)
from training.commands.tables import evaluation_table
from training.train.config import load_config
from training.train.data import held_out_targets
from training.train.run import MODEL_FILE, train


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("train", parents=[measuring_options()], help=__doc__)
    parser.add_argument("config", type=user_path, help="a YAML file as in config/train/, or a URDF")
    parser.add_argument("--steps", type=positive, help="train this many steps instead")
    parser.add_argument("--no-measure", action="store_true", help="write the weights, and no more")
    parser.add_argument(
        "--output", type=user_path, help="run folder (default: runs/<config's name>)"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> None:
    """Train, write the weights, measure unless told not to, and write the figures beside them."""
    config = load_config(options.config)
    steps = options.steps or config.total_steps
    folder = options.output or RUNS / options.config.stem
    device = chosen_device(options.device, config.build_objective().machine_code)
    with ProgressBar(console, options.config.stem) as progress:
        trained = train(config, folder, device, steps, progress)
    how = config.model_dump() | {
        "total_steps": steps,
        "seconds": round(trained.seconds, 1),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu",
        "torch": torch.__version__,
    }
    model = trained_model(trained.network)
    save_checkpoint(folder / MODEL_FILE, model, how, {})  # whatever comes of measuring
    if not options.no_measure:
        targets = held_out_targets(model.arm, model.task)
        sampler = eager_sampler(trained.network, device)
        with shown_stages(console) as on_stage:
            references = make_references(
                model.arm, model.task, targets, chosen_size(options), on_stage=on_stage
            )
            evaluation = evaluate(sampler, references, on_stage=on_stage)
        save_checkpoint(folder / MODEL_FILE, model, how, asdict(evaluation))
        console.print(evaluation_table(evaluation))
    console.print(f"trained for {trained.seconds:.0f} s: {folder / MODEL_FILE}")
