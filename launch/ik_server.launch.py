"""Starts ik_server: `ros2 launch ik_nn_ros ik_server.launch.py dof:=6 rviz:=true`.

Every parameter of the node is an argument; one that is not given keeps its value of the parameter
file, which is an argument too.
"""

import math
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from ik_nn_ros.ros.parameter_files import given_to
from ik_nn_ros.ros.parameters import ServerParameters, descriptors, value_of_text

HERE = Path(__file__).resolve().parent
NODE = "ik_server"
NAMESPACE = re.compile(r"/?([A-Za-z_]\w*(/[A-Za-z_]\w*)*)?", re.ASCII)
ARM = ("dof", "checkpoint", "arm", "robot_description", "base_link", "tip_link", "base_frame")
# As config/posterior.rviz names them.
SHOWN_TOPICS = ("/posterior_markers", "/robot_description", "/clicked_point")
VIEW_HEIGHT = 800.0  # pixels of RViz's view, in the window of config/posterior.rviz
VIEW_SIZE = (
    "What RViz shows from top to bottom [m]: some 2.4 times the arm's reach shows all of it. "
    "Empty: 19 m, for the paper's arm of 15 joints."
)
ROBOT_MODEL = (
    "Start robot_state_publisher: RViz's RobotModel shows the best arm. Not where the robot's own "
    "is running."
)
FALLBACK = "Empty: as in the parameter file."
DISCOVERY = "ROS_AUTOMATIC_DISCOVERY_RANGE"
REACH = (
    "Who can find the node: LOCALHOST for this machine alone, SUBNET for every machine around. "
    "Empty: as the environment says, which without a word of it is SUBNET."
)
SWITCH = ("true", "false", "True", "False")
CHOICES = {
    "rviz": SWITCH,
    "robot_model": SWITCH,
    "discovery": ("", "LOCALHOST", "SUBNET", "OFF", "SYSTEM_DEFAULT"),
}


def generate_launch_description() -> LaunchDescription:
    """The node with its arguments."""
    config = PathJoinSubstitution([FindPackageShare("ik_nn_ros"), "config", f"{NODE}.yaml"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("config", default_value=config, description="Parameter file."),
            DeclareLaunchArgument("namespace", default_value="", description="Of the node."),
            DeclareLaunchArgument("discovery", default_value="", description=REACH),
            DeclareLaunchArgument("rviz", default_value="false", description="Show it in RViz."),
            DeclareLaunchArgument("view_size", default_value="", description=VIEW_SIZE),
            DeclareLaunchArgument("robot_model", default_value="false", description=ROBOT_MODEL),
            *(
                DeclareLaunchArgument(
                    name, default_value="", description=f"{descriptor.description} {FALLBACK}"
                )
                for name, descriptor in descriptors().items()
            ),
            OpaqueFunction(function=check),
            OpaqueFunction(function=network),
            # First: where RViz is not installed, launch stops here and would leave a server behind.
            OpaqueFunction(function=rviz, condition=IfCondition(LaunchConfiguration("rviz"))),
            OpaqueFunction(
                function=robot_model, condition=IfCondition(LaunchConfiguration("robot_model"))
            ),
            OpaqueFunction(function=server),
        ]
    )


def check(context: LaunchContext) -> list[Any]:
    """Nothing to start; an argument that cannot be is told by its name before anything starts."""
    config = LaunchConfiguration("config").perform(context)
    if not Path(config).is_file():  # launch would warn, and start the node with its defaults
        raise FileNotFoundError(f"config: no parameter file {config!r}")
    namespace = LaunchConfiguration("namespace").perform(context)
    if not NAMESPACE.fullmatch(namespace):
        raise ValueError(f"namespace: must be names with slashes between them, got {namespace!r}")
    for name, allowed in CHOICES.items():
        text = LaunchConfiguration(name).perform(context)
        if text not in allowed:
            offers = ", ".join(filter(None, allowed))
            raise ValueError(f"{name}: must be one of {offers}, got {text!r}")
    view_size(context)
    given_values(context)
    return []


def network(context: LaunchContext) -> list[SetEnvironmentVariable]:
    """What tells the processes that follow who may find them, where that is given."""
    discovery = LaunchConfiguration("discovery").perform(context)
    return [SetEnvironmentVariable(DISCOVERY, discovery)] if discovery else []


