"""Results on disk: what was measured, of which weights, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ik_nn_ros.backends.eager import eager_sampler
from ik_nn_ros.checkpoint import load_checkpoint, tensors_sum
from ik_nn_ros.models.networks import restore_network
from ik_nn_ros.posterior.exact import ExactPosterior
from measuring.evaluation import Evaluation, evaluate
from measuring.files import ResultError, read_file, write_file
from measuring.references import EvaluationSize, References
from measuring.stages import OnStage


@dataclass(frozen=True)
class Result:
    """An evaluation and what it belongs to.

    Attributes:
        name: of the weights file, without its suffix; of a run's, see
            `training.train.run.weights_name`; of an exact sampler, "exact_<dof>".
        num_parameters: trainable ones; 0 for the exact sampler.
        training_seconds: what the training took; None where nothing was trained.
        weights: SHA-256 of its tensors; None for the exact sampler.
        size: how much was measured.
        evaluation: what was measured.
    """

    name: str
    num_parameters: int
    training_seconds: float | None
    weights: str | None
    size: EvaluationSize
    evaluation: Evaluation

    def write(self, folder: Path) -> Path:
        """Write ``<folder>/<name>.json`` and return its path."""
        path = folder / f"{self.name}.json"
        write_file(path, self)
        return path

    @classmethod
    def read(cls, path: Path) -> Result:
        """The inverse of `write`.

        Raises:
            ResultError: the file is missing, or is not such a result.
        """
        return read_file(path, cls)


def network_result(
    name: str, path: Path, device: str, references: References, on_stage: OnStage
) -> Result:
    """Evaluate the network in a weights file."""
    model, training, _ = load_checkpoint(path)
    network = restore_network(model)
    sampler = eager_sampler(network, device)
    return Result(
        name=name,
        num_parameters=network.num_parameters,
        training_seconds=training["seconds"],
        weights=tensors_sum(model.tensors),
        size=references.size,
        evaluation=evaluate(sampler, references, on_stage=on_stage),
    )


def exact_result(references: References, on_stage: OnStage) -> Result:
    """Evaluate the exact sampler of an arm."""
    sampler = ExactPosterior(references.arm, references.task)
    return Result(
        name=f"{sampler.name}_{references.arm.dof}",
        num_parameters=0,
        training_seconds=None,
        weights=None,
        size=references.size,
        evaluation=evaluate(sampler, references, on_stage=on_stage),
    )


def known_result(folder: Path, weights: Path, size: EvaluationSize) -> Result | None:
    """The result in ``folder`` of a weights file as it is now, or None if it must be measured."""
    try:
        result = Result.read(folder / f"{weights.stem}.json")
    except ResultError:
        return None
    measured = result.weights == fingerprint(weights) and result.size.covers(size)
    return result if measured else None


def fingerprint(path: Path) -> str:
    """SHA-256 of the tensors in a weights file: what was measured of them stays true of them."""
    return tensors_sum(load_checkpoint(path).model.tensors)
