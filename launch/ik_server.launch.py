"""Starts ik_server: `ros2 launch ik_nn_ros ik_server.launch.py dof:=6`.

Every parameter of the node is an argument; one that is not given keeps its value of the parameter
file, which is an argument too.
"""

from pathlib import Path

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

NODE = "ik_server"
DESCRIPTIONS = {
    "dof": "Number of joints of the arm.",
    "model": "Model that answers where a request names none: cvae, inn or exact.",
    "num_samples": "Samples drawn where a request says 0.",
    "max_samples": "Most samples of one request.",
    "device": "Where the networks run: cpu, cuda, cuda:1, ...",
    "refine": "Project samples onto the target; if false, all answers are raw.",
    "position_tolerance": "Largest error of a refined solution where a request says 0 [m].",
    "base_frame": "Frame of the arm's base, in which targets are.",
    "max_marker_arms": "Most arms drawn as markers.",
}
FALLBACK = "Empty: as in the parameter file."


def generate_launch_description() -> LaunchDescription:
    """The node with its arguments."""
    config = PathJoinSubstitution([FindPackageShare("ik_nn_ros"), "config", f"{NODE}.yaml"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("config", default_value=config, description="Parameter file."),
            DeclareLaunchArgument("namespace", default_value="", description="Of the node."),
            *(
                DeclareLaunchArgument(name, default_value="", description=f"{text} {FALLBACK}")
                for name, text in DESCRIPTIONS.items()
            ),
            OpaqueFunction(function=server),
        ]
    )


def server(context: LaunchContext) -> list[Node]:
    """The node, with the parameter file and over it the arguments that were given."""
    config = LaunchConfiguration("config").perform(context)
    texts = {name: LaunchConfiguration(name).perform(context) for name in DESCRIPTIONS}
    types = parameter_types()
    # launch converts what a substitution gives to the type; a plain text it would refuse.
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=types[name])
        for name, text in texts.items()
        if text
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


def parameter_types() -> dict[str, type]:
    """Each parameter's type, from its default: `model:=123` shall stay a string."""
    defaults = yaml.safe_load(
        (Path(__file__).resolve().parent.parent / "config" / f"{NODE}.yaml").read_text()
    )
    ((_, node),) = defaults.items()
    return {name: type(value) for name, value in node["ros__parameters"].items()}
