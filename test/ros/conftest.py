"""Real processes over loopback DDS: servers to be asked, and this process as their client."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from ik_nn_ros.ros.client import IKClient
from ik_nn_ros.ros.errors import ServiceUnavailableError

ROOT = Path(__file__).parents[2]
IK_SERVER = "import sys; from ik_nn_ros.ros.commands import ik_server; sys.exit(ik_server())"
PATIENCE = 180.0  # [s], for a machine with better things to do; every wait ends as soon as it can


class Server:
    """`ik_server` in its own process.

    Args:
        log: receives its stdout and stderr.
        arguments: what follows --ros-args.
    """

    def __init__(self, log: Path, arguments: tuple[str, ...]) -> None:
        command = [sys.executable, "-c", IK_SERVER, "--ros-args", *arguments]
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT
            )

    def wait_until_ready(self, client: IKClient) -> None:
        """Until it answers a client; no longer if it ends instead."""
        deadline = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None, self.output()
            try:
                return client.wait_for_server(1.0)
            except ServiceUnavailableError:
                assert time.monotonic() < deadline, self.output()

    def output(self) -> str:
        """What it has written so far."""
        return self._log.read_text()

    def stop(self, signal_number: int = signal.SIGINT) -> int:
        """Its exit status after a signal."""
        self.process.send_signal(signal_number)
        return self.process.wait(PATIENCE)

    def holds(self) -> dict[str, int]:
        """What it holds: resident memory [kB], open file descriptors, threads."""
        status = (self._proc / "status").read_text()
        return {
            "kb": int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]),
            "descriptors": len(list((self._proc / "fd").iterdir())),
            "threads": int(re.search(r"Threads:\s+(\d+)", status)[1]),
        }

    def processor_time(self) -> float:
        """What all its threads have worked since it was started [s]."""
        after_name = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")

    @property
    def _proc(self) -> Path:
        return Path(f"/proc/{self.process.pid}")

    def close(self) -> None:
        """End it in order, which clears its shared memory, or by force."""
        try:
            self.stop()
        finally:
            self.process.kill()


def spin_until(executor, condition) -> None:
    """Spin an executor until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s in vain"
        executor.spin_once(timeout_sec=0.05)


class Listener:
    """A node of this process beside the client's."""

    def __init__(self) -> None:
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("listener", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def close(self) -> None:
        """End the node."""
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()

    def wait_until(self, condition) -> None:
        """Spin until a condition holds."""
        spin_until(self._executor, condition)


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def block():
    """Finds a document's first block of code of a language that contains a word."""

    def find(document: str, language: str, word: str) -> str:
        blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
        return next(block for block in blocks if word in block)

    return find


@pytest.fixture
def figure(request):
    """Keeps what a test measured, where the environment names a file for it."""

    def keep(**values) -> None:
        if path := os.environ.get("RELIABILITY_FIGURES"):
            with open(path, "a") as file:
                file.write(json.dumps({"test": request.node.originalname, **values}) + "\n")

    return keep


@pytest.fixture(scope="session", autouse=True)
def ros_environment(tmp_path_factory):
    """A DDS domain of this session's own, on this machine only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        patch.setenv("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
        patch.setenv("ROS_LOG_DIR", str(tmp_path_factory.mktemp("ros_log")))
        yield


@pytest.fixture(scope="module")
def listener():
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture(scope="module")
def ros():
    """rclpy's default context, which the client is in."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    yield
    rclpy.try_shutdown()


@pytest.fixture
def spinning():
    """Lets an executor spin nodes, and gives the function that does so until a condition holds."""
    executors = []

    def spinning(executor, *nodes):
        executors.append(executor)
        for node in nodes:
            executor.add_node(node)
        return partial(spin_until, executor)

    yield spinning
    for executor in executors:
        executor.shutdown()


@pytest.fixture(scope="module")
def client(ros):
    client = IKClient()
    yield client
    client.close()


@pytest.fixture(scope="module")
def start_server(tmp_path_factory, listener):
    """Starts servers, each after or beside the one before, and ends those that still run."""
    servers = []

    def start(*arguments: str, beside: bool = False) -> Server:
        if not beside:
            listener.wait_until(lambda: listener.node.count_services("solve_ik") == 0)
        log = tmp_path_factory.mktemp("server") / "output.log"
        servers.append(Server(log, arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def server(start_server, client):
    """A server with its default parameters, ready."""
    server = start_server()
    server.wait_until_ready(client)
    return server
