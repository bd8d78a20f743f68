"""The simplest node that gives the answers of `ik_server`: what its round trips take is ROS's."""

from __future__ import annotations

import time

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from benchmarks.node import SAMPLES
from benchmarks.solvers import DEFAULT_DOF, targets_of
from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import IKSolver
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.messages import fill_solutions


def main() -> None:
    """Serve one target until a signal."""
    solver, target = IKSolver.from_pretrained(DEFAULT_DOF), targets_of(DEFAULT_DOF)[0]

    def answer(_: SolveIK.Request, response: SolveIK.Response) -> SolveIK.Response:
        start = time.monotonic()
        fill_solutions(response, solver.solve(target, SAMPLES))
        response.solve_time = time.monotonic() - start
        return response

    rclpy.init()
    node = rclpy.create_node("plain_server")
    node.create_service(SolveIK, "solve_ik", answer, qos_profile=qos.SERVICE)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
