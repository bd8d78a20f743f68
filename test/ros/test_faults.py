"""Faults of callbacks: told, counted, and the node goes on. The node is in this process."""

import re
import subprocess
import sys
from functools import partial

import pytest
import rclpy
from geometry_msgs.msg import Point, PointStamped
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import IKSolver
from ik_nn_ros.ros import node as module
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.faults import GuardedExecutor
from ik_nn_ros.ros.node import IKServer


@pytest.fixture(scope="module")
def server(ros):
    server = IKServer()
    yield server
    server.destroy_node()


@pytest.fixture(scope="module")
def asking(ros):
    node = rclpy.create_node("asking", start_parameter_services=False)
    yield node
    node.destroy_node()


@pytest.fixture
def spin_until(server, asking, spinning):
    return spinning(GuardedExecutor(server.record_fault), server, asking)


@pytest.fixture
def one_fault_more(server, spin_until):
    """Spins until there is one, and sees that it is told on /diagnostics."""
    before = server._statistics.internal_errors

    def wait():
        spin_until(lambda: server._statistics.internal_errors > before)
        assert int(server._statistics.values()["faults of callbacks"]) > 0

    return wait


@pytest.fixture
def answers(asking, spin_until):
    """Whether the server still answers."""

    def ask():
        client = asking.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
        spin_until(client.service_is_ready)
        request = SolveIK.Request(num_samples=5)
        request.target.pose.position.x = 3.0
        future = client.call_async(request)
        spin_until(future.done)
        asking.destroy_client(client)
        return future.result().error_code == SolveIK.Response.SUCCESS

    return ask


def fail(*_, **__):
    raise ZeroDivisionError("a fault")


def test_a_clock_before_the_beginning_of_time(server, asking, spin_until, one_fault_more, answers):
    publisher = asking.create_publisher(Clock, "/clock", 1)
    server.set_parameters([Parameter("use_sim_time", value=True)])
    try:
        spin_until(lambda: publisher.get_subscription_count() > 0)
        message = Clock()
        message.clock.sec = -5
        asking.create_timer(0.1, partial(publisher.publish, message))
        one_fault_more()
    finally:
        server.set_parameters([Parameter("use_sim_time", value=False)])
    assert answers()


def test_a_parameter_of_a_type_that_does_not_exist(asking, spin_until, one_fault_more, answers):
    client = asking.create_client(SetParameters, "ik_server/set_parameters")
    spin_until(client.service_is_ready)
    changes = [ParameterMessage(name="model", value=ParameterValue(type=77))]
    client.call_async(SetParameters.Request(parameters=changes))
    one_fault_more()
    assert answers()


CHANGE = Parameter("num_samples", value=100).to_parameter_msg()


@pytest.mark.parametrize(
    ("service", "request_of", "said"),
    [
        (SetParameters, {"parameters": [CHANGE]}, lambda answer: answer.results[0].reason),
        (SetParametersAtomically, {"parameters": [CHANGE]}, lambda answer: answer.result.reason),
        (GetParameters, {"names": ["model"]}, lambda answer: answer.values == []),
        (DescribeParameters, {"names": ["model"]}, lambda answer: answer.descriptors == []),
        (ListParameters, {"prefixes": ["a"]}, lambda answer: answer.result.names == []),
    ],
)
def test_a_request_of_more_parameters_than_others_can_wait_for_is_refused(
    asking, spin_until, service, request_of, said
):
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", service.__name__).lower()
    client = asking.create_client(service, f"ik_server/{words}")
    spin_until(client.service_is_ready)
    ((field, one),) = request_of.items()
    future = client.call_async(service.Request(**{field: one * 101}))
    spin_until(future.done)
    assert said(future.result()) in (True, "at most 100 parameters in one request, got 101")


@pytest.mark.parametrize("name", ["diagnostic_array", "posterior_markers", "clicked_request"])
def test_a_timer_s_work_that_waits_and_a_subscription_s(
    monkeypatch, asking, spin_until, one_fault_more, answers, name
):
    monkeypatch.setattr(module, name, fail)
    markers = asking.create_subscription(
        module.MarkerArray, "posterior_markers", lambda _: None, qos.LATCHED
    )
    clicks = asking.create_publisher(PointStamped, "clicked_point", 1)
    spin_until(lambda: clicks.get_subscription_count() > 0)
    clicks.publish(PointStamped())
    assert answers()
    one_fault_more()
    monkeypatch.undo()
    asking.destroy_subscription(markers)
    assert answers()


@pytest.mark.parametrize("fault", [EOFError("x\ny" * 10**5), MemoryError(), RecursionError("deep")])
def test_whatever_a_parameter_s_check_raises_refuses_it(server, monkeypatch, answers, fault):
    def broken(*_, **__):
        raise fault

    monkeypatch.setattr(IKSolver, "from_pretrained", broken)
    (result,) = server.set_parameters([Parameter("model", value="inn")])
    assert not result.successful
    assert result.reason.startswith(f"internal error: {type(fault).__name__}")
    assert result.reason.isprintable() and len(result.reason) < 3000
    assert server.get_parameter("model").value == "exact"
    assert answers()


def test_what_is_refused_or_changed_again_and_again_is_one_line(server, capfd):
    for _ in range(20):
        server._on_click(PointStamped())
        server._on_click(PointStamped(point=Point(z=9.0)))
        server.record_fault(ValueError("x\n[ERROR] forged"))
        server.set_parameters([Parameter("num_samples", value=100)])
    lines = capfd.readouterr().err.splitlines()
    assert sum("clicked point refused" in line for line in lines) <= 1
    assert sum("ValueError" in line for line in lines) <= 1
    assert sum("num_samples = 100" in line for line in lines) <= 1
    assert not any(line.startswith("[ERROR] forged") for line in lines)


def test_an_executor_that_a_shutdown_keeps_from_being_made_leaves_no_trace():
    code = (
        "import rclpy; from ik_nn_ros.ros.faults import GuardedExecutor\n"
        "rclpy.init(); rclpy.shutdown()\n"
        "try: GuardedExecutor(print)\n"
        "except Exception: pass"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")
