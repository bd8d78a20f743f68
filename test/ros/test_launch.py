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
from ik_nn_ros.errors import IKError
from ik_nn_ros.ros.markers import start_markers
from ik_nn_ros.ros.parameters import ServerParameters, descriptors


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
    "launch.actions": ["DeclareLaunchArgument", "OpaqueFunction", "SetEnvironmentVariable"],
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
    assert arguments.keys() == parameters | {
        *("config", "namespace", "discovery", "rviz", "view_size", "robot_model")
    }
    assert all(argument.description for argument in arguments.values())


def test_it_describes_the_parameters_as_the_node_does(launch_file):
    arguments = declared(launch_file)
    for name, descriptor in descriptors().items():
        assert arguments[name].description.startswith(f"{descriptor.description} Empty: ")


@pytest.fixture
def nothing(launch_file, root):
    """A context in which no argument is given: the defaults."""
    arguments = declared(launch_file)
    defaults = {name: argument.default_value for name, argument in arguments.items()}
    return defaults | {"config": str(root / "config" / "ik_server.yaml")}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("dof", "abc", "a whole number, got 'abc'"),
        ("dof", "6.0", "a whole number, got '6.0'"),
        ("dof", "1", "from 2 to 100"),
        ("num_samples", "1e3", "a whole number"),
        ("position_tolerance", "small", "a number, got 'small'"),
        ("position_tolerance", "inf", "must be from"),
        ("transform_timeout", "-1", "must be from"),
        ("refine", "maybe", "true or false, got 'maybe'"),
        ("rviz", "perhaps", "one of true, false"),
        ("robot_model", "2", "one of true, false"),
        ("view_size", "wide", "metres above 0, got 'wide'"),
        ("view_size", "0", "metres above 0"),
        ("view_size", "nan", "metres above 0"),
        ("discovery", "everyone", "one of LOCALHOST, SUBNET"),
        ("namespace", "left-arm", "names with slashes"),
        ("config", "/nowhere.yaml", "no parameter file"),
    ],
)
def test_an_argument_that_cannot_be_is_told_by_its_name_before_anything_starts(
    launch_file, nothing, name, text, words
):
    with pytest.raises((IKError, ValueError, OSError), match=words) as caught:
        launch_file["check"](nothing | {name: text})
    said = str(caught.value)
    assert name in said and len(said.splitlines()) == 1
    (entities,) = launch_file["generate_launch_description"]().arguments
    actions = [entity.function for entity in entities if not entity.arguments]
    assert actions[0] is launch_file["check"]


def test_arguments_that_can_be_pass(launch_file, nothing):
    given = {"dof": "4", "refine": "False", "namespace": "/left/arm", "view_size": "0.2"}
    for context in (nothing, nothing | given | {"discovery": "LOCALHOST", "rviz": "True"}):
        assert launch_file["check"](context) == []


def test_who_may_find_the_node_is_an_argument(launch_file, nothing):
    assert launch_file["network"](nothing) == []
    (action,) = launch_file["network"](nothing | {"discovery": "LOCALHOST"})
    assert action.arguments == ("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


def test_rviz_shows_the_node_s_topics(launch_file, root):
    display = (root / "config" / "posterior.rviz").read_text()
    assert all(f"Value: {topic}\n" in display for topic in launch_file["SHOWN_TOPICS"])
    nothing = dict.fromkeys(declared(launch_file), "")
    (node,) = launch_file["rviz"](nothing | {"namespace": "/left"})
    assert (node.package, node.executable) == ("rviz2", "rviz2")
    assert node.arguments == ["-d", str(root / "config" / "posterior.rviz")]
    assert node.remappings == [
        ("/posterior_markers", "/left/posterior_markers"),
        ("/robot_description", "/left/robot_description"),
        ("/clicked_point", "/left/clicked_point"),
    ]
    (node,) = launch_file["rviz"](nothing)
    assert node.remappings == []


def shown_view(path):
    manager = yaml.safe_load(Path(path).read_text())["Visualization Manager"]
    return manager["Global Options"]["Fixed Frame"], manager["Views"]["Current"]["Scale"]


def test_rviz_s_frame_and_view_are_arguments(launch_file):
    nothing = dict.fromkeys(declared(launch_file), "")
    (node,) = launch_file["rviz"](nothing | {"base_frame": "world", "view_size": "0.16"})
    assert shown_view(node.arguments[1]) == ("world", 5000.0)


@pytest.mark.parametrize("by", ["argument", "file"])
def test_the_robot_s_model_follows_the_best_arm(launch_file, root, tmp_path, by):
    config = root / "config" / "ik_server.yaml"
    given = {"arm": str(root / "test/core/arm/urdf/scara.urdf"), "base_link": "base_link"}
    given |= {"tip_link": "tool0"}
    if by == "file":
        config = tmp_path / "own.yaml"
        others = {"base_frame": "world", "arm": "another.urdf", "tip_link": "lens"}
        sections = {
            "/**": {"ros__parameters": {"tip_link": "not for this one", "rate": 10}},
            "left": {"ik_server": {"ros__parameters": given}},
            "camera": {"ros__parameters": others},
        }
        config.write_text(yaml.safe_dump(sections, sort_keys=False))
        given = {}
    context = dict.fromkeys(declared(launch_file), "") | given | {"config": str(config)}
    (node,) = launch_file["robot_model"](context)
    assert (node.package, node.executable) == ("robot_state_publisher",) * 2
    assert node.remappings == [("joint_states", "best_joint_state")]
    (text,) = node.parameters[0]["robot_description"].arguments
    assert text == (root / "test/core/arm/urdf/scara.urdf").read_text()


def test_rviz_shows_the_robot_s_model_where_it_is_asked_for(launch_file):
    nothing = dict.fromkeys(declared(launch_file), "")
    given = {"robot_model": "true", "base_link": "link1"}
    (node,) = launch_file["rviz"](nothing | given)
    manager = yaml.safe_load(Path(node.arguments[1]).read_text())["Visualization Manager"]
    (robot,) = (one for one in manager["Displays"] if one["Class"].endswith("/RobotModel"))
    assert robot["Enabled"] and manager["Global Options"]["Fixed Frame"] == "link1"


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


@pytest.mark.parametrize(
    "content", [b"a: [", b"a: \xff", b"a: 2020-99-99", b"[" * 5000, b"&a {b: *a}"]
)
def test_a_parameter_file_that_is_no_yaml_is_told(launch_file, tmp_path, content):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"config: .*params\.yaml is not YAML: "):
        launch_file["file_values"]({"config": str(path)})


def test_a_parameter_file_that_is_not_there_is_told(launch_file):
    context = dict.fromkeys(declared(launch_file), "") | {"config": "some.yaml"}
    with pytest.raises(FileNotFoundError, match="no parameter file 'some.yaml'"):
        launch_file["check"](context)


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
