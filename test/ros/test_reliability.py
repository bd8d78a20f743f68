"""A server under load, between real processes; `tools/reliability.py` keeps the figures."""

import contextlib
import os
import signal
import threading
import time
from collections import Counter

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.client import Client
from sensor_msgs.msg import JointState

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import PlanarArm
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.client import IKClient
from ik_nn_ros.ros.errors import RequestRefusedError
from ik_nn_ros.ros.messages import parse_response
from ik_nn_ros.ros.targets import planar_pose

ARM = PlanarArm.of_paper(6)
# As long and as much as the document says where it is written, else what shows a fault.
MEASURED = "RELIABILITY_FIGURES" in os.environ
CLIENTS, REQUESTS = 8, 250 if MEASURED else 100
EARLY, LATE = 500, 20_000 if MEASURED else 1500  # requests after which what is held is compared
IDLE = 300.0 if MEASURED else 3.0  # [s]
AT_ONCE = 200
MAX_SAMPLES = 100
Code = SolveIK.Response


@pytest.fixture(scope="module")
def server(start_server, client):
    """A server whose requests are small: it is their number that counts here."""
    server = start_server("-p", "num_samples:=20", "-p", f"max_samples:={MAX_SAMPLES}")
    server.wait_until_ready(client)
    return server


def request(x, y, **fields):
    target = PoseStamped(pose=planar_pose(x, y))
    return SolveIK.Request(target=target, **fields)


def assert_answers(answer, asked):
    """It is the answer to this request and to no other: its own target and number of samples."""
    assert len(answer.positions) <= asked.num_samples
    point = asked.target.pose.position
    np.testing.assert_allclose(
        ARM.forward(answer.positions), [(point.x, point.y)] * len(answer.positions), atol=1e-5
    )


class Wire:
    """What this process's clients send, and every response that reaches them, abandoned or not.

    Attributes:
        sent: requests, by client.
        taken: responses, by client and the sequence number of their request.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: Counter[Client] = Counter()
        self.taken: Counter[tuple[Client, int]] = Counter()
        send, find = Client.call_async, Client.get_pending_request

        def counted_send(client, request):
            self.sent[client] += 1
            return send(client, request)

        def counted_find(client, sequence_number):
            self.taken[client, sequence_number] += 1
            return find(client, sequence_number)

        monkeypatch.setattr(Client, "call_async", counted_send)
        # rclpy asks every response that it takes for its request.
        monkeypatch.setattr(Client, "get_pending_request", counted_find)


@pytest.fixture
def wire(monkeypatch):
    """The wire, on which every request is sent once: none is sent again to a server that lives."""
    return Wire(monkeypatch)


@pytest.fixture
def count_requests(listener):
    """How many requests the server says that it has answered until now."""
    received = []

    def count() -> int:
        received.clear()
        subscription = listener.node.create_subscription(
            DiagnosticArray, "/diagnostics", received.append, 10
        )
        listener.wait_until(lambda: received)
        listener.node.destroy_subscription(subscription)
        values = {pair.key: pair.value for pair in received[-1].status[0].values}
        return int(values["requests"])

    return count


class LoadedClient(threading.Thread):
    """Sends requests of its own, one after the other: valid, invalid and abandoned ones."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self._rng = np.random.default_rng(index)
        self._client = IKClient()
        self.outcomes = {"answered": 0, "refused": 0, "cancelled": 0}
        self.seconds: list[float] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._client.wait_for_server(60.0)
            for _ in range(REQUESTS):
                outcome = self._rng.choice(["answered", "refused", "cancelled"], p=[0.6, 0.2, 0.2])
                getattr(self, f"_{outcome}")()
                self.outcomes[outcome] += 1
            # A client's answers come in order: with this one, all others have come.
            self._client.solve(self._valid_request())
        except BaseException as failure:
            self.failure = failure
        finally:
            self._client.close()

    def _valid_request(self) -> SolveIK.Request:
        bearing, distance = self._rng.uniform(-0.2, 0.2), self._rng.uniform(3.0, 3.3)
        x, y = distance * np.cos(bearing), distance * np.sin(bearing)
        return request(x, y, num_samples=int(self._rng.integers(5, 20)))

    def _answered(self) -> None:
        asked = self._valid_request()
        start = time.monotonic()
        answer = self._client.solve(asked)
        self.seconds.append(time.monotonic() - start)
        assert_answers(answer, asked)

    def _refused(self) -> None:
        distance = self._rng.uniform(4.0, 9.0)
        with pytest.raises(RequestRefusedError, match=f"is {distance:.4f} m") as caught:
            self._client.solve(request(distance, 0.0))
        assert caught.value.code == Code.NO_IK_SOLUTION

    def _cancelled(self) -> None:
        self._client.abandon(self._valid_request())


