"""What the middleware adds to a wait beside clients that are killed, by its way to carry messages.

Measured beside a service of rclpy alone: no node can spare a client what that one costs, too.
"""

import json
import math
import os
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(
    "RELIABILITY_FIGURES" not in os.environ,
    reason="measures the middleware for docs/RELIABILITY.md, which takes five minutes",
)
KILLED = 30  # clients, one after the other
SEEN = 3.0  # [s], how long each one is there
LONG = 0.2  # [s], a wait that is counted
LOST = 10.0  # [s], without an answer, after which there will be none
TRANSPORTS = {
    "shared memory": {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"},
    "UDP": {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"},
}
PLAIN_SERVER = """
import rclpy
from std_srvs.srv import Trigger

def answer(request, response):
    response.message = 10_000 * "x"
    return response

rclpy.init()
node = rclpy.create_node("plain")
node.create_service(Trigger, "plain", answer)
rclpy.spin(node)
"""
CLIENT = """
import json, math, sys, threading, time, rclpy
from std_srvs.srv import Trigger
from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.ros import qos

rclpy.init()
node = rclpy.create_node("asking")
solve = SolveIK.Request(num_samples=100)
solve.target.pose.position.x = 3.0
clients = {
    "ik_server": (node.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE), solve),
    "a service of rclpy alone": (node.create_client(Trigger, "plain"), Trigger.Request()),
}
waits = {name: [] for name in clients}

def ask(name):
    client, request = clients[name]
    start = time.monotonic()
    future = client.call_async(request)
    while not future.done() and time.monotonic() < start + float(sys.argv[1]):
        rclpy.spin_once(node, timeout_sec=0.1)
    waits[name].append(time.monotonic() - start if future.done() else math.inf)

for name, (client, _) in clients.items():
    client.wait_for_service()
    ask(name)
    waits[name].clear()
print("ready", flush=True)
stopped = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopped.set())).start()
while not stopped.is_set():
    for name in clients:
        ask(name)
print(json.dumps(waits), flush=True)
"""


def start(script: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(LOST)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_client_beside_those_that_are_killed(transport, start_server, monkeypatch, figure):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(101 + list(TRANSPORTS).index(transport)))
    for name, value in TRANSPORTS[transport].items():
        monkeypatch.setenv(name, value)
    start_server(beside=True)
    with start(PLAIN_SERVER) as plain, start(CLIENT) as asking:
        try:
            assert asking.stdout.readline() == "ready\n"
            for _ in range(KILLED):
                with start(CLIENT) as other:
                    assert other.stdout.readline() == "ready\n"
                    time.sleep(SEEN)
                    other.kill()
            waits = json.loads(asking.communicate()[0])
        finally:
            for process in (plain, asking):
                process.kill()
    assert math.inf not in waits["ik_server"]
    for name, values in waits.items():
        figure(
            server=name,
            transport=transport,
            killed=KILLED,
            asked=len(values),
            lost=values.count(math.inf),
            long=sum(LONG < wait < math.inf for wait in values),
            long_ms=1e3 * LONG,
            longest_ms=1e3 * max(wait for wait in values if wait < math.inf),
        )
