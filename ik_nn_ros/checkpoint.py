"""Weights on disk: safetensors with everything needed to rebuild the model beside them.

A file's metadata are a description of the model (JSON) and its SHA-256. The description holds that
of the tensors, and a few samples that the network drew when it was written. The sums tell a damaged
file, whose description is then not even looked at; the samples one that was changed on purpose.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ik_nn_ros.arguments import MAX_DOF
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import task_named
from ik_nn_ros.backends import REFERENCE, build_sampler
from ik_nn_ros.backends.probing import make_probe, read_probe
from ik_nn_ros.errors import CheckpointError
from ik_nn_ros.models import TrainedModel, architecture
from ik_nn_ros.models.architectures import FLOAT, MOST_NUMBERS, Tensors
from ik_nn_ros.models.trained import Probe
from ik_nn_ros.tensor_file import MOST_HEADER_BYTES, Entry, opened, read_header, read_tensors

FORMAT_VERSION = 2
MOST_BYTES = MOST_HEADER_BYTES + MOST_NUMBERS * FLOAT.itemsize
MOST_TOLD = 300  # characters of what is wrong; a file may hold anything
_DESCRIPTION, _SUM = "ik_nn_ros", "sha256"  # safetensors' metadata maps strings to strings


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
    """Write a network and how it came about; the file appears whole or not at all.

    Raises:
        ValueError: no file can hold these tensors.
    """
    from safetensors.numpy import save  # here: what is only served does without the library

    model.config.check_types(model.arm, model.task, model.tensors)
    probe = make_probe(path, build_sampler(model, "cpu", REFERENCE))
    description = {
        "format_version": FORMAT_VERSION,
        "model": model.config.kind,
        "config": asdict(model.config),
        "arm": model.arm.to_dict(),
        "task": model.task.name,
        "training": dict(training),
        "metrics": dict(metrics),
        "probe": {name: getattr(probe, name).tolist() for name in Probe._fields[1:]},
        "tensors": tensors_sum(model.tensors),
    }
    text = json.dumps(description)
    content = save(dict(model.tensors), metadata={_DESCRIPTION: text, _SUM: _sum(text)})
    partial = path.with_name(path.name + ".partial")
    # Not by save_file, whose files only their owner may read.
    partial.write_bytes(content)
    partial.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a network from a file. Nothing in the file is executed.

    Type and size of the file, its header, its description and the shapes of its tensors are checked
    before a tensor is read; then the tensors. What the network draws is compared with the file's
    ``probe`` where it is made ready, see `backends.build_sampler`.

    Raises:
        CheckpointError: the file is missing, damaged, of another format, or does not hold the
            network that it describes.
    """
    try:
        with opened(path) as file:
            header = read_header(file, MOST_BYTES)
            description = _description(path, header.metadata)
            with _as_described(path):
                model = _model(path, description, header.entries)
            tensors = read_tensors(file, header)
    except FileNotFoundError:
        raise CheckpointError(path, "does not exist") from None
    except (OSError, ValueError) as error:
        reason = f"is not a readable safetensors file ({_told(error)})"
        raise CheckpointError(path, reason) from None
    _require_sum(path, "content", tensors_sum(tensors), description.get("tensors"))
    with _as_described(path):
        model.config.check_values(tensors)
        model = model._replace(tensors=tensors)
        return Checkpoint(model, description["training"], description["metrics"])


def tensors_sum(tensors: Tensors) -> str:
    """SHA-256 of tensors, with their names, types and shapes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        digest.update(np.ascontiguousarray(tensor))
    return digest.hexdigest()


def _description(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The description, as it was written."""
    try:
        text = metadata[_DESCRIPTION]
        description = json.loads(text)
        version = description["format_version"]
    except (KeyError, RecursionError, TypeError, ValueError):
        raise CheckpointError(path, "has no description of its model") from None
    if version != FORMAT_VERSION or _SUM not in metadata:
        reason = (
            f"has format version {_told(version)}, this version of ik_nn_ros reads "
            f"{FORMAT_VERSION} with a checksum: train its network again, or take the version that "
            "it was made for"
        )
        raise CheckpointError(path, reason)
    _require_sum(path, "description", _sum(text), metadata[_SUM])
    return description


def _model(path: Path, description: dict[str, Any], entries: Mapping[str, Entry]) -> TrainedModel:
    """The network that is described, without its tensors, which are to fit it."""
    if len(description["arm"]["link_lengths"]) > MAX_DOF:
        raise ValueError(f"its arm has more than {MAX_DOF} links")
    arm, task = PlanarArm.from_dict(description["arm"]), task_named(description["task"])
    config = architecture(description["model"], description["config"])
    _require_alike("arm", description["arm"], arm.to_dict())
    _require_alike("config", description["config"], asdict(config))
    config.check_types(arm, task, entries)
    return TrainedModel(arm, task, config, {}, read_probe(path, description["probe"], arm, task))


def _require_alike(what: str, given: dict[str, Any], understood: dict[str, Any]) -> None:
    """Raise ValueError unless what was understood is what is given: no text read as numbers."""
    for name, value in given.items():
        if json.dumps(value) != json.dumps(understood.get(name)):
            raise ValueError(f"{what}: {name} is {value!r}, read as {understood.get(name)!r}")


@contextmanager
def _as_described(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of whatever kind an odd description makes the constructors raise
        what = _told(f"{type(error).__name__}: {error}")
        reason = f"does not hold the network that it describes ({what})"
        raise CheckpointError(path, reason) from None


def _require_sum(path: Path, what: str, found: str, written: object) -> None:
    if found != written:
        raise CheckpointError(path, f"is damaged: its {what} was changed, get the file anew")


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _told(error: object) -> str:
    """What is wrong, in so many characters; control characters that a file may hold are spelt."""
    return str(error).encode("unicode_escape").decode()[:MOST_TOLD]
