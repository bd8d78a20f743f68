"""What can change while the server runs, and how it tells how it fares."""

from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.parameter import Parameter, parameter_value_to_python

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.ros.errors import RequestRefusedError


def request(x=3.2, **fields):
    message = SolveIK.Request(random_seed=1, **fields)
    message.target.pose.position.x = x
    return message


@pytest.fixture(scope="module")
def call(listener, server):
    """Calls one of the server's parameter services."""

    def call(service_type, name, message):
        client = listener.node.create_client(service_type, f"ik_server/{name}")
        listener.wait_until(client.service_is_ready)
        future = client.call_async(message)
        listener.wait_until(future.done)
        return future.result()

    return call


@pytest.fixture
def change(call):
    """Changes parameters of the server as a set, and back."""

    def change(**values) -> str:
        changes = [
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
        ]
        message = SetParametersAtomically.Request(parameters=changes)
        result = call(SetParametersAtomically, "set_parameters_atomically", message).result
        assert result.successful != bool(result.reason)
        return result.reason

    yield change
    change(model="exact", num_samples=1000, refine=True, position_tolerance=1e-6)


@pytest.fixture
def current(call):
    """What the server says that its parameters are."""

    def current(*names: str) -> list:
        values = call(GetParameters, "get_parameters", GetParameters.Request(names=names)).values
        return [parameter_value_to_python(value) for value in values]

    return current


def test_pytorch_is_not_loaded_to_serve_compiled_networks(server, client):
    for model in ("cinn", "cvae", "inn", "exact"):
        client.solve(request(model=model, num_representatives=3))
    assert "libtorch" not in Path(f"/proc/{server.process.pid}/maps").read_text()


def test_defaults_change_while_it_runs(change, current, client):
    before = client.solve(request())
    assert change(model="inn", num_samples=200, position_tolerance=1e-3) == ""
    after = client.solve(request())
    assert len(before.positions) > 900
    assert len(after.log_densities) == len(after.positions) <= 200
    assert change(refine=False) == ""
    assert client.solve(request()).position_errors.max() > 1e-3
    assert current("model", "num_samples", "refine") == ["inn", 200, False]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"num_samples": 200, "model": "gan"}, "no such model; available: cvae"),
        ({"num_samples": 20_000}, "must not exceed max_samples"),
        ({"num_samples": 200, "max_samples": 100}, "must not exceed max_samples"),
        ({"num_samples": 200, "position_tolerance": -1.0}, "position_tolerance"),
        ({"num_samples": 200, "position_tolerance": float("nan")}, "out of range"),
        ({"model": ""}, "must not be empty"),
        ({"refine": 1}, "Wrong parameter type"),
        ({"num_samples": 200, "dof": 4}, "read-only parameter: dof"),
        ({"base_frame": "map"}, "read-only parameter: base_frame"),
        ({"checkpoint": "a file"}, "read-only parameter: checkpoint"),
    ],
)
def test_a_refused_change_says_why_and_changes_nothing(change, current, client, values, words):
    before = client.solve(request())
    assert words in change(**values)
    assert (client.solve(request()).positions == before.positions).all()
    names = ("dof", "model", "num_samples", "max_samples", "refine", "base_frame")
    assert current(*names) == [6, "exact", 1000, 10_000, True, "base_link"]


def test_it_tells_how_many_requests_failed_and_how_long_they_took(client, listener, server):
    received = []
    listener.node.create_subscription(DiagnosticArray, "/diagnostics", received.append, 10)
    client.solve(request())
    with pytest.raises(RequestRefusedError):
        client.solve(request(9.0))

    def told():
        values = (
            {pair.key: pair.value for pair in received[-1].status[0].values} if received else {}
        )
        return values if values.get("NO_IK_SOLUTION") == "1" else None

    listener.wait_until(told)
    values = told()
    assert (values["model"], values["dof"], values["device"]) == ("exact", "6", "cpu")
    assert int(values["requests"]) == int(values["SUCCESS"]) + 1
    assert 0.0 < float(values["latency p50 [ms]"]) <= float(values["latency p99 [ms]"])
    (status,) = received[-1].status
    assert (status.name, status.level) == ("/ik_server: requests", DiagnosticStatus.OK)


def test_a_refusal_is_logged_once_however_often_it_comes(client, server):
    for _ in range(20):
        with pytest.raises(RequestRefusedError):
            client.solve(request(9.0))
    assert 1 <= server.output().count("refused with -31: target out of reach") < 20
