"""What networks are trained on: configurations from the arm's prior with their TCPs, or lessons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSITION, Task
from ik_nn_ros.models.network import GenerativeNetwork
from training.train.config import DataConfig, TrainingConfig
from training.train.lessons import Lessons, make_lessons
from training.train.objectives import Batch, CINNObjective


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

    def fit(self, network: GenerativeNetwork) -> None:
        """Store the targets' scale in a network."""
        network.fit_target_scale(self.targets)

    def batch(
        self, rows: torch.Tensor | slice, progress: torch.Tensor, generator: torch.Generator
    ) -> Batch:
        """Some of the samples, as one training step's input."""
        return Batch(self.theta[rows], self.targets[rows], progress, generator)


@dataclass(frozen=True)
class Split:
    """Data in two parts that share no sample."""

    train: Dataset | Lessons
    test: Dataset | Lessons


def make_data(config: TrainingConfig, device: str) -> Split:
    """What a training's objective learns from."""
    arm, data, objective = config.build_arm(), config.data, config.build_objective()
    if not isinstance(objective, CINNObjective):
        return make_dataset(arm, data, device)
    rng = np.random.default_rng(data.seed)
    counts = data.num_train, data.num_samples - data.num_train
    return Split(
        *(make_lessons(arm, config.build_task(), objective, count, rng) for count in counts)
    )


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


def held_out_targets(arm: PlanarArm, task: Task = POSITION) -> np.ndarray:
    """The targets (m, size) float64 on which every model of an arm and a task is measured."""
    test = make_dataset(arm, DataConfig(), "cpu").test
    if task is POSITION:
        return test.targets.double().numpy()
    return task.forward(arm, test.theta.double().numpy())
