"""The dataset: configurations from the arm's prior and their TCPs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ik_nn_ros.arm.planar_arm import PlanarArm
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
    """The paper's dataset: draws of the prior, joint limits included; the first part for training.

    Drawn on the CPU in float64, so that every device trains and tests on the same samples.
    """
    generator = torch.Generator().manual_seed(data.seed)
    shape = (data.num_samples, arm.dof)
    theta = arm.prior_quantiles(torch.rand(shape, dtype=torch.float64, generator=generator))
    targets = arm.forward(theta)
    theta, targets = (values.float().to(device) for values in (theta, targets))
    train, test = slice(data.num_train), slice(data.num_train, None)
    return Split(Dataset(theta[train], targets[train]), Dataset(theta[test], targets[test]))


def held_out_targets(arm: PlanarArm) -> np.ndarray:
    """The targets (m, 2) float64 [m] on which every model of an arm is measured."""
    return make_dataset(arm, DataConfig(), "cpu").test.targets.double().numpy()
