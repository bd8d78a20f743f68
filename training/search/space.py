"""What is searched, read from YAML: ranges for some keys of a training, values for the others."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.models import ARCHITECTURES
from training.train.config import ConfigError, Section, TrainingConfig, read_yaml, sentences

Parameters = dict[str, int | float]
"""A point of a search space: values by key, ``section.key`` as in a training file."""

SECTIONS = ("network", "objective", "optimizer")  # of a training file, where ranges may lie


class Range(Section):
    """An interval with both its ends; of whole numbers where both ends are.

    Attributes:
        scale: what is spread evenly over the interval, the values or their logarithms.
    """

    min: int | float
    max: int | float
    scale: Literal["linear", "log"] = "linear"

    @field_validator("min", "max", mode="before")
    @classmethod
    def _check_number(cls, value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise ValueError(f"must be a number (got {value!r})")
        return value

    @field_validator("max")
    @classmethod
    def _check_max(cls, value: int | float, info: ValidationInfo) -> int | float:
        if "min" in info.data and not value > info.data["min"]:
            raise ValueError(f"must be greater than min, {info.data['min']} (got {value})")
        return value

    @field_validator("scale")
    @classmethod
    def _check_scale(cls, value: str, info: ValidationInfo) -> str:
        if value == "log" and info.data.get("min", 1) <= 0:
            raise ValueError(f"log needs a positive min (got {info.data['min']})")
        return value

    @property
    def whole(self) -> bool:
        """Whether the interval is one of whole numbers."""
        return isinstance(self.min, int) and isinstance(self.max, int)


class SearchSpace(Section):
    """A family of trainings, for an arm of any number of joints.

    Attributes:
        model: the network's name in the registry.
        ranges: what is searched, by ``section.key``.
        fixed: the other fields of a `TrainingConfig`, but for model and arm.
    """

    model: Literal[tuple(ARCHITECTURES)]
    ranges: Annotated[dict[str, Any], Field(min_length=1)]
    fixed: dict[str, Any] = {}

    @field_validator("ranges")
    @classmethod
    def _check_ranges(cls, value: dict[str, Any]) -> dict[str, Range]:
        return {key: _range(key, fields) for key, fields in value.items()}

    @field_validator("fixed")
    @classmethod
    def _check_fixed(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for key in ("model", "arm"):
            if key in value:
                raise ValueError(f"{key} cannot be set here")
        for key in info.data.get("ranges", ()):
            section, _, name = key.partition(".")
            if name in _mapping(section, value.get(section, {})):
                raise ValueError(f"{key} is among the ranges already")
        return value

    def corner(self, end: Literal["min", "max"]) -> Parameters:
        """One end of all ranges."""
        return {key: getattr(values, end) for key, values in self.ranges.items()}

    def trial_config(self, parameters: Mapping[str, Any], dof: int) -> TrainingConfig:
        """The training of a trial, for the paper's arm of ``dof`` joints.

        Raises:
            ValidationError: a key or value that is not a training's.
            InvalidArmError: no arm has so few joints.
        """
        return TrainingConfig.model_validate(self._fields(self.fixed, parameters, dof))

    def full_config(self, parameters: Mapping[str, Any], dof: int) -> TrainingConfig:
        """The same with a training's own number of samples and epochs."""
        fixed = {key: self.fixed[key] for key in self.fixed if key not in ("data", "epochs")}
        return TrainingConfig.model_validate(self._fields(fixed, parameters, dof))

    def _fields(
        self, fixed: dict[str, Any], parameters: Mapping[str, Any], dof: int
    ) -> dict[str, Any]:
        lengths = list(PlanarArm.of_paper(dof).link_lengths)
        sections: dict[str, Any] = {}
        for key, value in parameters.items():
            section, _, name = key.partition(".")
            sections.setdefault(section, {**fixed.get(section, {})})[name] = value
        return {"model": self.model, "arm": {"link_lengths": lengths}} | fixed | sections


def load_space(path: Path, model: str, dof: int) -> SearchSpace:
    """Read what is searched for a model from a YAML file.

    Raises:
        ConfigError: the file is missing, not YAML, for another model, or names a key or a value
            that is not allowed.
        InvalidArmError: no arm has so few joints.
    """
    content = read_yaml(path)
    try:
        space = SearchSpace.model_validate(content)
    except ValidationError as error:
        raise ConfigError(path, sentences(error, SearchSpace)) from None
    if space.model != model:
        raise ConfigError(path, f"model: is {space.model}, the search is for {model}")
    try:
        for end in ("min", "max"):
            space.trial_config(space.corner(end), dof)
    except ValidationError as error:
        raise ConfigError(path, sentences(error, TrainingConfig)) from None
    return space


def _range(key: str, fields: Any) -> Range:
    section, _, name = key.partition(".")
    if section not in SECTIONS or not name:
        allowed = ", ".join(f"{section}.KEY" for section in SECTIONS)
        raise ValueError(f"{key}: unknown key; allowed: {allowed}")
    try:
        return Range.model_validate(_mapping(key, fields))
    except ValidationError as error:
        raise ValueError(f"{key}.{sentences(error, Range)}") from None


def _mapping(key: str, fields: Any) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise ValueError(f"{key}: must be keys with values (got {fields!r})")
    return fields
