"""Obstacles: of the weighted solutions those that hit none are the posterior, given that."""

from pathlib import Path

import numpy as np

from ik_nn_ros import IKSolver, PlanarArm

URDF = Path(__file__).resolve().parents[1] / "test" / "core" / "arm" / "urdf" / "planar_3r.urdf"
CENTRE, RADIUS = np.array([0.2, 0.3]), 0.08  # a post in the arm's plane [m]


def clearances(arms: np.ndarray) -> np.ndarray:
    """How far arms (n, joints + 1, 2) stay from the post's middle (n,) [m]."""
    starts, links = arms[:, :-1], np.diff(arms, axis=1)
    along = ((CENTRE - starts) * links).sum(-1) / np.square(links).sum(-1)
    nearest = starts + np.clip(along, 0.0, 1.0)[..., None] * links
    return np.linalg.norm(nearest - CENTRE, axis=-1).min(axis=1)


arm = PlanarArm.from_urdf(URDF)
solutions = IKSolver.exact(arm).solve((0.5, 0.3), num_samples=2000, seed=1, weighted=True)
free = clearances(arm.joint_positions(solutions.positions)) > RADIUS
share = solutions.weights[free].sum()  # of the posterior that hits nothing
weights = solutions.weights[free] / share  # of the solutions that are left, sum 1
values = solutions.robot_values[free]  # what the robot is sent
print(f"{share:.0%} of the posterior is free of the post, {free.sum()} solutions")
print(
    "the likeliest of them:", dict(zip(arm.joint_names, values[0].round(3).tolist(), strict=True))
)
print("their mean elbow [rad]:", round(float(weights @ values[:, 1]), 3))
