"""The command line: ``python -m training train|evaluate``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console

from ik_nn_ros.checkpoint import load_checkpoint, save_checkpoint
from ik_nn_ros.errors import IKError
from ik_nn_ros.kinematics import PlanarArm
from ik_nn_ros.models import NETWORKS, NetworkSampler, Sampler, pretrained_path, require_device
from ik_nn_ros.posterior import ExactPosterior
from training.config import DataConfig, load_config
from training.data import make_dataset
from training.evaluation import QUICK, Evaluation, EvaluationSize, evaluate
from training.progress import TrainingProgress
from training.report import evaluation_table
from training.run import train

MODEL_FILE = "model.safetensors"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 on success, 1 with one line on an error of ours."""
    options = _parser().parse_args(arguments)
    console = Console()
    try:
        options.command(options, console)
    except IKError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--device", default="auto", help="cpu, cuda, ... (default: cuda where there is one)"
    )
    shared.add_argument("--quick", action="store_true", help="measure on a small part of the data")

    command = commands.add_parser("train", parents=[shared], help="train a network, or resume")
    command.add_argument("config", type=Path, help="a YAML file of config/train/")
    command.add_argument("--steps", type=_positive, help="train this many steps instead")
    command.add_argument("--output", type=Path, help="run folder (default: runs/<config's name>)")
    command.set_defaults(command=_train)

    command = commands.add_parser("evaluate", parents=[shared], help="measure a trained network")
    command.add_argument("--model", required=True, choices=[*NETWORKS, ExactPosterior.name])
    command.add_argument("--dof", required=True, type=int)
    command.add_argument("--checkpoint", type=Path, help="weights (default: the shipped ones)")
    command.add_argument("--output", type=Path, help="JSON (default: results/<model>_<dof>.json)")
    command.set_defaults(command=_evaluate)
    return parser


def _train(options: argparse.Namespace, console: Console) -> None:
    config = load_config(options.config)
    steps = options.steps or config.total_steps
    folder = options.output or Path("runs") / options.config.stem
    device = _device(options.device)
    with TrainingProgress(console, options.config.stem) as progress:
        trained = train(config, folder, device, steps, progress)
    evaluation = _measure(
        NetworkSampler(trained.network, device), trained.data.test.targets, options, console
    )
    how = config.model_dump() | {
        "total_steps": steps,
        "seconds": round(trained.seconds, 1),
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else "cpu",
        "torch": torch.__version__,
    }
    save_checkpoint(folder / MODEL_FILE, trained.network, how, asdict(evaluation))
    console.print(f"trained for {trained.seconds:.0f} s: {folder / MODEL_FILE}")


def _evaluate(options: argparse.Namespace, console: Console) -> None:
    sampler = _sampler(options)
    output = options.output or Path("results") / f"{options.model}_{options.dof}.json"
    data = DataConfig()
    split = make_dataset(sampler.arm, data.num_samples, data.train_share, data.seed, "cpu")
    _measure(sampler, split.test.targets, options, console).write(output)
    console.print(f"written to {output}")


def _sampler(options: argparse.Namespace) -> Sampler:
    if options.model == ExactPosterior.name:
        return ExactPosterior(PlanarArm.of_paper(options.dof))
    path = options.checkpoint or pretrained_path(options.model, options.dof)
    return NetworkSampler(load_checkpoint(path).network, _device(options.device))


def _measure(
    sampler: Sampler, test_targets: torch.Tensor, options: argparse.Namespace, console: Console
) -> Evaluation:
    size = QUICK if options.quick else EvaluationSize()
    with console.status("measuring") as status:
        evaluation = evaluate(
            sampler,
            test_targets.double().cpu().numpy(),
            size,
            on_stage=lambda stage: status.update(f"measuring {stage}"),
        )
    console.print(evaluation_table(evaluation))
    return evaluation


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    require_device(name)
    return name


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
