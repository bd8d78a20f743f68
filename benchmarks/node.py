"""A server in a process of its own, and this process as its client."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import rclpy
from rclpy.signals import SignalHandlerOptions

from benchmarks.targets import DEFAULT_DOF, targets_of
from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.ros.client import IKClient
from ik_nn_ros.ros.errors import ServiceUnavailableError
from ik_nn_ros.ros.targets import planar_pose

MODULE = "ik_nn_ros.ros.node"
SAMPLES = 1000  # of each request
PATIENCE = 600.0  # [s], for a machine with better things to do


@contextmanager
def ros_environment() -> Iterator[None]:
    """A DDS domain of this process's own, on this machine only, for it and its children."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "AMENT_PREFIX_PATH": sys.prefix,
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
            "ROS_LOG_DIR": folder,
        }
        with patch.dict(os.environ, environment):
            rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
            try:
                yield
            finally:
                rclpy.try_shutdown()


class Server:
    """A server in its own process and namespace; ends with its `with` block.

    Its output is in the log folder of `ros_environment`.

    Args:
        namespace: its own.
    """

    def __init__(self, namespace: str) -> None:
        command = [sys.executable, "-m", MODULE, "--ros-args", "-r", f"__ns:=/{namespace}"]
        self._log = Path(os.environ["ROS_LOG_DIR"], f"{namespace}.log")
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()

    def wait_for(self, client: IKClient) -> None:
        """Until it can be asked.

        Raises:
            ServiceUnavailableError: it ended, or takes too long.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return client.wait_for_server(1.0)
            except ServiceUnavailableError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    sys.stderr.write(self._log.read_text())
                    raise

    def memory(self) -> float:
        """Its resident memory [MiB]."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024.0


@contextmanager
def connected_client(namespace: str) -> Iterator[IKClient]:
    """A client of the server in a namespace."""
    client = IKClient(namespace)
    try:
        yield client
    finally:
        client.close()


def example_request() -> SolveIK.Request:
    """For a target that the default arm's prior reaches."""
    request = SolveIK.Request(num_samples=SAMPLES)
    x, y = targets_of(DEFAULT_DOF)[0].tolist()
    request.target.pose = planar_pose(x, y)
    return request
