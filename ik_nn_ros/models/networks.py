"""The networks in PyTorch, by the names of their configurations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.models import architecture
from ik_nn_ros.models.architectures import CINNConfig, CVAEConfig, INNConfig
from ik_nn_ros.models.cinn import CINN
from ik_nn_ros.models.cvae import CVAE
from ik_nn_ros.models.inn import INN
from ik_nn_ros.models.network import GenerativeNetwork
from ik_nn_ros.models.trained import TrainedModel

NETWORKS: dict[str, type[GenerativeNetwork]] = {
    CVAEConfig.kind: CVAE,
    INNConfig.kind: INN,
    CINNConfig.kind: CINN,
}


def build_network(name: str, arm: PlanarArm, config: Mapping[str, Any]) -> GenerativeNetwork:
    """An untrained network.

    Raises:
        ModelNotFoundError: ``name`` is not in the registry.
        TypeError: ``config`` has a key that the model does not know, or lacks one.
        ValueError: it has a value that the model does not allow, or not for this arm.
    """
    built = architecture(name, config)
    return NETWORKS[built.kind](arm, built)


def restore_network(model: TrainedModel) -> GenerativeNetwork:
    """A trained network."""
    network = NETWORKS[model.config.kind](model.arm, model.config)
    network.load_state_dict({name: torch.from_numpy(one) for name, one in model.tensors.items()})
    return network


def load_network(path: Path) -> GenerativeNetwork:
    """The network in a weights file.

    Raises:
        CheckpointError: see `load_checkpoint`.
    """
    return restore_network(load_checkpoint(path).model)
