"""The project in one picture: the node in a process of its own, called from this one.

Starts ik_server, asks /solve_ik for a target with every model, prints the best solutions of one and
draws the posterior arms of all side by side, as in the paper's Fig. 6, then those with the TCP's
heading, and those of an arm with joint limits.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A domain of its own on this machine: no other node can answer, and none is disturbed.
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from rich.console import Console

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.drawing import Panel, draw_posterior
from ik_nn_ros.errors import IKError
from ik_nn_ros.models import ARCHITECTURES
from ik_nn_ros.posterior import EXACT
from ik_nn_ros.ros.answer import Answer
from ik_nn_ros.ros.client import IKClient
from ik_nn_ros.ros.errors import RequestRefusedError, ServiceUnavailableError
from ik_nn_ros.ros.table import print_table, solutions_table
from ik_nn_ros.ros.targets import planar_pose
from ik_nn_ros.solver import IKSolver

START_TIMEOUT = 60.0  # [s], for a cold disk; 5 s is usual
STOP_TIMEOUT = 10.0  # [s]
SEED = 1
FIRST_LIMITS, ONE_SIDE = (-2.0, 2.0), (0.0, 2.0)  # [rad]


def main() -> int:
    """Run the demo; 0 when the server answered and ended as it should."""
    options = _parser().parse_args()
    try:
        with (
            running_server(options.dof, options.model) as server,
            connected_client(server) as client,
        ):
            show(client, options, Console())
    except (IKError, ServerError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


class ServerError(Exception):
    """The server ended by itself, or not as it should."""


def show(client: IKClient, options: argparse.Namespace, console: Console) -> None:
    """Ask for every model's solutions, print the chosen model's and draw all."""
    target = tuple(options.target)
    refused: IKError | None = None
    panels, heading = [], 0.0
    for model in (*ARCHITECTURES, EXACT):
        try:
            answer = client.solve(_request(target, model))
        except RequestRefusedError as error:
            refused = error if model == options.model else refused
            panels.append(Panel(_shortened(error), np.empty((0, options.dof))))
            continue
        panels.append(Panel(_title(model, answer), answer.positions))
        if model == options.model:
            heading = float(client.arm().headings(answer.positions[0]))
            console.print(f"\n{model}, {options.dof} DoF, target {target} m", highlight=False)
            print_table(solutions_table(answer))
    if refused is not None:
        raise refused
    panels += [_with_heading(client, target, heading), _with_limits(client.arm(), target)]
    draw_posterior(options.output, client.arm(), target, panels)
    console.print(
        f"The posterior arms of every model, with a heading and with limits: {options.output}",
        highlight=False,
    )


def _with_heading(client: IKClient, target: tuple[float, float], heading: float) -> Panel:
    """The exact posterior of a pose, if the arm can stand so there."""
    request = _request(target, EXACT)
    request.target.pose, request.match_heading = planar_pose(*target, heading), True
    try:
        answer = client.solve(request)
    except RequestRefusedError as error:
        return Panel(_shortened(error), np.empty((0, client.arm().dof)))
    degrees = math.degrees(heading)
    return Panel(f"{EXACT}, the TCP heading for {degrees:.0f} degrees", answer.positions)


def _with_limits(arm: PlanarArm, target: tuple[float, float]) -> Panel:
    """The exact posterior of the same links, whose joints after the first bend to one side alone.

    Computed here: the node serves the arm without limits.
    """
    limits = [FIRST_LIMITS] + [ONE_SIDE] * (arm.dof - 1)
    title = f"{EXACT}, joints that bend to the left alone"
    try:
        solver = IKSolver.exact(PlanarArm(arm.link_lengths, joint_limits=limits))
        return Panel(title, solver.solve(target, seed=SEED).positions)
    except IKError as error:
        return Panel(f"{title}:\n{_shortened(error)}", np.empty((0, arm.dof)))


@contextmanager
def running_server(dof: int, model: str) -> Iterator[subprocess.Popen]:
    """The node in its own process; ended, and its status checked, whatever happens."""
    command = [sys.executable, "-m", "ik_nn_ros.ros.node", "--ros-args"]
    command += ["-p", f"dof:={dof}", "-p", f"model:={model}"]
    server = subprocess.Popen(command)
    try:
        yield server
    finally:
        server.send_signal(signal.SIGINT)
        try:
            status = server.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            server.kill()
            status = server.wait()
    if status != 0:
        raise ServerError(f"ik_server ended with status {status}")


@contextmanager
def connected_client(server: subprocess.Popen) -> Iterator[IKClient]:
    """A client whose service is there; a server that ends while starting is not waited for."""
    rclpy.init()
    client = IKClient()
    try:
        _wait_for(client, server)
        yield client
    finally:
        client.close()
        rclpy.try_shutdown()


def _wait_for(client: IKClient, server: subprocess.Popen) -> None:
    for _ in range(int(START_TIMEOUT)):
        if server.poll() is not None:
            raise ServerError(f"ik_server could not start (status {server.returncode})")
        try:
            return client.wait_for_server(timeout=1.0)
        except ServiceUnavailableError:
            continue
    raise ServerError(f"ik_server was not ready within {START_TIMEOUT:g} s")


def _request(target: tuple[float, float], model: str) -> SolveIK.Request:
    return SolveIK.Request(
        target=PoseStamped(pose=planar_pose(*target)), model=model, random_seed=SEED
    )


def _title(model: str, answer: Answer) -> str:
    return (
        f"{model}: {len(answer.positions)} solutions in {1e3 * answer.solve_time:.0f} ms\n"
        f"largest error {answer.position_errors.max():.0e} m"
    )


def _shortened(error: IKError) -> str:
    return str(error).partition(";")[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=float, nargs=2, required=True, metavar=("X", "Y"))
    parser.add_argument("--dof", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--output", type=Path, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
