"""The command line: ``python -m training COMMAND``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from ik_nn_ros.errors import IKError
from training.commands import evaluate, reproduce, search, speed, train

COMMANDS = (train, evaluate, reproduce, search, speed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 on success, 1 with one line on an error of ours or an interruption."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        options.command(options, Console())
    except IKError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
