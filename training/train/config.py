"""A training, read from YAML and checked: unknown keys and impossible values are errors."""

from __future__ import annotations

import json
import math
import reprlib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any, Literal

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
    model_validator,
)

from ik_nn_ros.arm import yaml_file
from ik_nn_ros.arm.files import URDF, load_arm
from ik_nn_ros.arm.joints import SMALL_MASS, TURN, Joint
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSITION, TASKS, Task, task_named
from ik_nn_ros.errors import IKError
from ik_nn_ros.models import ARCHITECTURES
from ik_nn_ros.models.architectures import CINNConfig
from ik_nn_ros.models.networks import Network, build_network
from training.train.objectives import OBJECTIVES, Objective

MOST_SAMPLES = 100_000_000  # gigabytes
MOST_TURNS = 2  # either way, of an angle's limits; mean and deviation half as many
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # as PyTorch takes them


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

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _check_no_switch(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f"is no switch, got {value}")  # it would count as 1 or 0
        return value


class DataConfig(Section):
    """The dataset (section "Dataset" of the paper).

    Attributes:
        num_samples: draws of the prior.
        train_share: of them for training; the others are for testing.
        seed: of the draws.
    """

    num_samples: Annotated[int, Field(ge=10, le=MOST_SAMPLES)] = 1_000_000
    train_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.7
    seed: Seed = 0

    @property
    def num_train(self) -> int:
        """The samples for training."""
        return round(self.num_samples * self.train_share)

    @model_validator(mode="after")
    def _check_both_parts(self) -> DataConfig:
        if not 0 < self.num_train < self.num_samples:
            raise ValueError(
                f"train_share must leave samples in both parts, {self.num_train} of "
                f"{self.num_samples} are for training"
            )
        return self


class OptimizerConfig(Section):
    """Adam, and for hidden layers' weights Muon where it is asked for.

    Attributes:
        gradient_clip: bound of each gradient entry; None: unbounded.
        schedule: the learning rate over the training: as it is, or down a half cosine to zero.
        muon: Muon's rate as a multiple of the learning rate, for cinn; None: Adam moves them, too.
    """

    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat = 0.0
    epsilon: PositiveFloat = 1e-8
    gradient_clip: PositiveFloat | None = None
    schedule: Literal["constant", "cosine"] = "constant"
    muon: PositiveFloat | None = None


# How `cinn` learns any arm in a minute or two on a CPU, where its file does not say otherwise.
CINN_RECIPE: dict[str, Any] = {
    "optimizer": {"learning_rate": 0.008, "schedule": "cosine", "muon": 3.0},
    "data": {"num_samples": 500_000, "train_share": 0.8},
    "epochs": 12,
    "batch_size": 1024,
}


