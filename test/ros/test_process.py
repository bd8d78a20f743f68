"""How the server's process starts and ends."""

import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from visualization_msgs.msg import MarkerArray

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.models import WEIGHTS_FOLDER, pretrained_path
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.targets import planar_pose

EXACT = ("-p", "model:=exact", "-p", "dof:=3")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_status_0_and_no_traceback(client, start_server, number):
    server = start_server(*EXACT)
    server.wait_until_ready(client)
    assert server.stop(number) == 0
    assert "Traceback" not in server.output()
    assert "ready" in server.output()


def test_a_second_signal_changes_nothing(client, start_server):
    """While Python ends, which takes longer than somebody needs to press the keys again."""
    server = start_server(*EXACT)
    server.wait_until_ready(client)
    server.process.send_signal(signal.SIGINT)
    for _ in range(20):
        time.sleep(0.01)
        server.process.send_signal(signal.SIGINT)
    assert server.process.wait(60.0) == 0
    assert "Traceback" not in server.output()


def test_a_signal_ends_it_in_the_midst_of_a_request(client, start_server):
    """Which would last for half a minute."""
    most = 1_000_000
    limits = (f"max_samples:={most}", f"max_cost:={15 * most}")
    arguments = [word for limit in limits for word in ("-p", limit)]
    server = start_server("-p", "model:=exact", "-p", "dof:=15", *arguments)
    server.wait_until_ready(client)
    target = PoseStamped(pose=planar_pose(7.5, 0.3))
    client.abandon(SolveIK.Request(target=target, num_samples=most))
    time.sleep(1.0)  # until it is at work
    start = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - start < 15.0
    assert "Traceback" not in server.output()


def test_a_dump_of_its_parameters_starts_it_again(client, start_server):
    derived = ("-p", "base:=revolute", "-p", "link_lengths:=[0.5, 0.5, 1.0]")
    server = start_server(*EXACT, *derived)
    server.wait_until_ready(client)
    assert client.arm().link_lengths == (0.5, 0.5, 1.0)
    assert server.stop() == 0


def test_it_shows_and_tells_while_simulated_time_stands_still(client, start_server, listener):
    server = start_server(*EXACT, "-p", "use_sim_time:=true")
    server.wait_until_ready(client)
    seen, told = [], []
    subscriptions = [
        listener.node.create_subscription(
            MarkerArray, "posterior_markers", seen.append, qos.LATCHED
        ),
        listener.node.create_subscription(DiagnosticArray, "/diagnostics", told.append, 10),
    ]
    target = PoseStamped(pose=planar_pose(1.6, 0.3))
    client.solve(SolveIK.Request(target=target, num_samples=10))
    listener.wait_until(lambda: seen and told)
    for subscription in subscriptions:
        listener.node.destroy_subscription(subscription)
    assert server.stop() == 0


def test_another_server_of_the_same_name_is_told(client, start_server, listener):
    first = start_server(*EXACT)
    first.wait_until_ready(client)
    second = start_server(*EXACT, beside=True)
    listener.wait_until(lambda: "2 servers offer /solve_ik" in first.output())
    assert first.output().count("servers offer") == 1
    assert second.stop() == first.stop() == 0


