"""Measure a trained network, or the exact sampler."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.kinematics import PlanarArm
from ik_nn_ros.models import NETWORKS, NetworkSampler, Sampler, pretrained_path
from ik_nn_ros.posterior import ExactPosterior
from training.commands.shared import RESULTS, chosen_device, measure, measuring_options
from training.config import DataConfig
from training.data import make_dataset


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("evaluate", parents=[measuring_options()], help=__doc__)
    parser.add_argument("--model", required=True, choices=[*NETWORKS, ExactPosterior.name])
    parser.add_argument("--dof", required=True, type=int)
    parser.add_argument("--checkpoint", type=Path, help="weights (default: the shipped ones)")
    parser.add_argument("--output", type=Path, help="JSON (default: results/<model>_<dof>.json)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> None:
    """Measure, print the table, write the figures."""
    sampler = _sampler(options)
    output = options.output or RESULTS / f"{options.model}_{options.dof}.json"
    data = DataConfig()
    split = make_dataset(sampler.arm, data.num_samples, data.train_share, data.seed, "cpu")
    measure(sampler, split.test.targets, options.quick, console).write(output)
    console.print(f"written to {output}")


def _sampler(options: argparse.Namespace) -> Sampler:
    if options.model == ExactPosterior.name:
        return ExactPosterior(PlanarArm.of_paper(options.dof))
    path = options.checkpoint or pretrained_path(options.model, options.dof)
    return NetworkSampler(load_checkpoint(path).network, chosen_device(options.device))
