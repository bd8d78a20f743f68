"""The command `solve_ik`, run as a user runs it."""

import os
import shlex
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros import PlanarArm
from ik_nn_ros.ros import client as module
from ik_nn_ros.ros.client import IKClient
from ik_nn_ros.ros.errors import RequestRefusedError, ServiceUnavailableError
from ik_nn_ros.ros.solve_ik import main
from ik_nn_ros.ros.targets import planar_pose

SOLVE_IK = "import sys; from ik_nn_ros.ros.commands import solve_ik; sys.exit(solve_ik())"


def solve_ik(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", SOLVE_IK, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    )


def test_without_a_server_it_says_so(ros):
    """First: the tests below start one."""
    with (
        IKClient() as lonely,
        pytest.raises(ServiceUnavailableError, match="ROS_DOMAIN_ID"),
    ):
        lonely.wait_for_server(timeout=0.0)


def test_a_request_is_sent_again_a_moment_after_another_server_appears(ros, monkeypatch):
    """At once, it would be sent to nobody."""
    monkeypatch.setattr(module, "ANSWER_TIMEOUT", 3.0)
    client = IKClient()
    looks, sent = [], []

    def count_services(_):
        looks.append(time.monotonic())
        return 1 if len(looks) < 4 else 2

    monkeypatch.setattr(client._node, "count_services", count_services)
    send = client._client.call_async
    monkeypatch.setattr(
        client._client,
        "call_async",
        lambda request: (sent.append(time.monotonic()), send(request))[1],
    )
    try:
        with pytest.raises(ServiceUnavailableError, match="no answer"):
            client.solve(SolveIK.Request())
    finally:
        client.close()
    assert len(sent) == 2
    assert sent[1] - looks[3] >= module.MATCHING


def test_a_node_of_one_s_own_needs_neither_the_command_line_nor_its_tables():
    code = "import sys, ik_nn_ros.ros.client; print(*sys.modules)"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    loaded = set(outcome.stdout.split())
    assert not loaded & {"rich", "matplotlib", "ik_nn_ros.ros.solve_ik", "ik_nn_ros.ros.table"}


LINE = np.linspace((3.0, 0.2), (3.2, 0.2), 21)


def test_a_path_is_answered_in_arrays(server, client):
    poses = [planar_pose(*target) for target in LINE]
    answer = client.solve_path(SolveIKPath.Request(targets=poses, random_seed=1))
    arm = PlanarArm.of_paper(6)
    assert answer.joint_names == arm.joint_names and answer.message == "21 points on one branch"
    np.testing.assert_allclose(arm.forward(answer.positions), LINE, atol=1e-6)
    assert answer.velocities.shape == (21, 6) and not answer.velocities[[0, -1]].any()
    assert len(answer.times) == 21 and np.all(np.diff(answer.times) > 0.0)
    largest = np.abs(np.diff(answer.positions, axis=0)).max()
    assert answer.largest_joint_step == pytest.approx(largest)
    assert list(answer.trajectory.points[3].positions) == answer.positions[3].tolist()


def test_a_path_that_breaks_is_refused_with_what_comes_before(server, client):
    poses = [planar_pose(*target) for target in np.linspace((3.4, 0.0), (3.6, 0.0), 21)]
    with pytest.raises(RequestRefusedError, match="breaks at target 12") as caught:
        client.solve_path(SolveIKPath.Request(targets=poses, random_seed=1))
    assert caught.value.code == SolveIK.Response.NO_IK_SOLUTION
    assert len(caught.value.ready.positions) == len(caught.value.ready.times) == 11
    with pytest.raises(RequestRefusedError) as caught:
        client.solve_path(SolveIKPath.Request(targets=poses, model="gan"))
    assert caught.value.ready is None


def test_it_prints_a_table_and_draws_the_arms(server, tmp_path):
    picture = tmp_path / "arms.png"
    asked = ("3.2", "-0.4", "--num-samples", "100", "--seed", "1", "--plot=~/arms.png")
    outcome = solve_ik(*asked, COLUMNS="120", HOME=str(tmp_path))
    assert outcome.returncode == 0, outcome.stderr
    for words in ("joint_6", "error [m]", "solutions", "drawn to"):
        assert words in outcome.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_coordinate_may_be_as_good_as_zero(server):
    outcome = solve_ik("3.2", "-1.2e-16", "--seed", "1", "--seed-state", "-1e-3", *["0.0"] * 5)
    assert outcome.returncode == 0, outcome.stderr
    assert " solutions, " in outcome.stdout


def test_it_asks_for_a_heading(server):
    outcome = solve_ik(
        "3.2", "-0.4", "--heading", "-0.3", "--model", "exact", "--seed", "1", COLUMNS="160"
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "heading error [rad]" in outcome.stdout
    rows = [line.split() for line in outcome.stdout.splitlines() if line.strip()[:1].isdigit()]
    headings = [sum(map(float, row[1:7])) for row in rows if len(row) == 10]
    assert len(headings) == 10
    np.testing.assert_allclose(headings, -0.3, atol=0.003)  # six numbers of three digits


def test_a_heading_that_no_network_knows_is_told(server):
    outcome = solve_ik("3.2", "-0.4", "--heading", "0", "--model", "cvae")
    assert outcome.returncode == 1
    assert "error -1002: model 'cvae': no weights for a pose at dof 6; available:" in outcome.stderr


def test_it_prints_the_representatives_and_their_shares(server):
    outcome = solve_ik("3.2", "-0.4", "--seed", "1", "--representatives", "3", COLUMNS="140")
    assert outcome.returncode == 0, outcome.stderr
    assert "share" in outcome.stdout
    assert outcome.stdout.count("%") == 3


def test_no_number_is_cut_where_there_is_no_room(server):
    outcome = solve_ik("3.2", "-0.4", "--seed", "1", "--representatives", "3", COLUMNS="40")
    assert "…" not in outcome.stdout
    assert outcome.stdout.count("%") == 3


def test_the_server_s_refusal_is_one_line_and_status_1(server):
    outcome = solve_ik("9.0", "0.0")
    assert outcome.returncode == 1
    assert "error -31" in outcome.stderr
    assert "3.5000" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_out_of_time_it_says_so(server):
    outcome = solve_ik("3.2", "-0.4", "--timeout", "1e-12")  # less than a message can say
    assert outcome.returncode == 1
    assert "error -6: timeout" in outcome.stderr


def test_what_every_node_refuses_is_told_in_one_line():
    outcome = solve_ik("3.0", "0.5", "--ros-args", "-p", "use_sim_time:=5")
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("solve_ik: ROS arguments: ")
    assert "use_sim_time" in outcome.stderr and outcome.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("-r", "bad"), ("--params-file", "/nowhere"), ("-p", "x"), ("--bogus",)]
)
def test_arguments_that_ros_cannot_read_are_told_in_one_line(arguments, capsys):
    assert main(["solve_ik", "3.0", "0.5", "--ros-args", *arguments]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("solve_ik: ROS arguments: ")
    assert arguments[-1] in errors
    assert errors.count("\n") == 1


def test_the_readme_s_program_prints_solutions(server, block):
    program = block("README.md", "python", "IKClient")
    command = [sys.executable, "-c", program + "print(answer.message)"]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith("[[")
    assert " solutions, " in outcome.stdout.splitlines()[-1]


def test_the_example_of_a_client_is_answered(server, root):
    command = [sys.executable, root / "examples" / "ros_client.py"]
    outcome = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert outcome.returncode == 0, outcome.stderr
    solved, _, followed, refused = outcome.stdout.splitlines()
    assert solved.startswith("500 arms") and followed.startswith("50 points")
    assert refused.startswith(f"refused with code {SolveIK.Response.NO_IK_SOLUTION}: ")


def filled(message, values):
    """A message with some of its fields, as `ros2 service call` fills them."""
    for name, value in values.items():
        if isinstance(value, dict):
            filled(getattr(message, name), value)
        else:
            setattr(message, name, value)
    return message


def test_the_documented_service_call_fits_the_service(server, client, listener, block):
    """Its name and type as the graph has them, and a request as the service takes it."""
    lines = block("docs/ros.md", "bash", "ros2 service call").splitlines()
    (call,) = (shlex.split(line) for line in lines if line.startswith("ros2 service call"))
    name, type_name, values = call[3:]
    assert dict(listener.node.get_service_names_and_types())[name] == [type_name]
    answer = client.solve(filled(SolveIK.Request(), yaml.safe_load(values)))
    tcp = PlanarArm.of_paper(6).forward(answer.positions)
    np.testing.assert_allclose(tcp - (3.0, 0.5), 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("here", "0.0"), "invalid float value"),
        (("3.0", "0.5", "--num-samples", "-5"), "must be from 0 to 4294967295"),
        (("3.0", "0.5", "--num-samples", "4294967296"), "must be from 0 to 4294967295"),
        (("3.0", "0.5", "--seed", "-1"), "must be from 0"),
        (("3.0", "0.5", "--timeout", "-1"), "must be from 0"),
        (("3.0", "0.5", "--timeout", "inf"), "must be from 0"),
        (("3.0", "0.5", "--timeout", "nan"), "must be from 0"),
        (("3.0", "0.5", "--heading", "inf"), "--heading: must be a finite number, got inf"),
    ],
)
def test_an_argument_that_cannot_be_sent_is_refused(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["solve_ik", *arguments])
    assert caught.value.code == 2
    assert words in capsys.readouterr().err
