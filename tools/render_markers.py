r"""Draw what RViz would show of the latest answer, from the markers that the server publishes.

Asks the server for a target, receives /posterior_markers and draws every marker of it from above:

    .venv/bin/ik_server &
    .venv/bin/python tools/render_markers.py \
        --target 3.3 0.3 --model cvae --raw --output docs/images/markers.png
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import rclpy
from geometry_msgs.msg import Point, PoseStamped
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rclpy.executors import SingleThreadedExecutor
from visualization_msgs.msg import Marker, MarkerArray

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.errors import IKError
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.client import IKClient
from ik_nn_ros.ros.errors import ServiceUnavailableError
from ik_nn_ros.ros.targets import planar_pose

MARKERS_TIMEOUT = 10.0  # [s]
SURROUNDINGS = 0.2  # [m]
POINTS_PER_METRE = 72.0  # of line width: thicker than to scale, as in RViz's window


def main() -> int:
    """Ask, receive, draw: 0; or 1 with one line that says why not."""
    options = _parser().parse_args()
    rclpy.init()
    client = IKClient()
    try:
        client.wait_for_server()
        pose = planar_pose(*options.target, options.heading or 0.0)
        request = SolveIK.Request(
            target=PoseStamped(pose=pose),
            match_heading=options.heading is not None,
            model=options.model,
            raw=options.raw,
            random_seed=1,
        )
        client.solve(request)
        draw(options.output, markers_of(pose.position))
    except IKError as error:
        print(f"render_markers: {error}", file=sys.stderr)
        return 1
    finally:
        client.close()
        rclpy.try_shutdown()
    return 0


def markers_of(target: Point) -> MarkerArray:
    """The markers that the server publishes of the answer for a target.

    With a viewer it draws the latest answer; what it has drawn before comes first.

    Raises:
        ServiceUnavailableError: there are none.
    """
    node = rclpy.create_node("render_markers")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    received: list[MarkerArray] = []
    topic = "posterior_markers"
    node.create_subscription(MarkerArray, topic, received.append, qos.LATCHED)
    deadline = time.monotonic() + MARKERS_TIMEOUT
    try:
        while not (received and _shows(received[-1], target)):
            if time.monotonic() > deadline:
                raise ServiceUnavailableError(topic, MARKERS_TIMEOUT, "no markers")
            executor.spin_once(timeout_sec=0.1)
    finally:
        executor.shutdown()
        node.destroy_node()
    return received[-1]


def _shows(array: MarkerArray, target: Point) -> bool:
    shown = [marker.pose.position for marker in array.markers if marker.ns == "target"]
    return [(point.x, point.y) for point in shown] == [(target.x, target.y)]


def draw(path: Path, array: MarkerArray) -> None:
    """Draw markers from above, all of them and the target's surroundings.

    Args:
        path: the picture's file; its suffix decides the format.
        array: what the server published.
    """
    figure = Figure(figsize=(13.0, 6.6), layout="constrained")
    everything, surroundings = figure.subplots(1, 2)
    for axes in (everything, surroundings):
        axes.set_aspect("equal")
        axes.set(xlabel="x [m]", ylabel="y [m]")
        axes.grid(alpha=0.25)
        for marker in array.markers:
            if marker.action == Marker.ADD:
                DRAWERS[marker.type](axes, marker)
    everything.autoscale_view()
    everything.set_title("All markers, from above")
    surroundings.set_title(f"The same, within {SURROUNDINGS} m of the target")
    surroundings.legend(handles=_legend(array), title="namespace", loc="upper left")
    (target,) = (marker.pose.position for marker in array.markers if marker.ns == "target")
    surroundings.set_xlim(target.x - SURROUNDINGS, target.x + SURROUNDINGS)
    surroundings.set_ylim(target.y - SURROUNDINGS, target.y + SURROUNDINGS)
    FigureCanvasAgg(figure).print_figure(path, dpi=100)


def _legend(array: MarkerArray) -> list[Line2D]:
    """A line for each namespace but the text's, in the order of the message."""
    named = {marker.ns: marker for marker in array.markers if marker.action == Marker.ADD}
    lines = (Marker.LINE_LIST, Marker.LINE_STRIP)
    return [
        Line2D(
            [],
            [],
            color=_look(marker)["color"],
            linestyle="-" if marker.type in lines else "",
            marker="" if marker.type in lines else "o",
            label=name,
        )
        for name, marker in named.items()
        if marker.type != Marker.TEXT_VIEW_FACING
    ]


def _draw_lines(axes: Axes, marker: Marker) -> None:
    points = _positions(marker)
    lines = points.reshape(-1, 2, 2) if marker.type == Marker.LINE_LIST else [points]
    width = max(0.5, POINTS_PER_METRE * marker.scale.x)
    axes.add_collection(LineCollection(lines, linewidths=width, **_look(marker)))


def _draw_points(axes: Axes, marker: Marker) -> None:
    size = (POINTS_PER_METRE * marker.scale.x) ** 2
    axes.scatter(*_positions(marker).T, s=max(size, 4.0), linewidths=0.0, **_look(marker))


def _draw_sphere(axes: Axes, marker: Marker) -> None:
    position, size = marker.pose.position, (POINTS_PER_METRE * marker.scale.x) ** 2
    look = _look(marker)
    look["zorder"] += 0.5 * marker.scale.z  # its top is above what lies around its centre
    axes.scatter(position.x, position.y, s=size, linewidths=0.0, **look)


def _draw_triangles(axes: Axes, marker: Marker) -> None:
    triangles = _positions(marker).reshape(-1, 3, 2)
    axes.add_collection(PolyCollection(triangles, linewidths=0.0, **_look(marker)))


def _draw_arrow(axes: Axes, marker: Marker) -> None:
    position, turn = marker.pose.position, marker.pose.orientation
    heading, length = 2.0 * math.atan2(turn.z, turn.w), marker.scale.x
    shape = {"width": 0.5 * marker.scale.y, "length_includes_head": True}
    along = length * math.cos(heading), length * math.sin(heading)
    axes.arrow(position.x, position.y, *along, **shape, **_look(marker))


def _draw_text(axes: Axes, marker: Marker) -> None:
    position, look = marker.pose.position, _look(marker)
    axes.text(position.x, position.y, marker.text, ha="center", size=12, clip_on=True, **look)
    axes.update_datalim([(position.x, position.y + 2.0 * marker.scale.z)])


DRAWERS = {
    Marker.ARROW: _draw_arrow,
    Marker.TRIANGLE_LIST: _draw_triangles,
    Marker.LINE_LIST: _draw_lines,
    Marker.LINE_STRIP: _draw_lines,
    Marker.POINTS: _draw_points,
    Marker.SPHERE_LIST: _draw_points,
    Marker.SPHERE: _draw_sphere,
    Marker.TEXT_VIEW_FACING: _draw_text,
}


def _positions(marker: Marker) -> np.ndarray:
    return np.array([(point.x, point.y) for point in marker.points])


def _look(marker: Marker) -> dict:
    color = marker.color
    height = marker.pose.position.z
    return {"color": (color.r, color.g, color.b), "alpha": color.a, "zorder": 2.0 + height}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", type=float, nargs=2, required=True, metavar=("X", "Y"))
    parser.add_argument("--heading", type=float, metavar="RAD", help="default: any")
    parser.add_argument("--model", default="", help="default: the server's")
    parser.add_argument("--raw", action="store_true", help="the model's samples as they are")
    parser.add_argument("--output", type=Path, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
