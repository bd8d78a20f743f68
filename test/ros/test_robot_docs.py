"""docs/ros.md: its commands and programs, as they are typed."""

import runpy
import shlex
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import yaml

from ik_nn_ros.arm.files import load_arm

SOLVE_IK = "import sys; from ik_nn_ros.ros.commands import solve_ik; sys.exit(solve_ik())"


@pytest.fixture(scope="module")
def blocks(block):
    return partial(block, "docs/ros.md")


def test_from_a_urdf_to_solutions_in_the_robot_s_joints(blocks, start_server, client, root):
    serve, ask = map(shlex.split, blocks("bash", "ik_server --ros-args").splitlines())
    assert serve[:2] == [".venv/bin/ik_server", "--ros-args"]
    start_server(*serve[2:]).wait_until_ready(client)
    assert ask[0] == ".venv/bin/solve_ik"
    command = [sys.executable, "-c", SOLVE_IK, *ask[1:]]
    outcome = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=300)
    assert outcome.returncode == 0, outcome.stderr
    assert "joint_4" in outcome.stdout


def test_its_arm_file_is_read(blocks, root, tmp_path):
    content = yaml.safe_load(blocks("yaml", "urdf:"))
    source = root / "test" / "core" / "arm" / "urdf" / content["arm"]["urdf"]
    (tmp_path / source.name).write_text(source.read_text())
    (tmp_path / "my_arm.yaml").write_text(yaml.safe_dump(content))
    arm = load_arm(tmp_path / "my_arm.yaml")
    assert arm.prior == ("uniform", "normal", "uniform")


def test_its_obstacle_is_avoided_as_printed(blocks, root, monkeypatch):
    monkeypatch.chdir(root)
    names = {}
    exec(blocks("python", "weighted=True"), names)
    assert 0.0 < names["share"] < 1.0
    assert names["weights"].sum() == pytest.approx(1.0)
    arm = names["arm"]
    theta = arm.mount.plane_values(names["best"])
    np.testing.assert_allclose(arm.forward(theta), (0.5, 0.3), atol=1e-6)
    elbow = arm.joint_positions(theta)[1]
    assert np.linalg.norm(elbow - (0.3, 0.3)) > 0.1


def test_its_link_to_an_example_leads_there(root):
    assert callable(runpy.run_path(str(root / "examples" / "obstacle.py"))["clearances"])


@pytest.mark.parametrize("form", ["urdf", "yaml"])
def test_a_urdf_can_be_trained(root, tmp_path, form):
    pytest.importorskip("torch")
    from training.train.config import load_config

    path = root / "test" / "core" / "arm" / "urdf" / "planar_3r.urdf"
    if form == "yaml":
        own = {"model": "cinn", "arm": {"urdf": str(path)}, "optimizer": {"learning_rate": 1e-3}}
        path = tmp_path / "my_arm.yaml"
        path.write_text(yaml.safe_dump(own))
    config = load_config(path)
    assert config.model == "cinn"
    assert config.build_arm() == load_arm(path)
