"""The simplest node that answers as `ik_server` does, beside which its round trips are seen."""

from __future__ import annotations

import gc
import time

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import IKSolver
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.delivery import DeliveringNode
from ik_nn_ros.ros.messages import fill_solutions
from ik_nn_ros.ros.parameters import ServerParameters


def main() -> None:
    """Serve until a signal."""
    settings = ServerParameters()
    solver = IKSolver.from_pretrained(settings.dof, settings.model)

    def answer(request: SolveIK.Request, response: SolveIK.Response) -> SolveIK.Response:
        start = time.monotonic()
        target = request.target.pose.position
        fill_solutions(response, solver.solve((target.x, target.y), request.num_samples))
        response.solve_time = time.monotonic() - start
        return response

    rclpy.init()
    node = DeliveringNode("plain_server")
    node.create_service(SolveIK, "solve_ik", answer, qos_profile=qos.SERVICE)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    gc.freeze()  # as in `ik_server`
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
