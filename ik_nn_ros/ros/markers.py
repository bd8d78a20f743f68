"""Solutions as RViz markers."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from ik_nn_ros.kinematics import PlanarArm
from ik_nn_ros.solver import Solutions

POSTERIOR_COLOR = (0.13, 0.40, 0.67)
BEST_COLOR = (0.95, 0.55, 0.10)
TARGET_COLOR = (0.80, 0.10, 0.15)
ARM_WIDTH, BEST_WIDTH, TARGET_SIZE = 0.006, 0.03, 0.08  # [m]


def posterior_markers(
    arm: PlanarArm, solutions: Solutions, frame: str, max_arms: int
) -> MarkerArray:
    """The arms (translucent, as one line list), the best one and the target.

    Args:
        arm: the arm solved for.
        solutions: at least one; of more than ``max_arms``, evenly spread ones are drawn.
        frame: the arm's base frame.
        max_arms: bounds the work here and in RViz.
    """
    count = min(len(solutions), max_arms)
    drawn = np.linspace(0, len(solutions) - 1, count).round().astype(int)
    chains = arm.joint_positions(solutions.positions[drawn])
    segments = np.stack((chains[:, :-1], chains[:, 1:]), axis=2)

    posterior = _marker("posterior", Marker.LINE_LIST, frame, POSTERIOR_COLOR)
    posterior.color.a = float(np.clip(20.0 / count, 0.05, 0.8))
    posterior.scale.x = ARM_WIDTH
    posterior.points = _points(segments)

    best = _marker("best", Marker.LINE_STRIP, frame, BEST_COLOR)
    best.scale.x = BEST_WIDTH
    best.points = _points(chains[0])

    target = _marker("target", Marker.SPHERE, frame, TARGET_COLOR)
    target.scale = Vector3(x=TARGET_SIZE, y=TARGET_SIZE, z=TARGET_SIZE)
    target.pose.position = _points(solutions.target)[0]

    clear = Marker(action=Marker.DELETEALL)
    return MarkerArray(markers=[clear, posterior, best, target])


def _marker(namespace: str, kind: int, frame: str, color: tuple[float, float, float]) -> Marker:
    red, green, blue = color
    # Stamp 0: a latched marker is valid at any time.
    marker = Marker(ns=namespace, type=kind, color=ColorRGBA(r=red, g=green, b=blue, a=1.0))
    marker.header.frame_id = frame
    marker.pose.orientation.w = 1.0
    return marker


def _points(positions: np.ndarray) -> list[Point]:
    return [Point(x=x, y=y) for x, y in positions.reshape(-1, 2).tolist()]
