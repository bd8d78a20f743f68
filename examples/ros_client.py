"""A client of the node: arms whose TCP has a heading, and a path. It needs an `ik_server`."""

import rclpy

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros.ros.client import IKClient
from ik_nn_ros.ros.errors import RequestRefusedError
from ik_nn_ros.ros.targets import planar_pose

rclpy.init()
with IKClient() as client:
    client.wait_for_server()
    request = SolveIK.Request(match_heading=True, num_samples=500, random_seed=1)
    request.target.pose = planar_pose(3.0, 0.5, 0.3)  # x, y [m], heading [rad]
    answer = client.solve(request)
    print(f"{len(answer.positions)} arms, effective share {answer.effective_share:.2f}")
    print("the likeliest [rad]:", answer.positions[0].round(3))

    line = [planar_pose(3.0, 0.01 * step) for step in range(50)]
    path = client.solve_path(SolveIKPath.Request(targets=line, random_seed=1))
    print(f"{len(path.positions)} points along a line, in {path.times[-1]:.1f} s")

    request.target.pose = planar_pose(9.0, 0.0)
    try:
        client.solve(request)
    except RequestRefusedError as refusal:
        print(f"refused with code {refusal.code}: {refusal}")
rclpy.shutdown()
