"""The models, without PyTorch.

A further one is a configuration in `architectures` with a row in `ARCHITECTURES`, a network with a
row in `networks.NETWORKS`, and an objective in `training`; with a kernel it is served compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ik_nn_ros.arm.task import POSITION, Task
from ik_nn_ros.errors import ModelNotFoundError
from ik_nn_ros.models.architectures import Architecture, CINNConfig, CVAEConfig, INNConfig
from ik_nn_ros.models.trained import TrainedModel

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "TrainedModel",
    "architecture",
    "available_models",
    "pretrained_path",
]

# PyTorch's side of them is `models.networks`.
ARCHITECTURES: dict[str, type[Architecture]] = {
    config.kind: config for config in (CVAEConfig, INNConfig, CINNConfig)
}
WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"


def architecture(name: str, config: Mapping[str, Any]) -> Architecture:
    """The configuration of a model in the registry.

    Raises:
        ModelNotFoundError: ``name`` is not in the registry.
        TypeError: ``config`` has a key that the model does not know, or lacks one.
        ValueError: it has a value that the model does not allow.
    """
    if name not in ARCHITECTURES:
        raise ModelNotFoundError(name, "no such network", ARCHITECTURES)
    return ARCHITECTURES[name](**config)


def available_models(task: Task = POSITION) -> dict[str, list[int]]:
    """The networks with shipped weights for a task, and for which DoFs of the paper's arms."""
    available: dict[str, list[int]] = {name: [] for name in ARCHITECTURES}
    ending = _ending(task)
    for path in WEIGHTS_FOLDER.glob(f"*{ending}.safetensors"):
        name, _, dof = path.stem.removesuffix(ending).rpartition("_")
        if name in available and dof.isdecimal():
            available[name].append(int(dof))
    return {name: sorted(dofs) for name, dofs in available.items()}


def pretrained_path(name: str, dof: int, task: Task = POSITION) -> Path:
    """The shipped weights of a model for the paper's arm of ``dof`` joints.

    Raises:
        ModelNotFoundError: no such model, or none for this DoF and task; says what there is.
    """
    available = available_models(task)
    offers = [
        f"{known} (dof {', '.join(map(str, dofs)) or 'none'})" for known, dofs in available.items()
    ]
    offers.append("exact (any dof)")
    if name not in available:
        raise ModelNotFoundError(name, "no such model", offers)
    if dof not in available[name]:
        of_task = "" if task is POSITION else f"a {task.name} at "
        raise ModelNotFoundError(name, f"no weights for {of_task}dof {dof}", offers)
    return WEIGHTS_FOLDER / f"{name}_{dof}{_ending(task)}.safetensors"


def _ending(task: Task) -> str:
    """How the names of a task's weights files end."""
    return "" if task is POSITION else f"_{task.name}"
