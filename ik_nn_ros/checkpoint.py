"""Weights on disk: safetensors with everything needed to rebuild the model beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSITION, task_named
from ik_nn_ros.errors import CheckpointError, IKError
from ik_nn_ros.models import TrainedModel, architecture

FORMAT_VERSION = 2
POSITIONS_ONLY = 1  # the version before tasks were written to files: all are positions
NUMBERS = ("F16", "F32", "F64", "I64", "BOOL")  # what NumPy has, too, of safetensors' types
_KEY = "ik_nn_ros"  # safetensors' metadata maps strings to strings: one entry of JSON


class Checkpoint(NamedTuple):
    """A network read from disk.

    Attributes:
        model: the network.
        training: how it was trained: the configuration, the steps, the time.
        metrics: what it measured after training.
    """

    model: TrainedModel
    training: dict[str, Any]
    metrics: dict[str, Any]


def save_checkpoint(
    path: Path, model: TrainedModel, training: Mapping[str, Any], metrics: Mapping[str, Any]
) -> None:
    """Write a network and how it came about; the file appears whole or not at all."""
    description = {
        "format_version": FORMAT_VERSION,
        "model": model.config.kind,
        "config": asdict(model.config),
        "arm": model.arm.to_dict(),
        "task": model.task.name,
        "training": dict(training),
        "metrics": dict(metrics),
    }
    partial = path.with_name(path.name + ".partial")
    # Not by save_file, whose files only their owner may read.
    partial.write_bytes(save(dict(model.tensors), metadata={_KEY: json.dumps(description)}))
    partial.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a network from a file. Nothing in the file is executed.

    Raises:
        CheckpointError: the file is missing, damaged, of another format, or does not hold the
            network that it describes.
    """
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: _tensor(path, file, name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(path, "does not exist") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(path, f"is not a readable safetensors file ({error})") from None
    description = _description(path, metadata)
    try:
        arm = PlanarArm.from_dict(description["arm"])
        task = task_named(description.get("task", POSITION.name))
        config = architecture(description["model"], description["config"])
        config.check(arm, task, tensors)
        model = TrainedModel(arm, task, config, tensors)
        return Checkpoint(model, description["training"], description["metrics"])
    except (IKError, KeyError, OverflowError, TypeError, ValueError) as error:
        reason = f"does not hold the network that it describes ({_first_line(error)})"
        raise CheckpointError(path, reason) from None


def _tensor(path: Path, file: safe_open, name: str) -> np.ndarray:
    number = file.get_slice(name).get_dtype()
    if number not in NUMBERS:
        reason = f"has numbers of type {number} in {name}; {', '.join(NUMBERS)} can be read"
        raise CheckpointError(path, reason)
    return file.get_tensor(name)


def _description(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        description = json.loads(metadata[_KEY])
        version = description["format_version"]
    except (KeyError, RecursionError, TypeError, ValueError):
        raise CheckpointError(path, "has no description of its model") from None
    if version not in (POSITIONS_ONLY, FORMAT_VERSION):
        raise CheckpointError(
            path,
            f"has format version {version}, this version of ik_nn_ros reads {FORMAT_VERSION} and "
            f"{POSITIONS_ONLY}",
        )
    return description


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
