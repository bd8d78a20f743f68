"""The server's parameters: one table of types, defaults, ranges and descriptions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from ik_nn_ros.backends import AUTO, require_backend, require_device
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.options import HEADING_TOLERANCE
from ik_nn_ros.ros.errors import InvalidParameterError
from ik_nn_ros.solver import DEFAULT_MODEL, DEFAULT_NUM_SAMPLES
from ik_nn_ros.texts import shown

TRUTH = {"true": True, "false": False}
TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _parameter(
    default: Any,
    description: str,
    allowed: tuple[float, float] | None = None,
    read_only: bool = False,
) -> Any:
    metadata = {"description": description, "allowed": allowed, "read_only": read_only}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class ServerParameters:
    """The parameters of `ik_server`, valid as a set.

    Raises:
        InvalidParameterError: a value of another type or outside its range, a default number of
            samples above the largest one, a device or a backend that this machine does not have.
    """

    dof: int = _parameter(6, "Number of joints of the arm.", (2, 100), read_only=True)
    model: str = _parameter(DEFAULT_MODEL, "Model that answers where a request names none.")
    checkpoint: str = _parameter(
        "",
        "Weights file of your own network to serve, empty for the shipped ones; dof and model are "
        "then the file's: leave them at their defaults, or let them agree with it.",
        read_only=True,
    )
    arm: str = _parameter(
        "",
        "File of a robot's arm, a URDF, or YAML with a section arm; exact serves it at once.",
        read_only=True,
    )
    robot_description: str = _parameter(
        "", "A URDF's text in the place of such a file.", read_only=True
    )
    base_link: str = _parameter(
        "",
        "Link of the URDF in whose frame targets are, empty for the one that carries all others.",
        read_only=True,
    )
    tip_link: str = _parameter(
        "",
        "Link of the URDF that is brought to targets, empty for the only one that carries no "
        "other.",
        read_only=True,
    )
    num_samples: int = _parameter(
        DEFAULT_NUM_SAMPLES, "Samples drawn where a request says 0.", (1, 1_000_000)
    )
    max_samples: int = _parameter(10_000, "Most samples of one request.", (1, 1_000_000))
    max_cost: int = _parameter(
        5_000_000,
        "Most of samples x joints x (1 + representatives) of one request, for which others wait.",
        (1, 1_000_000_000),
    )
    device: str = _parameter(
        "cpu", "Where the networks run: cpu, cuda, cuda:1, ...", read_only=True
    )
    backend: str = _parameter(
        AUTO,
        "What evaluates the networks: torch, numba, or auto for the fastest on the device. Read "
        "from a running node, it is the one in use.",
        read_only=True,
    )
    refine: bool = _parameter(
        True, "Project samples onto the target; if false, every request is answered with raw ones."
    )
    position_tolerance: float = _parameter(
        0.0,
        "Largest error of a refined solution where a request says 0 [m]; 0: a millionth of the "
        "arm's unit, which is 1 m for the paper's arms, see PlanarArm.unit.",
        (0.0, 1.0),
    )
    heading_tolerance: float = _parameter(
        HEADING_TOLERANCE,
        "Largest error of a refined solution's heading where a request says 0 [rad].",
        (1e-12, 1.0),
    )
    base_frame: str = _parameter(
        "base_link",
        "Frame of the arm's base, in which targets are and the arm is shown; left at its default, "
        "a URDF's arm has that of its base link.",
        read_only=True,
    )
    transform_timeout: float = _parameter(
        0.5,
        "Longest wait for the transform of a target in another frame, at its time: for a frame "
        "that moves, longer than between two of its transforms [s].",
        (0.0, 10.0),
    )
    max_marker_arms: int = _parameter(
        1000, "Most arms drawn as markers, evenly spread over the solutions.", (1, 10_000)
    )
    ignore_collisions: bool = _parameter(
        False,
        "Answer MoveIt's get_position_ik although it asks to avoid collisions, which are not "
        "checked here; MoveIt's plugin always asks, and checks the answer itself.",
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_value(field, getattr(self, field.name))
        if self.num_samples > self.max_samples:
            raise InvalidParameterError(
                "num_samples",
                f"must not exceed max_samples, {self.num_samples} > {self.max_samples}",
            )
        _check("device", require_device, self.device)
        _check("backend", require_backend, self.backend)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> ServerParameters:
        """The parameters with some values given; a whole number may stand for a real one.

        Raises:
            InvalidParameterError: also for a name that is not a parameter.
        """
        return cls().changed(values)

    def changed(self, values: Mapping[str, Any]) -> ServerParameters:
        """These parameters with some values changed, checked as a set; see `from_values`."""
        fields = {field.name: field for field in dataclasses.fields(self)}
        for name in values:
            if name not in fields:
                raise InvalidParameterError(name, f"is unknown; there are {', '.join(fields)}")
        widened = {name: _widened(value, fields[name]) for name, value in values.items()}
        return dataclasses.replace(self, **widened)

    def of_checkpoint(self, dof: int, model: str) -> ServerParameters:
        """These parameters with the number of joints and the model of the checkpoint.

        Raises:
            InvalidParameterError: one of them has a value of its own that does not agree.
        """
        self._require_agreement("checkpoint", dof=dof, model=model)
        return dataclasses.replace(self, dof=dof, model=model)

    def of_arm(self, dof: int, base_link: str) -> ServerParameters:
        """These parameters with an arm's number of joints, and its base link as the frame.

        Raises:
            InvalidParameterError: there is a number of joints that does not agree.
        """
        self._require_agreement("arm", dof=dof)
        frame = self.base_frame
        if frame == ServerParameters.base_frame:
            frame = base_link
        return dataclasses.replace(self, dof=dof, base_frame=frame)

    def _require_agreement(self, owner: str, **values: Any) -> None:
        for name, wanted in values.items():
            value = getattr(self, name)
            if value not in (wanted, getattr(ServerParameters, name)):
                raise InvalidParameterError(
                    name, f"is {value}, but the {owner}'s is {wanted}: leave it out"
                )


def descriptors() -> dict[str, ParameterDescriptor]:
    """What ROS tools are told of each parameter."""
    return {
        field.name: ParameterDescriptor(
            description=field.metadata["description"],
            read_only=field.metadata["read_only"],
            **_range_of(field),
        )
        for field in dataclasses.fields(ServerParameters)
    }


def value_of_text(name: str, text: str) -> Any:
    """A parameter's value as it is written on a command line.

    Raises:
        InvalidParameterError: no value of the parameter's type, or one outside its range.
    """
    (field,) = (field for field in dataclasses.fields(ServerParameters) if field.name == name)
    kind = type(field.default)
    try:
        value = TRUTH[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        value = text  # which is of another type
    _check_value(field, value)
    return value


def _range_of(field: dataclasses.Field) -> dict[str, list[Any]]:
    if field.metadata["allowed"] is None:
        return {}
    lowest, highest = field.metadata["allowed"]
    if isinstance(field.default, int):
        return {"integer_range": [IntegerRange(from_value=lowest, to_value=highest)]}
    return {"floating_point_range": [FloatingPointRange(from_value=lowest, to_value=highest)]}


def _widened(value: Any, field: dataclasses.Field) -> Any:
    return float(value) if type(value) is int and isinstance(field.default, float) else value


def _check_value(field: dataclasses.Field, value: Any) -> None:
    wanted = type(field.default)
    if type(value) is not wanted:
        raise InvalidParameterError(
            field.name, f"must be {TYPE_NAMES[wanted]}, got {shown(repr(value))}"
        )
    if value == "" and field.default != "":
        raise InvalidParameterError(field.name, "must not be empty")
    if field.metadata["allowed"] is not None:
        lowest, highest = field.metadata["allowed"]
        if not lowest <= value <= highest:
            reason = f"must be from {lowest} to {highest}, got {value}"
            raise InvalidParameterError(field.name, reason)


def _check(name: str, require: Callable[[str], None], value: str) -> None:
    try:
        require(value)
    except InvalidRequestError as error:
        raise InvalidParameterError(name, error.reason) from None
