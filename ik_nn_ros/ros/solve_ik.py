"""The command `solve_ik`: asks the server, prints the best solutions, draws them if wanted."""

from __future__ import annotations

import argparse
import math
import re
import signal
import sys
from collections.abc import Callable, Sequence

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.executors import ExternalShutdownException

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.drawing import Panel, draw_posterior
from ik_nn_ros.errors import IKError
from ik_nn_ros.ros.client import IKClient
from ik_nn_ros.ros.errors import RequestRefusedError
from ik_nn_ros.ros.starting import initialized, own_arguments
from ik_nn_ros.ros.table import print_table, solutions_table
from ik_nn_ros.ros.targets import tip_pose
from ik_nn_ros.user_path import user_path

NEGATIVE_NUMBER = re.compile(r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask once; 0 with solutions, 1 with one line that says why not."""
    command = list(sys.argv if arguments is None else arguments)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        options = _parser().parse_args(_with_plain_numbers(own_arguments(command)))
        with initialized(command), IKClient() as client:
            client.wait_for_server()
            _ask(client, options)
        return 0
    except RequestRefusedError as error:
        if error.ready is not None:
            print_table(solutions_table(error.ready))
        print(f"solve_ik: error {error.code}: {error}", file=sys.stderr)
    except (IKError, OSError, ValueError) as error:
        print(f"solve_ik: {error}", file=sys.stderr)
    except (KeyboardInterrupt, ExternalShutdownException):
        print("solve_ik: interrupted", file=sys.stderr)
    return 1


def _ask(client: IKClient, options: argparse.Namespace) -> None:
    arm = client.arm() if options.plane or options.plot else None
    answer = client.solve(_request(options, arm.mount if options.plane else Mount()))
    print_table(solutions_table(answer))
    if options.plot:
        target = np.array((options.x, options.y))
        if not options.plane:
            target, _ = arm.mount.plane_points(np.array((options.x, options.y, 0.0)))
        panel = Panel(answer.message, arm.mount.plane_values(answer.positions))
        picture = options.plot if options.plot.suffix else options.plot.with_suffix(".png")
        draw_posterior(picture, arm, target, [panel])
        print(f"drawn to {picture}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="solve_ik",
        description="Ask ik_server for joint positions that bring the arm's end to (x, y), "
        "pointing any way or a given one.",
        epilog="Exit status: 0 with solutions; 1 without, or when interrupted, with one line that "
        "says why; 2 for arguments that make no request.",
    )
    parser.add_argument("x", type=float, help="target [m]")
    parser.add_argument("y", type=float, help="target [m]")
    parser.add_argument(
        "--heading",
        type=_finite,
        metavar="RAD",
        help="the arm's end is to point that way, from the x axis; default: any way",
    )
    parser.add_argument(
        "--plane",
        action="store_true",
        help="target and heading are in the plane of a robot's arm; default: in its base's frame, "
        "with z = 0",
    )
    parser.add_argument(
        "--num-samples", type=_unsigned(32), default=0, help="0: the server's default"
    )
    parser.add_argument(
        "--model", default="", help="exact, cinn, cvae or inn; default: the server's"
    )
    parser.add_argument("--seed", type=_unsigned(64), default=0, help="0: fresh randomness")
    parser.add_argument("--raw", action="store_true", help="the model's samples as they are")
    parser.add_argument("--tolerance", type=float, default=0.0, help="[m]; 0: the server's default")
    parser.add_argument(
        "--heading-tolerance", type=float, default=0.0, help="[rad]; 0: the server's default"
    )
    parser.add_argument(
        "--seed-state",
        type=float,
        nargs="+",
        default=[],
        metavar="RAD",
        help="a position for every joint: show the solutions nearest to them",
    )
    parser.add_argument(
        "--representatives",
        type=_unsigned(32),
        default=0,
        metavar="K",
        help="show K solutions that stand for regions of the posterior",
    )
    parser.add_argument(
        "--allow-approximate",
        action="store_true",
        help="of a target out of reach, solve for the nearest point within",
    )
    parser.add_argument("--timeout", type=_seconds, default=0.0, help="[s]; 0: none")
    parser.add_argument(
        "--plot", type=user_path, metavar="FILE", help="draw the arms; .png, .pdf, .svg, ..."
    )
    return parser


def _with_plain_numbers(arguments: Sequence[str]) -> list[str]:
    """The arguments, of which argparse shall take no number for an option.

    Before Python 3.14 it takes -1.2e-16 for one, but nothing that has a space in it.
    """
    return [f" {text}" if NEGATIVE_NUMBER.fullmatch(text) else text for text in arguments]


def _unsigned(bits: int) -> Callable[[str], int]:
    """The type of an argument that travels as an unsigned integer."""

    def whole_number(text: str) -> int:
        value = int(text)
        if not 0 <= value < 1 << bits:
            raise argparse.ArgumentTypeError(f"must be from 0 to {(1 << bits) - 1}, got {value}")
        return value

    return whole_number


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a finite number, got {value}")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.0 <= value < 1 << 31:  # the seconds of a Duration are an int32
        raise argparse.ArgumentTypeError(f"must be from 0 to {(1 << 31) - 1} s, got {value}")
    return value


def _request(options: argparse.Namespace, mount: Mount) -> SolveIK.Request:
    request = SolveIK.Request(
        target=PoseStamped(pose=tip_pose(mount, (options.x, options.y), options.heading or 0.0)),
        match_heading=options.heading is not None,
        num_samples=options.num_samples,
        model=options.model,
        raw=options.raw,
        position_tolerance=options.tolerance,
        heading_tolerance=options.heading_tolerance,
        random_seed=options.seed,
        num_representatives=options.representatives,
        allow_approximate=options.allow_approximate,
    )
    request.seed_state.position = options.seed_state
    # Rounded up: 0 would be none.
    nanoseconds = math.ceil(1e9 * options.timeout)
    request.timeout.sec, request.timeout.nanosec = divmod(nanoseconds, 10**9)
    return request


if __name__ == "__main__":
    sys.exit(main())
