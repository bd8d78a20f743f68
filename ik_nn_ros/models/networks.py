"""The networks in PyTorch, by the names of their configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSITION, Task
from ik_nn_ros.models import architecture
from ik_nn_ros.models.architectures import CINNConfig, CVAEConfig, INNConfig
from ik_nn_ros.models.cinn import CINN
from ik_nn_ros.models.cvae import CVAE
from ik_nn_ros.models.inn import INN
from ik_nn_ros.models.network import GenerativeNetwork
from ik_nn_ros.models.trained import TrainedModel

Network = GenerativeNetwork | CINN

NETWORKS: dict[str, type[Network]] = {
    CVAEConfig.kind: CVAE,
    INNConfig.kind: INN,
    CINNConfig.kind: CINN,
}


def build_network(
    name: str, arm: PlanarArm, config: Mapping[str, Any], task: Task = POSITION
) -> Network:
    """An untrained network.

    Raises:
        ModelNotFoundError: ``name`` is not in the registry.
        TypeError: ``config`` has a key that the model does not know, or lacks one.
        ValueError: it has a value that the model does not allow, or not for this arm and task.
    """
    built = architecture(name, config)
    built.require_storable(arm, task)
    return NETWORKS[built.kind](arm, task, built)


def restore_network(model: TrainedModel) -> Network:
    """A trained network."""
    network = NETWORKS[model.config.kind](model.arm, model.task, model.config)
    network.load_state_dict({name: torch.from_numpy(one) for name, one in model.tensors.items()})
    return network


def trained_model(network: Network) -> TrainedModel:
    """The inverse of `restore_network`: a network as numbers."""
    # Contiguous: weights files hold memory as it lies.
    tensors = {
        name: np.ascontiguousarray(value.cpu().numpy())
        for name, value in network.state_dict().items()
    }
    return TrainedModel(network.arm, network.task, network.config, tensors)