def catches(process, number):
    """Whether it has a handler for a signal, by what the system says."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"SigCgt:\s+([0-9a-f]+)", status)[1], 16) >> (number - 1) & 1


@pytest.mark.parametrize(("command", "status"), [("ik_server", 0), ("solve_ik", 1)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_still_imports_ends_it_without_a_traceback(command, status, number):
    """SIGTERM's handler comes after SIGINT's; Python has one of its own for SIGINT."""
    code = f"import sys; from ik_nn_ros.ros.commands import {command}; sys.exit({command}())"
    started = subprocess.Popen(
        [sys.executable, "-c", code, "3.0", "0.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not catches(started, signal.SIGTERM):
        assert started.poll() is None
    started.send_signal(number)
    output, _ = started.communicate(timeout=60.0)
    assert (started.returncode, output) == (status, "")


PARAMETER_FILE = "/**/ik_server:\n  ros__parameters:\n    {line}\n"
BAD_STARTS = {
    "dof without weights": (
        ("-p", "dof:=99", "-p", "model:=cvae"),
        "no weights for dof 99",
    ),
    "unknown model": (("-p", "model:=gan"), "no such model"),
    "wrong type": (("-p", "dof:=six"), "dof"),
    "out of range": (("-p", "dof:=1"), "dof"),
    "default above the limit": (("-p", "max_samples:=10"), "max_samples"),
    "unknown parameter": (("-p", "modle:=cvae"), "modle"),
    "links of another arm": (("-p", "link_lengths:=[1.0, 1.0]"), "link_lengths"),
    "a number for links": (("-p", "link_lengths:=1.0"), "link_lengths"),
    "base of another arm": (("-p", "base:=rail"), "base"),
    "arguments that are not ROS's": (("--", "dof:=4"), "takes no arguments but ROS's, got dof:=4"),
    "unknown device": (("-p", "device:=abacus"), "abacus"),
    "a clock that is a number": (("-p", "use_sim_time:=5"), "use_sim_time"),
    "a service that is a text": (("-p", "start_type_description_service:=x"), "expecting type"),
}


BAD_TEXTS = {  # of which the line is to be one, whatever is in them
    "a file that is not there": ("-p", "arm:=/nobody\n\x1b[31m/arm.yaml"),
    "weights that are not there": ("-p", "checkpoint:=/nobody\n\x1b[31m/x.safetensors"),
    "an argument that is no text": ("-p", "model:=b\udce4r"),
    "a URDF": (
        "-p",
        "robot_description:=<robot name='r'><link name='a'/><link name='b'/>"
        + "".join(
            f"<joint name='{name}' type='fixed'><parent link='a'/><child link='b'/></joint>"
            for name in ("j", "forged&#10;[ERROR]")
        )
        + "</robot>",
    ),
}


def assert_one_line(server, words):
    assert server.process.wait(60.0) == 1
    lines = [line for line in server.output().splitlines() if not line.startswith("[INFO]")]
    assert len(lines) == 1, lines
    assert lines[0].startswith("ik_server: ")
    assert words in lines[0]


@pytest.mark.parametrize("name", BAD_STARTS)
def test_a_start_that_cannot_be_is_told_in_one_line(start_server, name):
    arguments, words = BAD_STARTS[name]
    assert_one_line(start_server(*arguments), words)


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_text_that_cannot_be_is_told_in_one_line(start_server, name):
    server = start_server(*BAD_TEXTS[name])
    assert_one_line(server, "")
    assert server.output().strip().isprintable()


def test_names_of_a_robot_make_no_lines_of_their_own(client, start_server):
    names, mount = ("shoulder", "elbow\n[ERROR] forged"), Mount(xyz=(0.0, 0.0, 0.5))
    urdf = PlanarArm((0.4, 0.3), joint_names=names, mount=mount).to_urdf()
    server = start_server("-p", f"robot_description:={urdf}")
    server.wait_until_ready(client)
    server.stop()
    assert r"elbow\n[ERROR] forged bring tcp to targets in base_link" in server.output()


@pytest.mark.parametrize(
    ("line", "words"), [("modle: cvae", "modle"), ("dof: [", "params"), ("dof: 6.5", "dof")]
)
def test_a_bad_line_in_the_parameter_file_is_told(start_server, tmp_path, line, words):
    file = tmp_path / "params.yaml"
    file.write_text(PARAMETER_FILE.format(line=line))
    assert_one_line(start_server("--params-file", str(file)), words)


WITH_WEIGHTS_OF = """
import sys
from pathlib import Path
import ik_nn_ros.models
from ik_nn_ros.ros.node import main

ik_nn_ros.models.WEIGHTS_FOLDER = Path({folder!r})
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[:1000], "not a readable safetensors file"),
        (lambda content: pickle.dumps({"a": 1}), "not a readable safetensors file"),
        (lambda content: content, "is for 6 joints, not for 7"),
    ],
    ids=["truncated", "a pickle", "of another arm"],
)
def test_weights_that_cannot_be_used_are_told_in_one_line(tmp_path, damage, words):
    content = pretrained_path("cinn", 6).read_bytes()
    (tmp_path / "cinn_7.safetensors").write_bytes(damage(content))
    code = WITH_WEIGHTS_OF.format(folder=str(tmp_path))
    outcome = subprocess.run(
        [sys.executable, "-c", code, "--ros-args", "-p", "dof:=7", "-p", "model:=cinn"],
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 1
    assert outcome.stdout + outcome.stderr == outcome.stderr
    assert outcome.stderr.startswith("ik_server: weights file")
    assert "cinn_7.safetensors" in outcome.stderr
    assert words in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_the_shipped_parameter_file_starts_it_as_the_defaults_do(client, start_server, root):
    server = start_server("--params-file", str(root / "config" / "ik_server.yaml"), *EXACT)
    server.wait_until_ready(client)
    assert server.stop() == 0


def test_an_arm_on_a_rail_is_served(client, start_server):
    server = start_server("-p", f"checkpoint:={WEIGHTS_FOLDER / 'cinn_rail.safetensors'}")
    server.wait_until_ready(client)
    assert (client.arm().base, client.arm().link_lengths) == ("rail", (0.5, 0.5, 1.0))
    target = PoseStamped(pose=planar_pose(1.6, -0.4))
    answer = client.solve(SolveIK.Request(target=target, num_samples=100, random_seed=1))
    height, headings = answer.positions[:, 0], answer.positions[:, 1:].cumsum(axis=1)
    x = (np.cos(headings) * (0.5, 0.5, 1.0)).sum(axis=1)
    y = height + (np.sin(headings) * (0.5, 0.5, 1.0)).sum(axis=1)
    np.testing.assert_allclose(np.stack((x, y), axis=1), [(1.6, -0.4)] * 100, atol=1e-6)
    assert server.stop() == 0