def test_eight_clients_get_all_their_own_answers_once(
    server, client, listener, wire, count_requests, figure
):
    """On the wire, and by the server's own count."""
    answered_before = count_requests()
    start = time.monotonic()
    clients = [LoadedClient(index) for index in range(CLIENTS)]
    for loaded in clients:
        loaded.start()
    for loaded in clients:
        loaded.join()
    elapsed = time.monotonic() - start
    assert [loaded.failure for loaded in clients] == [None] * CLIENTS
    totals = {
        name: sum(loaded.outcomes[name] for loaded in clients) for name in clients[0].outcomes
    }
    assert sum(totals.values()) == CLIENTS * REQUESTS
    answered = Counter(asking for asking, _ in wire.taken)
    twice = [key for key, times in wire.taken.items() if times > 1]
    assert (answered, twice) == (wire.sent, [])
    assert count_requests() - answered_before == CLIENTS * (REQUESTS + 1) == wire.sent.total()
    milliseconds = 1e3 * np.concatenate([loaded.seconds for loaded in clients])
    p50, p99 = np.percentile(milliseconds, (50, 99))
    figure(
        clients=CLIENTS,
        **totals,
        lost=0,
        twice=len(twice),
        mixed_up=0,
        seconds=elapsed,
        p50_ms=p50,
        p99_ms=p99,
    )


def test_a_server_that_takes_its_time_is_asked_once(server, client, wire):
    """Asked again, it would have to answer all of what keeps it busy twice."""
    server.process.send_signal(signal.SIGSTOP)
    resumed = threading.Timer(2.5, server.process.send_signal, [signal.SIGCONT])
    resumed.start()
    asked = request(3.2, 0.4, num_samples=5)
    assert_answers(client.solve(asked), asked)
    resumed.join()
    assert wire.sent.total() == 1


def test_requests_sent_all_at_once_are_all_answered(server, listener, figure):
    """ROS's default depth of 10 loses nine of ten."""
    node = listener.node
    hasty = node.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)
    listener.wait_until(hasty.service_is_ready)
    asked = [request(3.0 + 1e-3 * index, 0.0, num_samples=5) for index in range(AT_ONCE)]
    futures = [hasty.call_async(message) for message in asked]
    listener.wait_until(lambda: all(future.done() for future in futures))
    for message, future in zip(asked, futures, strict=True):
        assert_answers(parse_response(future.result()), message)
    node.destroy_client(hasty)
    figure(at_once=AT_ONCE, answered=len(futures))


MIXED = [  # requests of every kind, valid or not
    {"model": "exact"},
    {"model": "cinn", "num_representatives": 3},
    {"model": "cvae", "raw": True},
    {"model": "inn", "position_tolerance": 1e-3},
    {"model": "gan"},
    {"match_heading": True},
    {"seed_state": JointState(position=[0.1] * 6)},
    {"seed_state": JointState(name=["nobody"], position=[0.1])},
    {"num_samples": MAX_SAMPLES + 1},
]


def test_a_server_holds_no_more_after_many_requests(server, client, figure):
    held = []
    for number in range(1, LATE + 1):
        fields = {"num_samples": 10, "random_seed": number} | MIXED[number % len(MIXED)]
        with contextlib.suppress(RequestRefusedError):
            client.solve(request(3.2, 0.4, **fields))
        if number in (EARLY, LATE):
            held.append(server.holds())
    early, late = held
    figure(
        early_requests=EARLY,
        late_requests=LATE,
        **{f"early_{name}": value for name, value in early.items()},
        **{f"late_{name}": value for name, value in late.items()},
    )
    assert late["kb"] < 1.05 * early["kb"]
    assert late["descriptors"] <= early["descriptors"]
    assert late["threads"] <= early["threads"]


def test_an_idle_server_hardly_works(server, client, figure):
    client.solve(request(3.2, 0.4, num_samples=10))
    before, start = server.processor_time(), time.monotonic()
    time.sleep(IDLE)
    share = (server.processor_time() - before) / (time.monotonic() - start)
    figure(idle_s=IDLE, busy_share=share)
    assert share < (0.01 if MEASURED else 0.2)
