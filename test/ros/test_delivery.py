"""Requests in turn, and responses that reach their clients; everything is in this process."""

import time
import warnings

import pytest
import rclpy
from rcl_interfaces.srv import GetParameters
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.service import Service

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.ros import delivery, qos, readers
from ik_nn_ros.ros.delivery import DeliveringNode
from ik_nn_ros.ros.readers import Reach, Readers

PATIENCE = 60.0  # [s]
KEEPING_ALL = QoSProfile(history=HistoryPolicy.KEEP_ALL, reliability=ReliabilityPolicy.RELIABLE)
KEPT = 5000  # the most that Fast DDS stores at either end, also where all is to be kept
# Their requests arrive, but no response can: the server keeps none for those who come late, and
# promises no times.
UNREACHABLE = {
    "transient local": QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
    "deadline": QoSProfile(depth=1, deadline=Duration(seconds=1)),
}


class PatientNode(DeliveringNode):
    """Answers each request with its target, and keeps which it was asked and when they came."""

    def __init__(self):
        super().__init__("patient")
        self.answered, self.arrivals = [], []
        self.offer(SolveIK, "solve_ik", self.answer, qos_profile=qos.SERVICE)

    def answer(self, request, response, arrival):
        response.message = f"{request.target.pose.position.x:g}"
        self.answered.append(request.target.pose.position.x)
        self.arrivals.append(arrival)
        return response


@pytest.fixture
def node(ros, monkeypatch):
    """Looks again and tries again soon."""
    monkeypatch.setattr(delivery, "RETRY_PERIOD", 0.02)
    node = PatientNode()
    yield node
    node.destroy_node()


@pytest.fixture
def clients(ros):
    node = rclpy.create_node("clients", start_parameter_services=False)
    yield node
    node.destroy_node()


@pytest.fixture
def spin_until(node, clients, spinning):
    return spinning(SingleThreadedExecutor(), node, clients)


def lags_behind():
    """As rclpy says it where a client is not discovered yet."""
    reason = "failed to send response (timeout): client will not receive response"
    warnings.warn(reason, RuntimeWarning, stacklevel=1)


def is_held_up():
    """As rclpy says it where a queue that keeps all is full."""
    raise rclpy_implementation.RCLError("failed to send response: cannot publish data")


@pytest.fixture(params=[lags_behind, is_held_up])
def attempts(request, monkeypatch):
    """Every attempt to send; the first two fail."""
    attempts, send = [], Service.send_response

    def failing_send(service, response, header):
        attempts.append(response)
        if len(attempts) > 2:
            return send(service, response, header)
        return request.param()

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


@pytest.fixture
def sends(monkeypatch):
    """What every response is sent with: by which service, and to whom."""
    sends, send = [], Service.send_response

    def counted(*sending):
        sends.append(sending)
        return send(*sending)

    monkeypatch.setattr(Service, "send_response", counted)
    return sends


@pytest.mark.parametrize("kind", UNREACHABLE)
def test_a_client_that_no_response_reaches_costs_nothing_and_is_told_of_once(
    sends, capfd, node, clients, spin_until, kind
):
    deaf = clients.create_client(SolveIK, "solve_ik", qos_profile=UNREACHABLE[kind])
    hearing = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    spin_until(hearing.service_is_ready)
    start = time.monotonic()
    unanswered = [deaf.call_async(asked_at(1.0)) for _ in range(300)]
    answered = hearing.call_async(asked_at(2.0))
    spin_until(answered.done)
    assert answered.result().message == "2"
    assert node.answered == [2.0] and len(sends) == 1  # none is solved, none is tried
    told = []
    spin_until(lambda: told.append(capfd.readouterr().err) or "dropped" in "".join(told))
    for _ in range(10):  # and again, one by one
        unanswered.append(deaf.call_async(asked_at(1.0)))
        spin_until(hearing.call_async(asked_at(2.0)).done)
    told.append(capfd.readouterr().err)
    assert "of /solve_ik are dropped: no response reaches their client" in "".join(told)
    lines = (time.monotonic() - start) / delivery.LINES_PERIOD
    assert "".join(told).count("dropped") <= 1 + lines
    assert not any(future.done() for future in unanswered)
    assert 1.0 not in node.answered


def test_the_queue_of_a_client_that_left_costs_nothing(sends, capfd, node, clients, spin_until):
    leaving = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    staying = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    spin_until(lambda: leaving.service_is_ready() and staying.service_is_ready())
    spin_until(leaving.call_async(asked_at(1.0)).done)
    for _ in range(100):
        leaving.call_async(asked_at(3.0))
    clients.destroy_client(leaving)
    answered = staying.call_async(asked_at(2.0))
    (reads,) = (offer.readers for offer in node._offers if offer.service.srv_type is SolveIK)
    deadline = time.monotonic() + PATIENCE
    while reads._look() or len(reads._seen) > 1:  # the middleware sees it go on a thread of its own
        assert time.monotonic() < deadline
    spin_until(answered.done)
    assert node.answered == [1.0, 2.0] and len(sends) == 2


