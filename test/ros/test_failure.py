"""A fault of the server's own: told to the client and logged, and the server lives on."""

import signal
import subprocess
import sys

import pytest

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.ros.errors import RequestRefusedError

# A server whose solver has a fault that only some targets meet.
FAULTY_SERVER = """
import sys
from ik_nn_ros import IKSolver
from ik_nn_ros.ros.node import main

solve = IKSolver.solve

def faulty(solver, target, *arguments, **keywords):
    if target[1] > 0.0:
        raise ZeroDivisionError("a fault")
    return solve(solver, target, *arguments, **keywords)

IKSolver.solve = faulty
sys.exit(main())
"""


def request(x, y):
    message = SolveIK.Request(num_samples=5)
    message.target.pose.position.x, message.target.pose.position.y = x, y
    return message


def test_a_fault_is_told_and_logged_and_the_next_request_answered(client, tmp_path):
    log = tmp_path / "output.log"
    command = [sys.executable, "-c", FAULTY_SERVER, "--ros-args", "-p", "model:=exact"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        client.wait_for_server(60.0)
        with pytest.raises(RequestRefusedError, match="ZeroDivisionError: a fault") as caught:
            client.solve(request(3.0, 0.5))
        assert caught.value.code == SolveIK.Response.FAILURE
        assert len(client.solve(request(3.0, -0.5)).positions) == 5
        assert "Traceback" in log.read_text()
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60.0) == 0
