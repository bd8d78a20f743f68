"""Parameters of files that several nodes share: what is meant for every node stops none."""

import pytest
import yaml

from ik_nn_ros.ros.parameter_files import given_to, shared_names

FILE = """
/**:
  ros__parameters: {use_sim_time: false, gripper: {speed: 1.0}, modle: cvae, dofs: 4}
/*/*:
  ros__parameters: {rate: 10}
left:
  ik_server:
    ros__parameters: {modle: inn}
camera:
  ros__parameters: {exposure: 3}
"""


@pytest.fixture
def command(tmp_path):
    (tmp_path / "shared.yaml").write_text(FILE)
    (tmp_path / "odd.yaml").write_text("- 1\n- {a: [")
    files = ("odd.yaml", "shared.yaml", "missing.yaml")
    options = [word for file in files for word in ("--params-file", str(tmp_path / file))]
    return ["ik_server", "--ros-args", "-p", "dof:=3", *options, "--params-file"]


def test_those_of_every_node_are_told_from_those_of_one(command):
    shared = {"use_sim_time", "gripper.speed", "dofs", "rate"}
    assert shared_names(command, "ik_server") == shared
    assert shared_names(command, "arm") == shared | {"modle"}
    assert shared_names([], "ik_server") == set()


def test_a_node_is_given_what_is_its_own_and_everybody_s():
    given = given_to("camera", yaml.safe_load(FILE))
    assert given.own == {"exposure": 3}
    assert given.shared["gripper.speed"] == 1.0 and given.shared["rate"] == 10
    assert given_to("camera", ["no", "mapping"]) == ({}, {})


def test_a_shared_file_starts_the_server_with_a_warning(client, start_server, tmp_path):
    """Both forms of a section for whatever node; what is the server's own in it is its own."""
    file = tmp_path / "shared.yaml"
    file.write_text(
        "/**:\n  ros__parameters: {dof: 3, controller_rate: 10}\n"
        "/*:\n  ros__parameters: {gripper: {speed: 1.0}}\n"
    )
    server = start_server("--params-file", str(file))
    server.wait_until_ready(client)
    assert client.arm().dof == 3
    (line,) = (line for line in server.output().splitlines() if "WARN" in line)
    assert line.endswith("this one does not have: controller_rate, gripper.speed")
    assert server.stop() == 0


@pytest.mark.parametrize("own", ["/**/ik_server", "/ik_server", "ik_server"])
def test_a_typo_in_the_server_s_own_section_stops_it(start_server, tmp_path, own):
    file = tmp_path / "shared.yaml"
    sections = {"/**": "{gripper: 1}", own: "{modle: cvae}"}
    lines = (f"{name}:\n  ros__parameters: {values}\n" for name, values in sections.items())
    file.write_text("".join(lines))
    server = start_server("--params-file", str(file))
    assert server.process.wait(60.0) == 1
    assert "ik_server: parameter 'modle': is unknown; there are dof" in server.output()
