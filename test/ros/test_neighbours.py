"""Clients and servers beside others: those that leave, or have a namespace, disturb nobody."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import PlanarArm
from ik_nn_ros.ros.client import IKClient
from ik_nn_ros.ros.targets import planar_pose

ARM = PlanarArm.of_paper(6)
# As much as the document says where it is written, else what shows a fault.
QUEUED = (1, 20, 100, 300) if "RELIABILITY_FIGURES" in os.environ else (20,)  # requests
WATCHED = 3.0  # [s], how long others are seen to ask after a client has asked and gone
IN_EACH = 20  # requests in each namespace


def request(x, y, **fields):
    target = PoseStamped(pose=planar_pose(x, y))
    return SolveIK.Request(target=target, **fields)


DISTURBING = """
import sys, time, rclpy
from rclpy.qos import DurabilityPolicy
from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.ros import qos

kind, count = sys.argv[1], int(sys.argv[2])
if kind == "cannot be reached":
    qos.SERVICE.durability = DurabilityPolicy.TRANSIENT_LOCAL
rclpy.init()
node = rclpy.create_node("disturbing")
client = node.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
while node.count_services("solve_ik") == 0:
    time.sleep(0.05)
time.sleep(1.0)
request = SolveIK.Request(num_samples=100)
request.target.pose.position.x = 3.0
print("ready", flush=True)
sys.stdin.readline()
for _ in range(count):
    client.call_async(request)
print("asked", flush=True)
if kind == "leaves in order":
    node.destroy_client(client)
    node.destroy_node()
    rclpy.shutdown()
else:
    time.sleep(600)
"""
KINDS = ("leaves in order", "is killed", "never takes its answers", "cannot be reached")


@pytest.mark.parametrize("queued", QUEUED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_is_no_more_served_keeps_nobody_waiting(server, client, figure, kind, queued):
    asked = request(3.2, 0.4, num_samples=10)
    waits = []

    def ask():
        start = time.monotonic()
        answer = client.solve(asked)
        waits.append(time.monotonic() - start)
        np.testing.assert_allclose(
            ARM.forward(answer.positions), [(3.2, 0.4)] * len(answer.positions), atol=1e-5
        )

    theirs = request(3.0, 0.0, num_samples=100)
    in_hand = max(client.solve(theirs).solve_time for _ in range(10))
    for _ in range(20):
        ask()
    usual = max(waits)
    waits.clear()
    with subprocess.Popen(
        [sys.executable, "-c", DISTURBING, kind, str(queued)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        try:
            assert other.stdout.readline() == "ready\n"
            other.stdin.write("go\n")
            other.stdin.flush()
            assert other.stdout.readline() == "asked\n"
            if kind == "is killed":
                other.kill()
            until = time.monotonic() + WATCHED
            while time.monotonic() < until or len(waits) < 20:
                ask()
        finally:
            other.kill()
    assert server.process.poll() is None
    figure(
        kind=kind,
        queued=queued,
        longest_ms=1e3 * max(waits),
        usual_ms=1e3 * usual,
        in_hand_ms=1e3 * in_hand,
    )


def test_servers_in_two_namespaces_answer_their_own_clients(start_server, ros, server, figure):
    """Beside the one in the root namespace."""
    arms = {"left": 3, "right": 4}
    clients = {name: IKClient(name) for name in arms}
    try:
        for name, dof in arms.items():
            arguments = ("-r", f"__ns:=/{name}", "-p", f"dof:={dof}", "-p", "model:=exact")
            start_server(*arguments, beside=True)
        for name, dof in arms.items():
            clients[name].wait_for_server(60.0)
            for _ in range(IN_EACH):
                answer = clients[name].solve(request(1.0, 0.3, num_samples=5))
                assert answer.positions.shape == (5, dof)
            assert clients[name].arm() == PlanarArm.of_paper(dof)
        figure(servers=len(arms), requests=IN_EACH, strange=0)
    finally:
        for one in clients.values():
            one.close()


def test_waiting_clients_get_their_answers_from_the_server_s_successor(
    server, start_server, client, figure
):
    """Last: the server is killed. The answers are the same as before, too."""
    waiting = [IKClient() for _ in range(4)]
    answers = {}
    try:
        asked = {
            model: request(3.2, 0.4, model=model, num_samples=50, random_seed=7)
            for model in ("cinn", "cvae", "inn", "exact")
        }
        before = {model: client.solve(message) for model, message in asked.items()}
        for one in waiting:
            one.wait_for_server()
        server.process.send_signal(signal.SIGSTOP)

        def wait(one, model):
            answers[model] = one.solve(asked[model])

        threads = [
            threading.Thread(target=wait, args=pair) for pair in zip(waiting, asked, strict=True)
        ]
        for thread in threads:
            thread.start()
        server.process.kill()
        server.process.wait()
        start = time.monotonic()
        start_server(beside=True)
        for thread in threads:
            thread.join()
        figure(waiting=len(waiting), answered=len(answers), seconds=time.monotonic() - start)
    finally:
        for one in waiting:
            one.close()
    assert answers.keys() == asked.keys()
    for model, answer in answers.items():
        assert np.array_equal(answer.positions, before[model].positions)
