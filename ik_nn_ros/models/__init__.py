"""The networks and their registry: a further model is one file and one row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ik_nn_ros.errors import ModelNotFoundError
from ik_nn_ros.kinematics import PlanarArm
from ik_nn_ros.models.base import (
    GenerativeNetwork,
    RawSamples,
    Sampler,
    require_device,
)
from ik_nn_ros.models.cinn import CINN, CINNConfig
from ik_nn_ros.models.cvae import CVAE, CVAEConfig
from ik_nn_ros.models.inn import INN, INNConfig
from ik_nn_ros.models.sampler import NetworkSampler

__all__ = [
    "DEFAULT_MODEL",
    "CINN",
    "CVAE",
    "INN",
    "NETWORKS",
    "GenerativeNetwork",
    "NetworkSampler",
    "RawSamples",
    "Sampler",
    "available_models",
    "build_network",
    "pretrained_path",
    "require_device",
]

DEFAULT_MODEL = CINN.kind
WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class NetworkKind:
    """A row of the registry: the network's class and that of its configuration."""

    network: type[GenerativeNetwork]
    config: type


NETWORKS: dict[str, NetworkKind] = {
    "cvae": NetworkKind(CVAE, CVAEConfig),
    "inn": NetworkKind(INN, INNConfig),
    "cinn": NetworkKind(CINN, CINNConfig),
}


def build_network(name: str, arm: PlanarArm, config: Mapping[str, Any]) -> GenerativeNetwork:
    """An untrained network of the registry.

    Raises:
        ModelNotFoundError: ``name`` is not in the registry.
        TypeError: ``config`` has a key that the model does not know, or lacks one.
    """
    if name not in NETWORKS:
        raise ModelNotFoundError(name, "no such network", NETWORKS)
    kind = NETWORKS[name]
    return kind.network(arm, kind.config(**config))


def available_models() -> dict[str, list[int]]:
    """The networks with shipped weights, and for which DoFs."""
    available: dict[str, list[int]] = {name: [] for name in NETWORKS}
    for path in WEIGHTS_FOLDER.glob("*.safetensors"):
        name, _, dof = path.stem.rpartition("_")
        if name in available and dof.isdecimal():
            available[name].append(int(dof))
    return {name: sorted(dofs) for name, dofs in available.items()}


def pretrained_path(name: str, dof: int) -> Path:
    """The shipped weights of a model.

    Raises:
        ModelNotFoundError: no such model, or none for this DoF; says what there is.
    """
    available = available_models()
    offers = [
        f"{known} (dof {', '.join(map(str, dofs)) or 'none'})" for known, dofs in available.items()
    ]
    offers.append("exact (any dof)")
    if name not in available:
        raise ModelNotFoundError(name, "no such model", offers)
    if dof not in available[name]:
        raise ModelNotFoundError(name, f"no weights for dof {dof}", offers)
    return WEIGHTS_FOLDER / f"{name}_{dof}.safetensors"
