"""README and docs: commands, programs, the way to an arm of one's own."""

import argparse
import re
import shlex

import numpy as np
import pytest
import yaml
from geometry_msgs.msg import PoseStamped

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import PlanarArm
from ik_nn_ros.ros import solve_ik
from ik_nn_ros.ros.parameters import descriptors
from ik_nn_ros.ros.targets import planar_pose
from measuring import references
from training.__main__ import main

STEPS = 20


def test_its_programs_without_ros_run_as_printed(block):
    names = {}
    exec(block("README.md", "python", "from_pretrained"), names)
    solutions, arm = names["solutions"], names["arm"]
    assert len(solutions) == 1000 and arm.within_limits(solutions.positions).all()
    assert arm.within_limits(names["mean"]) and solutions.effective_share > 0.99
    exec(block("docs/python.md", "python", "solve_many"), names)
    assert names["solutions"].positions.shape == (1000, 6)
    np.testing.assert_allclose(names["tcp"], names["targets"], atol=0.05)


def commands(root, *starts):
    """The arguments of all documents' commands that start so."""
    texts = [path.read_text() for path in (root / "README.md", *(root / "docs").glob("*.md"))]
    blocks = [one for text in texts for one in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)]
    lines = [line for block in blocks for line in block.splitlines() if line.startswith(starts)]
    assert lines
    return [shlex.split(line, comments=True) for line in lines]


def test_its_training_commands_can_be_given(root, monkeypatch):
    given = []
    parse = argparse.ArgumentParser.parse_args

    def parse_and_keep(parser, arguments=None):
        options = parse(parser, arguments)
        options.command = lambda *_: given.append(arguments)
        return options

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_keep)
    expected = [line[3:] for line in commands(root, ".venv/bin/python -m training")]
    assert [main(arguments) for arguments in expected] == [0] * len(expected)
    assert given == expected
    files = {argument for line in given for argument in line if argument.endswith(".yaml")}
    assert all((root / file).is_file() for file in files - {"my_arm.yaml"})


def test_its_commands_for_the_server_and_the_client_can_be_given(root):
    parser = solve_ik._parser()
    for line in commands(root, ".venv/bin/solve_ik"):
        parser.parse_args(line[1:])
    for line in commands(root, "ros2 run ik_nn_ros solve_ik"):
        parser.parse_args(line[4:])
    changeable = {name for name, described in descriptors().items() if not described.read_only}
    assert {line[4] for line in commands(root, "ros2 param set /ik_server")} <= changeable
    launched = commands(root, "ros2 launch ik_nn_ros ik_server.launch.py")
    allowed = {*descriptors(), "discovery", "namespace", "rviz", "robot_model"}
    assert {word.partition(":=")[0] for line in launched for word in line[4:]} <= allowed


@pytest.fixture
def small_measures(monkeypatch):
    """Classifiers would be trained in processes of their own, longer than all else takes."""
    monkeypatch.setattr(references, "c2st_of_each", lambda samples, _: np.full(len(samples), 0.5))


def test_an_arm_of_one_s_own_is_trained_served_and_asked(
    block, small_measures, start_server, client, tmp_path, monkeypatch
):
    """README's file and commands; few data, few steps, no more."""
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load(block("README.md", "yaml", "link_lengths"))
    commands = block("README.md", "bash", "my_arm").splitlines()
    train, serve, ask = (shlex.split(command) for command in commands)

    assert train[:4] == [".venv/bin/python", "-m", "training", "train"]
    (tmp_path / train[4]).write_text(yaml.safe_dump(content | {"data": {"num_samples": 5000}}))
    assert main([*train[3:], "--steps", str(STEPS), "--quick", "--device", "cpu"]) == 0

    assert serve[:2] == [".venv/bin/ik_server", "--ros-args"]
    option, (parameter, path) = serve[2], serve[3].split(":=")
    server = start_server(option, f"{parameter}:={tmp_path / path}")
    server.wait_until_ready(client)

    assert ask[0] == ".venv/bin/solve_ik"
    x, y = map(float, ask[1:])
    target = PoseStamped(pose=planar_pose(x, y))
    answer = client.solve(SolveIK.Request(target=target, num_samples=100, random_seed=1))
    arm = PlanarArm.from_dict(content["arm"])
    assert client.arm().link_lengths == arm.link_lengths
    np.testing.assert_allclose(arm.forward(answer.positions) - (x, y), 0.0, atol=1e-6)
    assert arm.within_limits(answer.positions).all()
    assert "ready: cinn, 3 joints" in server.output()
