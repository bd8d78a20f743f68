"""The launch file's structure, built against stand-ins of `launch` and `launch_ros`."""

import dataclasses
import importlib.util
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml
from rclpy.serialization import deserialize_message
from visualization_msgs.msg import MarkerArray

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import PlanarArm
from ik_nn_ros.ros.markers import start_markers
from ik_nn_ros.ros.parameters import ServerParameters


class Recorded(SimpleNamespace):
    """Whatever is constructed remembers its arguments."""

    def __init__(self, *arguments, **keywords):
        super().__init__(**{"arguments": arguments} | keywords)


class Configuration(Recorded):
    """A substitution that looks its name up in the context."""

    def perform(self, context):
        return context[self.arguments[0]]


STAND_INS = {
    "launch": ["LaunchContext", "LaunchDescription"],
    "launch.actions": ["DeclareLaunchArgument", "OpaqueFunction"],
    "launch.conditions": ["IfCondition"],
    "launch.substitutions": ["PathJoinSubstitution"],
    "launch_ros": [],
    "launch_ros.actions": ["Node"],
    "launch_ros.parameter_descriptions": ["ParameterValue"],
    "launch_ros.substitutions": ["FindPackageShare"],
}


@pytest.fixture
def launch_file(monkeypatch, root):
    for module_name, names in STAND_INS.items():
        module = ModuleType(module_name)
        for name in names:
            setattr(module, name, type(name, (Recorded,), {}))
        monkeypatch.setitem(sys.modules, module_name, module)
    sys.modules["launch.substitutions"].LaunchConfiguration = Configuration
    return runpy.run_path(str(root / "launch" / "ik_server.launch.py"))


def declared(launch_file):
    (entities,) = launch_file["generate_launch_description"]().arguments
    return {entity.arguments[0]: entity for entity in entities if entity.arguments}


def test_every_parameter_of_the_node_is_an_argument_with_a_description(launch_file):
    arguments = declared(launch_file)
    parameters = {field.name for field in dataclasses.fields(ServerParameters)}
    assert arguments.keys() == parameters | {"config", "namespace", "rviz", "view_size"}
    assert all(argument.description for argument in arguments.values())


def test_it_describes_the_parameters_as_the_node_does(launch_file):
    fields = dataclasses.fields(ServerParameters)
    described = {field.name: field.metadata["description"] for field in fields}
    assert launch_file["DESCRIPTIONS"] == described


def test_rviz_shows_the_node_s_topics(launch_file, root):
    display = (root / "config" / "posterior.rviz").read_text()
    assert all(f"Value: {topic}\n" in display for topic in launch_file["SHOWN_TOPICS"])
    (node,) = launch_file["rviz"]({"namespace": "/left", "base_frame": "", "view_size": ""})
    assert (node.package, node.executable) == ("rviz2", "rviz2")
    assert node.arguments == ["-d", str(root / "config" / "posterior.rviz")]
    assert node.remappings == [
        ("/posterior_markers", "/left/posterior_markers"),
        ("/clicked_point", "/left/clicked_point"),
    ]
    (node,) = launch_file["rviz"]({"namespace": "", "base_frame": "", "view_size": ""})
    assert node.remappings == []


def shown_view(path):
    manager = yaml.safe_load(Path(path).read_text())["Visualization Manager"]
    return manager["Global Options"]["Fixed Frame"], manager["Views"]["Current"]["Scale"]


def test_rviz_s_frame_and_view_are_arguments(launch_file):
    context = {"namespace": "", "base_frame": "world", "view_size": "0.16"}
    (node,) = launch_file["rviz"](context)
    assert shown_view(node.arguments[1]) == ("world", 5000.0)


def test_the_shipped_view_fits_the_arm_of_fifteen_joints_and_its_label(root):
    frame, scale = shown_view(root / "config" / "posterior.rviz")
    assert frame == ServerParameters().base_frame
    arm = PlanarArm.of_paper(15)
    markers = deserialize_message(start_markers(arm, "a line", frame), MarkerArray).markers
    (label,) = (marker for marker in markers if marker.ns == "label")
    highest = label.pose.position.y + 0.5 * label.scale.z
    assert 0.5 * 800 > scale * highest > 0.4 * 800  # pixels from the middle


def test_given_arguments_win_over_the_file_in_the_parameter_s_type(launch_file, root):
    config = str(root / "config" / "ik_server.yaml")
    context = dict.fromkeys(declared(launch_file), "") | {
        "config": config,
        "dof": "6",
        "position_tolerance": "1e-4",
    }
    (node,) = launch_file["server"](context)
    assert (node.package, node.executable, node.name) == ("ik_nn_ros", "ik_server", "ik_server")
    file, given = node.parameters
    assert file == config
    assert {name: value.arguments[0].perform(context) for name, value in given.items()} == {
        "dof": "6",
        "position_tolerance": "1e-4",
    }
    assert given["dof"].value_type is int
    assert given["position_tolerance"].value_type is float


def test_a_parameter_file_that_is_not_there_is_told(launch_file):
    context = dict.fromkeys(declared(launch_file), "") | {"config": "some.yaml"}
    with pytest.raises(FileNotFoundError, match="no parameter file 'some.yaml'"):
        launch_file["server"](context)


needs_launch = pytest.mark.skipif(
    importlib.util.find_spec("launch_ros") is None,
    reason="launch_ros is not installed: it is not on PyPI, only in a ROS 2 installation",
)
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

source = PythonLaunchDescriptionSource(sys.argv[1])
arguments = {"dof": "6", "model": "exact"}.items()
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""


@needs_launch
def test_launch_s_own_machinery_starts_a_server_that_answers(client, root):
    file = root / "launch" / "ik_server.launch.py"
    launched = subprocess.Popen([sys.executable, "-c", LAUNCH, str(file)])
    try:
        client.wait_for_server(60.0)
        request = SolveIK.Request(num_samples=5)
        request.target.pose.position.x = 3.0
        assert client.solve(request).positions.shape == (5, 6)
    finally:
        launched.send_signal(signal.SIGINT)
        assert launched.wait(60.0) == 0