def test_a_client_that_takes_no_response_keeps_none_from_others(sends, node, clients, spinning):
    idle = clients.create_client(SolveIK, "solve_ik", qos_profile=KEEPING_ALL)
    spin_until = spinning(SingleThreadedExecutor(), node)  # the client takes nothing
    spin_until(idle.service_is_ready)
    idle.call_async(asked_at(1.0))
    spin_until(lambda: sends)
    for _ in range(2 * KEPT):
        Service.send_response(*sends[0])  # raises where there is no room


def test_clients_take_turns(node, clients, spin_until):
    many = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    one = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    spin_until(lambda: many.service_is_ready() and one.service_is_ready())
    futures = [many.call_async(asked_at(1.0)) for _ in range(50)]
    futures.append(one.call_async(asked_at(2.0)))
    time.sleep(1.0)  # all of them have arrived
    spin_until(lambda: all(future.done() for future in futures))
    assert len(node.answered) == 51
    assert node.answered.index(2.0) <= 2


def test_a_fault_in_an_answer_takes_that_request_alone(node, clients, ros):
    client = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(clients)
    deadline, faults = time.monotonic() + PATIENCE, []
    while not client.service_is_ready():
        assert time.monotonic() < deadline
    futures = [client.call_async(asked_at(float(index))) for index in range(6)]
    answer = node.answer

    def failing(request, response, arrival):
        answer(request, response, arrival)
        return response if request.target.pose.position.x % 2.0 else 1 / 0

    (offer,) = (one for one in node._offers if one.service.srv_type is SolveIK)
    object.__setattr__(offer, "answer", failing)
    while not all(future.done() for future in futures[1::2]):
        assert time.monotonic() < deadline
        try:
            executor.spin_once(timeout_sec=0.05)
        except ZeroDivisionError as fault:
            faults.append(fault)
    executor.shutdown()
    assert len(faults) == 3
    assert node.answered == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert not any(future.done() for future in futures[::2])


def test_a_request_waits_until_its_client_is_discovered_and_others_do_not_wait_for_it(
    monkeypatch, node, clients, spin_until
):
    late = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    early = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    spin_until(lambda: late.service_is_ready() and early.service_is_ready())
    lagging, discovered, reach = False, set(), Readers.reach

    def lagging_reach(self, client):
        if not lagging:
            discovered.add(client)
        return reach(self, client) if client in discovered else Reach.UNSEEN

    monkeypatch.setattr(Readers, "reach", lagging_reach)
    spin_until(early.call_async(asked_at(1.0)).done)
    lagging = True
    waiting = late.call_async(asked_at(3.0))
    for _ in range(10):
        spin_until(early.call_async(asked_at(2.0)).done)
    assert not waiting.done() and 3.0 not in node.answered
    lagging = False
    spin_until(waiting.done)
    assert waiting.result().message == "3"


def test_a_request_arrives_when_the_middleware_has_it_not_when_its_turn_comes(
    node, clients, spin_until
):
    client = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    spin_until(client.service_is_ready)
    start = time.monotonic()
    asked = [client.call_async(asked_at(1.0)) for _ in range(3)]
    time.sleep(1.0)  # as if the node were busy
    spin_until(asked[-1].done)
    assert all(start - 0.1 < arrival < start + 0.9 for arrival in node.arrivals)


def test_of_one_client_so_many_wait(monkeypatch, capfd, clients, ros):
    monkeypatch.setattr(delivery, "MOST_WAITING", 5)
    node = PatientNode()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    client = clients.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    deadline = time.monotonic() + PATIENCE
    while not client.service_is_ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    told = []
    while "a request of /solve_ik is dropped: 5 of its client wait already" not in "".join(told):
        assert time.monotonic() < deadline
        for _ in range(20):
            client.call_async(asked_at(1.0))
        time.sleep(0.1)  # they arrive
        executor.spin_once(timeout_sec=0.05)
        told.append(capfd.readouterr().err)
    executor.shutdown()
    node.destroy_node()


def test_the_clients_of_other_middlewares_count_as_there(monkeypatch, node):
    monkeypatch.setattr(readers, "get_rmw_implementation_identifier", lambda: "rmw_other_cpp")
    for offer in node._offers:
        assert Readers(node, offer.service).reach(b"unknown") is Reach.THERE
