"""An obstacle: of the whole posterior, keep the arms that miss a circle, and their weights."""

import numpy as np

from ik_nn_ros import IKSolver

solver = IKSolver.from_pretrained(dof=6)
solutions = solver.solve((2.6, 0.9), num_samples=5000, seed=1, weighted=True)
centre, radius = np.array((1.3, -0.2)), 0.15  # [m]

# The distance of the circle's centre from each link, a segment between two joints.
joints = solver.arm.joint_positions(solutions.positions)  # (n, 7, 2) [m]
starts, links = joints[:, :-1], np.diff(joints, axis=1)
share = ((centre - starts) * links).sum(-1) / np.square(links).sum(-1)
nearest = starts + links * share.clip(0.0, 1.0)[..., None]
free = (np.linalg.norm(nearest - centre, axis=-1) > radius).all(axis=1)

probability = solutions.weights[free].sum()
print(f"the prior's arms on this target miss the circle with a probability of {probability:.3f}")
best = solutions.positions[free][0]  # likeliest first, so the first one that is free
print("the likeliest arm that does [rad]:", best.round(3))
weights = solutions.weights[free] / probability  # of the posterior, given that the arm is free
print("mean elbow angle of those that do [rad]:", float(weights @ solutions.positions[free, 2]))
