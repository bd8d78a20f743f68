"""Measure how fast recipes train, beside a plain loop."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from ik_nn_ros.user_path import user_path
from measuring.files import write_file
from training.commands.shared import RESULTS, chosen_device, positive
from training.train.config import ConfigError, load_config
from training.train.speed import measure_speed


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("speed", help=__doc__)
    parser.add_argument("config", type=user_path, nargs="+", help="YAML files of config/train/")
    parser.add_argument("--device", default="auto", help="cpu, cuda, ...")
    parser.add_argument("--seconds", type=positive, default=10, help="of each round of each loop")
    parser.add_argument(
        "--output", type=user_path, default=RESULTS / "speed", help="folder of the JSON"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> None:
    """Measure each recipe, print the table, write one file per device."""
    device = chosen_device(options.device)
    configs = {path: load_config(path) for path in options.config}
    for path, config in configs.items():
        if config.build_objective().machine_code:
            raise ConfigError(path, f"{config.model}'s loss is machine code: no loop is beside it")
    table = Table("recipe", "device", "steps / s", "plain loop", "ratio", "whole training")
    speeds = []
    for path, config in configs.items():
        name = str(path.with_suffix(""))
        with console.status(f"training {name}"):
            speed = measure_speed(name, config, device, options.seconds)
        speeds.append(speed)
        ours, plain = speed.steps_per_second, speed.plain_steps_per_second
        minutes = speed.total_steps / ours / 60.0
        row = (f"{ours:.1f}", f"{plain:.1f}", f"{ours / plain:.2f}", f"{minutes:.1f} min")
        table.add_row(name, speed.device, *row)
    console.print(table)
    file = options.output / f"{device.partition(':')[0]}.json"
    write_file(file, speeds)
    console.print(f"written to {file}")
