"""A training, read from YAML and checked: unknown keys and impossible values are errors."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from ik_nn_ros.errors import IKError
from ik_nn_ros.kinematics import PlanarArm
from ik_nn_ros.models import ARCHITECTURES
from ik_nn_ros.models.network import GenerativeNetwork
from ik_nn_ros.models.networks import build_network
from training.objectives import OBJECTIVES, Objective


class ConfigError(IKError):
    """A configuration file that cannot be used.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


class Section(BaseModel):
    """Base of the sections: no unknown keys, no changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Section):
    """The dataset (section "Dataset" of the paper)."""

    num_samples: Annotated[int, Field(ge=10)] = 1_000_000
    train_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.7
    seed: int = 0


class OptimizerConfig(Section):
    """Adam.

    Attributes:
        gradient_clip: bound of each gradient entry; None: unbounded.
        schedule: the learning rate over the training: as it is, or down a half cosine to zero.
    """

    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat = 0.0
    epsilon: PositiveFloat = 1e-8
    gradient_clip: PositiveFloat | None = None
    schedule: Literal["constant", "cosine"] = "constant"


class TrainingConfig(Section):
    """Everything that determines a trained network.

    Attributes:
        model: the network's name in the registry.
        arm: the fields of `PlanarArm`.
        network: the fields of the model's own configuration.
        objective: the fields of the model's own objective.
        batch_size: configurations per step; at most the training part of the data.
    """

    model: Literal[tuple(ARCHITECTURES)]
    arm: dict[str, Any]
    network: dict[str, Any]
    objective: dict[str, Any] = {}
    optimizer: OptimizerConfig
    data: DataConfig = DataConfig()
    epochs: PositiveInt = 60
    batch_size: Annotated[int, Field(ge=2)] = 1000
    seed: int = 0

    @field_validator("arm")
    @classmethod
    def _check_arm(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _accepted_by(PlanarArm, value)

    @field_validator("network")
    @classmethod
    def _check_network(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "model" not in info.data:
            return value  # an unknown model is reported by itself
        return _accepted_by(ARCHITECTURES[info.data["model"]], value)

    @field_validator("objective")
    @classmethod
    def _check_objective(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "model" in info.data:
            objective = OBJECTIVES[info.data["model"]]
            try:
                objective.model_validate(value)
            except ValidationError as error:
                raise ValueError(sentences(error, objective)) from None
        return value

    @field_validator("batch_size")
    @classmethod
    def _check_batch_size(cls, value: int, info: ValidationInfo) -> int:
        data = info.data.get("data")
        if data is not None and value > data.num_samples * data.train_share:
            raise ValueError("must be at most num_samples * train_share")
        return value

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in the training part of the data."""
        return round(self.data.num_samples * self.data.train_share) // self.batch_size

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * self.steps_per_epoch

    def build_arm(self) -> PlanarArm:
        """The arm that the network is trained for."""
        return PlanarArm.from_dict(self.arm)

    def build_network(self) -> GenerativeNetwork:
        """The untrained network."""
        return build_network(self.model, self.build_arm(), self.network)

    def build_objective(self) -> Objective:
        """What the network minimises."""
        return OBJECTIVES[self.model].model_validate(self.objective)


def load_config(path: Path) -> TrainingConfig:
    """Read a training from a YAML file.

    Raises:
        ConfigError: the file is missing, not YAML, or names a key or a value that is not allowed.
    """
    content = read_yaml(path)
    try:
        return TrainingConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(path, sentences(error, TrainingConfig)) from None


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        ConfigError: the file is missing or not YAML.
    """
    try:
        return yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(path, error.strerror or str(error)) from None
    except yaml.YAMLError as error:
        raise ConfigError(path, f"is not YAML: {' '.join(str(error).split())}") from None


def _accepted_by(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    """The values, if the dataclass ``kind`` takes them."""
    allowed = [field.name for field in fields(kind)]
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise ValueError(f"unknown key {', '.join(unknown)}; allowed: {', '.join(allowed)}")
    try:
        kind(**values)
    except (TypeError, ValueError, IKError) as error:
        raise ValueError(str(error)) from None
    return values


def sentences(error: ValidationError, section: type[BaseModel]) -> str:
    """Every problem: where it is, what is wrong, what is allowed."""
    return "; ".join(_sentence(problem, section) for problem in error.errors())


def _sentence(problem: Any, section: type[BaseModel]) -> str:
    location = problem["loc"]
    key = ".".join(map(str, location)) or "the file"
    if problem["type"] == "extra_forbidden":
        for part in location[:-1]:
            section = section.model_fields[part].annotation
        return f"{key}: unknown key; allowed: {', '.join(section.model_fields)}"
    if problem["type"] == "value_error":
        return f"{key}: {problem['ctx']['error']}"
    return f"{key}: {problem['msg']} (got {problem['input']!r})"
