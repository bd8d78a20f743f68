"""Many targets at once, and an expectation of each posterior: how far the elbows must bend."""

import numpy as np

from ik_nn_ros import IKSolver

solver = IKSolver.from_pretrained(dof=4)
targets = [(distance, 0.3) for distance in (1.2, 1.6, 2.0, 2.4)]  # (x, y) [m]
for target, answer in zip(
    targets, solver.solve_many(targets, 2000, seed=1, weighted=True), strict=True
):
    bend = np.abs(answer.positions[:, 1:]).max(axis=1)  # (n,) [rad], the sharpest elbow
    mean = answer.weights @ bend  # of the exact posterior, whatever drew the samples
    deviation = np.sqrt(answer.weights @ np.square(bend - mean))
    error = deviation / np.sqrt(answer.effective_share * len(answer))
    print(f"{target} m: {mean:.3f} +- {error:.3f} rad, log p(target) = {answer.log_evidence:.2f}")
