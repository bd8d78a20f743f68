"""Starts ik_server: `ros2 launch ik_nn_ros ik_server.launch.py dof:=6 rviz:=true`.

Every parameter of the node is an argument; one that is not given keeps its value of the parameter
file, which is an argument too.
"""

import math
import tempfile
from pathlib import Path
from typing import Any

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

HERE = Path(__file__).resolve().parent
NODE = "ik_server"
DESCRIPTIONS = {
    "dof": "Number of joints of the arm.",
    "model": "Model that answers where a request names none.",
    "checkpoint": "Weights file of your own network to serve, empty for the shipped ones; dof and "
    "model are then the file's: leave them at their defaults, or let them agree with it.",
    "arm": "File of a robot's arm, a URDF, or YAML with a section arm; exact serves it at once.",
    "robot_description": "A URDF's text in the place of such a file.",
    "base_link": "Link of the URDF in whose frame targets are, empty for the one that carries all "
    "others.",
    "tip_link": "Link of the URDF that is brought to targets, empty for the only one that carries "
    "no other.",
    "num_samples": "Samples drawn where a request says 0.",
    "max_samples": "Most samples of one request.",
    "max_cost": "Most of samples x joints x (1 + representatives) of one request, for which others "
    "wait.",
    "device": "Where the networks run: cpu, cuda, cuda:1, ...",
    "backend": "What evaluates the networks: torch, numba, or auto for the fastest on the device; "
    "in use where it reads as one of the two.",
    "refine": "Project samples onto the target; if false, every request is answered with raw ones.",
    "position_tolerance": "Largest error of a refined solution where a request says 0 [m].",
    "heading_tolerance": "Largest error of a refined solution's heading where a request "
    "says 0 [rad].",
    "base_frame": "Frame of the arm's base, in which targets are and the arm is shown; left at its "
    "default, a URDF's arm has that of its base link.",
    "transform_timeout": "Longest wait for the transform of a target in another frame, at its time: "
    "for a frame that moves, longer than between two of its transforms [s].",
    "max_marker_arms": "Most arms drawn as markers, evenly spread over the solutions.",
    "ignore_collisions": "Answer MoveIt's get_position_ik although it asks to avoid collisions, "
    "which are not checked here; MoveIt's plugin always asks, and checks the answer itself.",
}
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


def generate_launch_description() -> LaunchDescription:
    """The node with its arguments."""
    config = PathJoinSubstitution([FindPackageShare("ik_nn_ros"), "config", f"{NODE}.yaml"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("config", default_value=config, description="Parameter file."),
            DeclareLaunchArgument("namespace", default_value="", description="Of the node."),
            DeclareLaunchArgument("rviz", default_value="false", description="Show it in RViz."),
            DeclareLaunchArgument("view_size", default_value="", description=VIEW_SIZE),
            DeclareLaunchArgument("robot_model", default_value="false", description=ROBOT_MODEL),
            *(
                DeclareLaunchArgument(name, default_value="", description=f"{text} {FALLBACK}")
                for name, text in DESCRIPTIONS.items()
            ),
            # First: where RViz is not installed, launch stops here and would leave a server behind.
            OpaqueFunction(function=rviz, condition=IfCondition(LaunchConfiguration("rviz"))),
            OpaqueFunction(
                function=robot_model, condition=IfCondition(LaunchConfiguration("robot_model"))
            ),
            OpaqueFunction(function=server),
        ]
    )


def robot_model(context: LaunchContext) -> list[Node]:
    """robot_state_publisher for the arm that the node serves, where `best_joint_state` puts it."""
    # Here: whoever starts the node alone does without.
    from ik_nn_ros.ros.arms import served_arm
    from ik_nn_ros.ros.parameters import ServerParameters

    given = given_texts(context)
    if "dof" in given:
        given["dof"] = int(given["dof"])
    values = {name: value for name, value in (file_values(context) | given).items() if name in ARM}
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


def given_texts(context: LaunchContext) -> dict[str, str]:
    """The node's parameters that are given as arguments."""
    texts = {name: LaunchConfiguration(name).perform(context) for name in DESCRIPTIONS}
    return {name: text for name, text in texts.items() if text}


def file_values(context: LaunchContext) -> dict[str, Any]:
    """All parameters in the parameter file, whatever nodes it names."""

    def found(content: Any) -> dict[str, Any]:
        if not isinstance(content, dict):
            return {}
        values = dict(content.get("ros__parameters", {}))
        for inner in content.values():
            values |= found(inner)
        return values

    return found(yaml.safe_load(Path(LaunchConfiguration("config").perform(context)).read_text()))


def server(context: LaunchContext) -> list[Node]:
    """The node, with the parameter file and over it the arguments that were given."""
    config = LaunchConfiguration("config").perform(context)
    if not Path(config).is_file():  # launch would warn, and start the node with its defaults
        raise FileNotFoundError(f"config: no parameter file {config!r}")
    types = parameter_types()
    # launch converts what a substitution gives to the type; a plain text it would refuse.
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=types[name])
        for name in given_texts(context)
    }
    return [
        Node(
            package="ik_nn_ros",
            executable=NODE,
            name=NODE,
            namespace=LaunchConfiguration("namespace"),
            output="screen",
            parameters=[config, given],
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
    view_size = LaunchConfiguration("view_size").perform(context)
    with_robot = LaunchConfiguration("robot_model").perform(context).lower() == "true"
    if not base_frame and not view_size and not with_robot:
        return path
    content = yaml.safe_load(path.read_text())
    manager = content["Visualization Manager"]
    if base_frame:
        manager["Global Options"]["Fixed Frame"] = base_frame
    if view_size:
        manager["Views"]["Current"]["Scale"] = VIEW_HEIGHT / float(view_size)
        grid = manager["Displays"][0]  # some ten cells from edge to edge, of 1, 10, 100, ...
        grid["Cell Size"] = 10.0 ** math.floor(math.log10(float(view_size) / 5.0))
    if with_robot:
        robot = next(one for one in manager["Displays"] if one["Name"] == "Best arm")
        robot["Enabled"] = robot["Value"] = True
    with tempfile.NamedTemporaryFile("w", suffix=".rviz", delete=False) as copy:
        yaml.safe_dump(content, copy, sort_keys=False)
    return Path(copy.name)


def parameter_types() -> dict[str, type]:
    """Each parameter's type, from its default: `model:=123` shall stay a string."""
    defaults = yaml.safe_load((HERE.parent / "config" / f"{NODE}.yaml").read_text())
    ((_, node),) = defaults.items()
    return {name: type(value) for name, value in node["ros__parameters"].items()}
