"""Measure a trained network, or the exact sampler."""

from __future__ import annotations

import argparse

from rich.console import Console

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSITION, Task
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.models import ARCHITECTURES, pretrained_path
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.user_path import user_path
from measuring.references import EvaluationSize, References, make_references
from measuring.results import exact_result, network_result
from measuring.stages import OnStage
from training.commands.shared import (
    RESULTS,
    chosen_device,
    chosen_size,
    measuring_options,
    results_folder,
    shown_stages,
)
from training.commands.tables import evaluation_table
from training.train.data import held_out_targets
from training.train.run import weights_name


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("evaluate", parents=[measuring_options()], help=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--model", choices=[*ARCHITECTURES, ExactPosterior.name], help="a shipped one, for --dof"
    )
    which.add_argument("--checkpoint", type=user_path, help="a file of weights")
    parser.add_argument("--dof", type=int, help="joints of the paper's arm, for --model")
    parser.add_argument(
        "--output", type=user_path, help=f"folder of the JSON file (default: {RESULTS}[/quick])"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> None:
    """Measure, print the table, write the figures.

    Raises:
        InvalidRequestError: a model without its --dof, or a checkpoint with one.
    """
    if (options.model is None) != (options.dof is None):
        raise InvalidRequestError("--dof", "belongs to --model: name both, or a --checkpoint")
    size, device = chosen_size(options), chosen_device(options.device)
    with shown_stages(console) as on_stage:
        if options.model == ExactPosterior.name:
            references = _references(PlanarArm.of_paper(options.dof), POSITION, size, on_stage)
            result = exact_result(references, on_stage)
        else:
            path = options.checkpoint or pretrained_path(options.model, options.dof)
            model = load_checkpoint(path).model
            references = _references(model.arm, model.task, size, on_stage)
            result = network_result(weights_name(path), path, device, references, on_stage)
    console.print(evaluation_table(result.evaluation))
    folder = options.output or results_folder(options.quick)
    console.print(f"written to {result.write(folder)}")


def _references(arm: PlanarArm, task: Task, size: EvaluationSize, on_stage: OnStage) -> References:
    targets = held_out_targets(arm, task)
    return make_references(arm, task, targets, size, on_stage=on_stage)
