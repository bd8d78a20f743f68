"""The table of parameters: what is accepted, what is refused and how it is described."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from ik_nn_ros.ros.errors import InvalidParameterError
from ik_nn_ros.ros.parameters import ServerParameters, descriptors, value_of_text

CONFIG = Path(__file__).parents[2] / "config" / "ik_server.yaml"


def test_the_configuration_file_lists_every_parameter_with_its_default():
    ((_, node),) = yaml.safe_load(CONFIG.read_text()).items()
    assert node["ros__parameters"] == dataclasses.asdict(ServerParameters())


def test_given_values_replace_the_defaults():
    parameters = ServerParameters.from_values({"dof": 4, "refine": False})
    assert parameters == dataclasses.replace(ServerParameters(), dof=4, refine=False)


def test_a_whole_number_may_stand_for_a_real_one():
    assert ServerParameters.from_values({"position_tolerance": 1}).position_tolerance == 1.0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("dof", 1, "from 2 to"),
        ("dof", "six", "a whole number, got 'six'"),
        ("dof", 6.0, "a whole number"),
        ("dof", True, "a whole number"),
        ("refine", 1, "true or false"),
        ("heading_tolerance", 0.0, "must be from"),
        ("position_tolerance", -1e-6, "must be from"),
        ("position_tolerance", float("nan"), "must be from"),
        ("num_samples", 0, "must be from 1"),
        ("num_samples", 500_000, "must not exceed max_samples"),
        ("max_samples", 999, "num_samples"),
        ("model", "", "must not be empty"),
        ("base_frame", "", "must not be empty"),
        ("device", "abacus", "'device': .*abacus"),
        ("dofs", 6, "is unknown; there are dof, model"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_in_one_sentence(name, value, words):
    with pytest.raises(InvalidParameterError, match=words) as caught:
        ServerParameters.from_values({name: value})
    assert "\n" not in str(caught.value)


def test_ros_tools_are_told_the_description_and_the_range():
    described = descriptors()
    assert described.keys() == {field.name for field in dataclasses.fields(ServerParameters)}
    assert all(descriptor.description.endswith(".") for descriptor in described.values())
    (dof_range,) = described["dof"].integer_range
    assert dof_range.from_value == 2
    (tolerance_range,) = described["heading_tolerance"].floating_point_range
    assert 0.0 < tolerance_range.from_value < tolerance_range.to_value


def test_what_decides_the_arm_and_its_frame_is_fixed():
    fixed = {name for name, descriptor in descriptors().items() if descriptor.read_only}
    robot = {"arm", "robot_description", "base_link", "tip_link"}
    assert fixed == {"dof", "checkpoint", "device", "backend", "base_frame"} | robot


def test_a_change_is_checked_with_what_stays():
    parameters = ServerParameters().changed({"num_samples": 10_000})
    assert parameters == dataclasses.replace(ServerParameters(), num_samples=10_000)
    with pytest.raises(InvalidParameterError, match="must not exceed max_samples"):
        parameters.changed({"max_samples": 9_999})


def test_a_checkpoint_decides_what_was_left_at_its_default():
    settings = ServerParameters(position_tolerance=1e-3).of_checkpoint(4, "inn")
    assert (settings.dof, settings.model, settings.position_tolerance) == (4, "inn", 1e-3)
    assert ServerParameters(dof=4, model="inn").of_checkpoint(4, "inn").dof == 4


@pytest.mark.parametrize(("name", "value"), [("dof", 5), ("model", "cvae")])
def test_what_contradicts_the_checkpoint_is_refused(name, value):
    with pytest.raises(InvalidParameterError, match=f"'{name}': is {value}, but the checkpoint's"):
        ServerParameters(**{name: value}).of_checkpoint(4, "inn")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("dof", "4", 4),
        ("refine", "False", False),
        ("position_tolerance", "1e-4", 1e-4),
        ("model", "123", "123"),
    ],
)
def test_a_text_is_read_as_the_parameter_s_type(name, text, value):
    read = value_of_text(name, text)
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("dof", "abc", "'dof': must be a whole number, got 'abc'"),
        ("dof", "1", "'dof': must be from 2 to 100"),
        ("refine", "1", "'refine': must be true or false, got '1'"),
        ("heading_tolerance", "x\ny", r"'heading_tolerance': must be a number, got 'x\\ny'"),
    ],
)
def test_a_text_that_is_no_value_is_told_by_the_parameter_s_name(name, text, words):
    with pytest.raises(InvalidParameterError, match=words):
        value_of_text(name, text)
