"""Responses to clients that the middleware cannot reach at once; everything is in this process."""

import time
import warnings

import pytest
import rclpy
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.service import Service

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.ros import delivery, qos
from ik_nn_ros.ros.delivery import DeliveringNode

PATIENCE = 60.0  # [s]
# Its requests arrive, but no response can: the server keeps none for those who come late.
UNREACHABLE = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def node(ros, monkeypatch):
    """Answers each request with its target, and tries again soon."""
    monkeypatch.setattr(delivery, "RETRY_PERIOD", 0.02)
    node = DeliveringNode("patient")

    def answer(request, response):
        response.message = f"{request.target.pose.position.x:g}"
        return response

    node.create_service(SolveIK, "solve_ik", answer, qos_profile=qos.SERVICE)
    yield node
    node.destroy_node()


@pytest.fixture
def clients(ros):
    node = rclpy.create_node("clients", start_parameter_services=False)
    yield node
    node.destroy_node()


@pytest.fixture
def spin_until(node, clients):
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(clients)

    def spin_until(condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"waited {PATIENCE:g} s in vain"
            executor.spin_once(timeout_sec=0.05)

    yield spin_until
    executor.shutdown()


@pytest.fixture
def attempts(monkeypatch):
    """Every attempt to send; the first two fail as rclpy says it where discovery lags behind."""
    attempts, send = [], Service.send_response

    def failing_send(service, response, header):
        attempts.append(response)
        if len(attempts) > 2:
            return send(service, response, header)
        reason = "failed to send response (timeout): client will not receive response"
        return warnings.warn(reason, RuntimeWarning, stacklevel=1)

    monkeypatch.setattr(Service, "send_response", failing_send)
    return attempts


def asked_at(x):
    request = SolveIK.Request()
    request.target.pose.position.x = x
    return request


@pytest.mark.parametrize(
    ("service_type", "name", "request_"),
    [
        (SolveIK, "solve_ik", asked_at(1.0)),
        (GetParameters, "patient/get_parameters", GetParameters.Request()),
    ],
)
def test_a_response_is_sent_until_its_client_is_reached(
    attempts, node, clients, spin_until, service_type, name, request_
):
    client = clients.create_client(service_type, name)
    spin_until(client.service_is_ready)
    first = client.call_async(request_)
    spin_until(first.done)
    assert len(attempts) == 3 and attempts[0] is attempts[1] is attempts[2]
    second = client.call_async(request_)
    spin_until(second.done)
    until = time.monotonic() + 10.0 * delivery.RETRY_PERIOD
    spin_until(lambda: time.monotonic() > until)
    assert len(attempts) == 4  # nothing is sent twice


def test_a_client_that_no_response_reaches_is_told_of_and_stops_nobody(
    monkeypatch, capfd, node, clients, spin_until
):
    monkeypatch.setattr(delivery, "GIVE_UP_AFTER", 0.5)
    deaf = clients.create_client(SolveIK, "solve_ik", qos_profile=UNREACHABLE)
    hearing = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    spin_until(hearing.service_is_ready)
    unanswered = deaf.call_async(asked_at(1.0))
    answered = hearing.call_async(asked_at(2.0))
    spin_until(answered.done)
    assert answered.result().message == "2"
    told = []
    spin_until(lambda: told.append(capfd.readouterr().err) or "dropped" in "".join(told))
    assert "a response of /solve_ik is dropped: for 0.5 s its client could not" in "".join(told)
    assert not unanswered.done()


def test_the_next_response_does_not_put_off_those_that_wait(
    monkeypatch, capfd, node, clients, spin_until
):
    monkeypatch.setattr(delivery, "GIVE_UP_AFTER", 0.1)
    monkeypatch.setattr(delivery, "MOST_FAILURES", 1)
    deaf = clients.create_client(SolveIK, "solve_ik", qos_profile=UNREACHABLE)
    hearing = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    spin_until(hearing.service_is_ready)
    told = []

    def ask_on():
        deaf.call_async(asked_at(1.0))
        told.append(capfd.readouterr().err)
        return "dropped" in "".join(told)

    spin_until(ask_on)