def view_size(context: LaunchContext) -> float | None:
    """What RViz is to show [m]; None: what it shows by default."""
    text = LaunchConfiguration("view_size").perform(context)
    try:
        size = float(text or "nan")
    except ValueError:
        size = -1.0
    if text and not 0.0 < size < math.inf:
        raise ValueError(f"view_size: must be a number of metres above 0, got {text!r}")
    return size if text else None


def robot_model(context: LaunchContext) -> list[Node]:
    """robot_state_publisher for the arm that the node serves, where `best_joint_state` puts it."""
    # Here: whoever starts the node alone does without.
    from ik_nn_ros.ros.arms import served_arm

    values = file_values(context) | given_values(context)
    values = {name: value for name, value in values.items() if name in ARM}
    parameters = ServerParameters.from_values(values)
    served = served_arm(parameters)
    frame = parameters.of_arm(served.arm.dof, served.arm.mount.base_link).base_frame
    description = served.description(frame)
    return [
        Node(
            package="robot_state_publisher",
            executable="robot_state_publisher",
            namespace=LaunchConfiguration("namespace"),
            parameters=[{"robot_description": ParameterValue(description, value_type=str)}],
            remappings=[("joint_states", "best_joint_state")],
        )
    ]


def given_values(context: LaunchContext) -> dict[str, Any]:
    """The node's parameters that are given as arguments."""
    texts = {name: LaunchConfiguration(name).perform(context) for name in descriptors()}
    return {name: value_of_text(name, text) for name, text in texts.items() if text}


def file_values(context: LaunchContext) -> dict[str, Any]:
    """What the parameter file gives to the node, in whatever namespace."""
    path = LaunchConfiguration("config").perform(context)
    try:
        given = given_to(NODE, yaml.safe_load(Path(path).read_text()))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"config: {path} is not YAML: {' '.join(str(error).split())}") from None
    return given.shared | given.own


def server(context: LaunchContext) -> list[Node]:
    """The node, with the parameter file and over it the arguments that were given."""
    # launch converts what a substitution gives to the type; a plain text it would refuse.
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=type(value))
        for name, value in given_values(context).items()
    }
    return [
        Node(
            package="ik_nn_ros",
            executable=NODE,
            name=NODE,
            namespace=LaunchConfiguration("namespace"),
            output="screen",
            parameters=[LaunchConfiguration("config").perform(context), given],
        )
    ]


def rviz(context: LaunchContext) -> list[Node]:
    """RViz with the posterior seen from above, on the topics of the node's namespace."""
    display = rviz_config(context)
    namespace = LaunchConfiguration("namespace").perform(context).strip("/")
    return [
        Node(
            package="rviz2",
            executable="rviz2",
            arguments=["-d", str(display)],
            remappings=[(topic, f"/{namespace}{topic}") for topic in SHOWN_TOPICS if namespace],
        )
    ]


def rviz_config(context: LaunchContext) -> Path:
    """config/posterior.rviz or, where frame, view or robot are given, a copy that has them."""
    path = HERE.parent / "config" / "posterior.rviz"
    # A URDF's base link is the frame, unless another is given.
    base_frame = LaunchConfiguration("base_frame").perform(context)
    base_frame = base_frame or LaunchConfiguration("base_link").perform(context)
    size = view_size(context)
    with_robot = LaunchConfiguration("robot_model").perform(context).lower() == "true"
    if not base_frame and size is None and not with_robot:
        return path
    content = yaml.safe_load(path.read_text())
    manager = content["Visualization Manager"]
    if base_frame:
        manager["Global Options"]["Fixed Frame"] = base_frame
    if size is not None:
        manager["Views"]["Current"]["Scale"] = VIEW_HEIGHT / size
        grid = manager["Displays"][0]  # some ten cells from edge to edge, of 1, 10, 100, ...
        grid["Cell Size"] = 10.0 ** math.floor(math.log10(size / 5.0))
    if with_robot:
        robot = next(one for one in manager["Displays"] if one["Name"] == "Best arm")
        robot["Enabled"] = robot["Value"] = True
    with tempfile.NamedTemporaryFile("w", suffix=".rviz", delete=False) as copy:
        yaml.safe_dump(content, copy, sort_keys=False)
    return Path(copy.name)
