"""The dataset: configurations from the arm's prior and their TCPs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ik_nn_ros.kinematics import PlanarArm
from training.config import DataConfig


@dataclass(frozen=True)
class Dataset:
    """Configurations and their TCPs.

    Attributes:
        theta: (m, dof) float32 [rad].
        targets: (m, 2) float32 [m].
    """

    theta: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.theta)


@dataclass(frozen=True)
class Split:
    """A dataset in two parts that share no sample."""

    train: Dataset
    test: Dataset


def make_dataset(arm: PlanarArm, data: DataConfig, device: str) -> Split:
    """The paper's dataset: draws of the prior, the first part for training.

    Drawn on the CPU in float64, so that every device trains and tests on the same samples.
    """
    generator = torch.Generator().manual_seed(data.seed)
    shape = (data.num_samples, arm.dof)
    if arm.full_circle:
        theta = (
            torch.rand(shape, dtype=torch.float64, generator=generator).sub_(0.5).mul_(2 * torch.pi)
        )
    else:
        theta = torch.randn(shape, dtype=torch.float64, generator=generator)
        theta *= theta.new_tensor(arm.prior_std)
    targets = arm.forward(theta)
    theta, targets = (values.float().to(device) for values in (theta, targets))
    train, test = slice(data.num_train), slice(data.num_train, None)
    return Split(Dataset(theta[train], targets[train]), Dataset(theta[test], targets[test]))


def held_out_targets(arm: PlanarArm) -> np.ndarray:
    """The targets (m, 2) float64 [m] on which every model of an arm is measured."""
    return targets_within_limits(arm, make_dataset(arm, DataConfig(), "cpu").test)


def targets_within_limits(arm: PlanarArm, dataset: Dataset) -> np.ndarray:
    """The targets (m, 2) float64 [m] of a dataset's configurations that keep the joint limits.

    Each of these has a posterior; of the others some have no solution at all.
    """
    theta, targets = (values.double().cpu().numpy() for values in (dataset.theta, dataset.targets))
    return targets[arm.within_limits(theta)]
