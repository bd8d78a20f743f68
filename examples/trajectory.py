"""A trajectory: along a circle on one branch of the solutions, with times and velocities."""

import numpy as np

from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.path import follow
from ik_nn_ros.trajectory import timed

arm = PlanarArm([0.4, 0.3, 0.25, 0.2], prior_std=0.5, joint_limits=(-2.0, 2.0))
angles = np.linspace(0.0, 2.0 * np.pi, 100)
circle = (0.7, 0.3) + 0.15 * np.stack((np.cos(angles), np.sin(angles)), axis=1)  # (100, 2) [m]

path = np.array(list(follow(IKSolver.exact(arm), circle, seed=1)))  # (100, 4) [rad]
trajectory = timed(
    path,
    time_step=0.02,  # [s], longer where a joint would be too fast
    max_velocities=np.full(arm.dof, 1.5),  # [rad/s]
    lead_in=np.zeros(arm.dof),  # the robot stands at the path's beginning
    lead_in_step=0.2,
)
errors = np.linalg.norm(arm.forward(trajectory.positions) - circle, axis=1)
print(f"{len(path)} points within {errors.max():.0e} m, in {trajectory.times[-1]:.2f} s")
print("largest speeds [rad/s]:", np.abs(trajectory.velocities).max(axis=0).round(2))
print("joints at its end less those at its beginning [rad]:", (path[-1] - path[0]).round(3))
