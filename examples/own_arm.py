"""An arm of one's own, with joint limits: the exact posterior of a target, without training."""

import numpy as np

from ik_nn_ros import IKSolver, PlanarArm

arm = PlanarArm(
    [0.4, 0.3, 0.25],  # links [m]
    prior_mean=[0.0, 0.8, 0.8],  # where the joints usually are [rad] ...
    prior_std=0.5,  # ... and how far from there
    joint_limits=[(-2.5, 2.5), (0.2, 2.4), (0.2, 2.4)],  # the elbows bend to the left alone
)
solutions = IKSolver.exact(arm).solve((0.5, 0.4), num_samples=1000, seed=1)
print(f"{len(solutions)} solutions, within {solutions.position_errors.max():.0e} m")
print("the most likely one [rad]:", solutions.positions[0].round(3))
print("all lie within [rad]:", np.ptp(solutions.positions, axis=0).round(3))
print(f"log p(target) = {solutions.log_evidence:.2f} nats per m^2")

pose = IKSolver.exact(arm, task="pose").solve((0.5, 0.4, 1.6))  # with a heading [rad]
print("with the TCP's heading:", pose.positions.round(3), pose.shortfall)