class TrainingConfig(Section):
    """Everything that determines a trained network; of `cinn` the arm will do, see `CINN_RECIPE`.

    Attributes:
        model: the network's name in the registry.
        arm: the fields of `PlanarArm`.
        task: what targets prescribe, "position" or "pose".
        network: the fields of the model's own configuration.
        objective: the fields of the model's own objective.
        batch_size: configurations per step; at most the training part of the data.
    """

    model: Literal[tuple(ARCHITECTURES)]
    arm: dict[str, Any]
    task: Literal[tuple(TASKS)] = POSITION.name
    network: Annotated[dict[str, Any], Field(validate_default=True)] = {}
    objective: Annotated[dict[str, Any], Field(validate_default=True)] = {}
    optimizer: OptimizerConfig
    data: DataConfig = DataConfig()
    epochs: PositiveInt = 60
    batch_size: Annotated[int, Field(ge=2)] = 1000
    seed: Seed = 0

    @model_validator(mode="before")
    @classmethod
    def _fill_in_recipe(cls, content: Any) -> Any:
        if not isinstance(content, dict) or content.get("model") != CINNConfig.kind:
            return content
        filled = CINN_RECIPE | content
        for key, value in CINN_RECIPE.items():
            if isinstance(value, dict) and isinstance(filled[key], dict):
                filled[key] = value | filled[key]
        return filled

    @field_validator("arm")
    @classmethod
    def _check_arm(cls, value: dict[str, Any]) -> dict[str, Any]:
        _accepted_by(PlanarArm, value)
        for joint in PlanarArm(**value).joints:
            _check_joint(joint)
        return value

    @field_validator("network")
    @classmethod
    def _check_network(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if not {"model", "arm", "task"} <= info.data.keys():
            return value  # an unknown model or a wrong arm is reported by itself
        kind = ARCHITECTURES[info.data["model"]]
        _accepted_by(kind, value)
        arm, task = PlanarArm.from_dict(info.data["arm"]), task_named(info.data["task"])
        kind(**value).require_task(task)
        kind(**value).require_storable(arm, task)
        return value

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

    @field_validator("optimizer")
    @classmethod
    def _check_optimizer(cls, value: OptimizerConfig, info: ValidationInfo) -> OptimizerConfig:
        if value.muon is not None and info.data.get("model") not in (CINNConfig.kind, None):
            raise ValueError(f"muon moves the hidden layers of {CINNConfig.kind}, leave it out")
        return value

    @field_validator("batch_size")
    @classmethod
    def _check_batch_size(cls, value: int, info: ValidationInfo) -> int:
        data = info.data.get("data")
        if data is not None and value > data.num_train:
            raise ValueError(
                f"must be at most num_samples * train_share, {data.num_train}, got {value}"
            )
        return value

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in the training part of the data."""
        return self.data.num_train // self.batch_size

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * self.steps_per_epoch

    def build_arm(self) -> PlanarArm:
        """The arm that the network is trained for."""
        return PlanarArm.from_dict(self.arm)

    def build_task(self) -> Task:
        """What its targets prescribe."""
        return task_named(self.task)

    def build_network(self) -> Network:
        """The untrained network."""
        return build_network(self.model, self.build_arm(), self.network, self.build_task())

    def build_objective(self) -> Objective:
        """What the network minimises."""
        return OBJECTIVES[self.model].model_validate(self.objective)


def load_config(path: Path) -> TrainingConfig:
    """Read a training from a YAML file, whose arm may be one of a URDF; or from the URDF alone.

    Raises:
        ArmFileError: there is no arm in the URDF.
        ConfigError: the file is missing, not YAML, or names a key or a value that is not allowed.
    """
    is_urdf = path.suffix.lower() in URDF
    content = {"model": CINNConfig.kind} if is_urdf else read_yaml(path)
    section = content.get("arm") if isinstance(content, dict) else None
    if is_urdf or (isinstance(section, dict) and "urdf" in section):
        arm = load_arm(path, task=str(content.get("task", POSITION.name)))
        content["arm"] = json.loads(json.dumps(arm.to_dict()))
    try:
        return TrainingConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(path, sentences(error, TrainingConfig)) from None


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        ConfigError: see `yaml_file.read_yaml`.
    """
    try:
        return yaml_file.read_yaml(path)
    except ValueError as error:
        raise ConfigError(path, str(error)) from None


def _check_joint(joint: Joint) -> None:
    """Raise ValueError for degrees, and for limits that hardly any configuration keeps."""
    if joint.mass < SMALL_MASS:
        raise ValueError(
            f"joint {joint.name}: the limits {joint.limits} leave {joint.mass:.0e} of the prior, "
            "so that none of its samples keeps them; move prior_mean there or widen prior_std"
        )
    said = {"joint_limits": joint.limits or (), "prior_mean": (joint.mean,)}
    if joint.std is not None:
        said["prior_std"] = (joint.std,)
    for field, values in said.items():
        turns = MOST_TURNS if field == "joint_limits" else MOST_TURNS / 2
        if joint.is_angle and any(abs(value) > turns * TURN for value in values):
            given = ", ".join(f"{value:g}" for value in values)
            meant = ", ".join(f"{math.radians(value):.3f}" for value in values)
            raise ValueError(
                f"joint {joint.name}: {field} is in radians, up to {turns:g} turns; got {given}, "
                f"which as degrees are {meant}"
            )


def _accepted_by(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    """The values, if the dataclass ``kind`` takes them."""
    allowed = [field.name for field in fields(kind)]
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise ValueError(f"unknown key {', '.join(unknown)}; allowed: {', '.join(allowed)}")
    needed = [one.name for one in fields(kind) if one.default is one.default_factory is MISSING]
    missing = [name for name in needed if name not in values]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing; needed: {', '.join(needed)}")
    try:
        kind(**values)
    except (ValueError, IKError) as error:
        raise ValueError(str(error)) from None
    except TypeError:
        raise ValueError(f"a value of a wrong type: {values}") from None
    return values


def sentences(error: ValidationError, section: type[BaseModel]) -> str:
    """Every problem: where it is, what is wrong, what is allowed."""
    return "; ".join(_sentence(problem, section) for problem in error.errors())


def _sentence(problem: Any, section: type[BaseModel]) -> str:
    location = problem["loc"]
    key, got = ".".join(map(str, location)), reprlib.repr(problem["input"])
    if problem["type"] == "extra_forbidden":
        for part in location[:-1]:
            section = section.model_fields[part].annotation
        return f"{key}: unknown key; allowed: {', '.join(section.model_fields)}"
    if problem["type"] == "value_error":
        return f"{key}: {problem['ctx']['error']}"
    if not location:
        return f"must have the keys {', '.join(section.model_fields)}, got {got}"
    return f"{key}: {problem['msg']} (got {got})"
