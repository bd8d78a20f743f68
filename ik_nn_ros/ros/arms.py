"""The arm that the server serves: the paper's, a checkpoint's, or one of a robot."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ik_nn_ros.arguments import file_path
from ik_nn_ros.arm.files import load_arm, urdf_of_file
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSE
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.errors import ArmFileError, InvalidArmError
from ik_nn_ros.ros.errors import InvalidParameterError
from ik_nn_ros.ros.parameters import ServerParameters


class ServedArm(NamedTuple):
    """The arm, and what it comes from.

    Attributes:
        arm: the arm.
        urdf: the description of the robot that it is part of, as it was given; or None.
    """

    arm: PlanarArm
    urdf: str | None = None

    def description(self, base_frame: str) -> str:
        """A URDF to look at: the robot's own; else one of the arm, which begins at a frame."""
        if self.urdf is not None:
            return self.urdf
        mount = dataclasses.replace(self.arm.mount, base_link=base_frame)
        return dataclasses.replace(self.arm, mount=mount).to_urdf()


def served_arm(parameters: ServerParameters) -> ServedArm:
    """The arm that parameters name: by a file, a description, a checkpoint, or as the paper's.

    A robot's arm is read for what its checkpoint was trained for, and without one for poses: a last
    joint that turns the tip on the spot, as a SCARA's, is then part of it.

    Raises:
        InvalidParameterError: no arm in what a parameter names, two parameters that name different
            ones, links of a robot where there is none.
        CheckpointError: the weights cannot be read.
    """
    links = parameters.base_link or None, parameters.tip_link or None
    found: dict[str, ServedArm] = {}
    task = POSE.name
    if parameters.checkpoint:
        trained = load_checkpoint(file_path("checkpoint", parameters.checkpoint)).model
        found["checkpoint"], task = ServedArm(trained.arm), trained.task.name
    if parameters.arm:
        found["arm"] = _read("arm", lambda: _of_file(Path(parameters.arm), *links, task))
    if parameters.robot_description:
        urdf = parameters.robot_description
        found["robot_description"] = _read(
            "robot_description", lambda: _of_description(urdf, *links, task)
        )
    if not found.keys() & {"arm", "robot_description"}:
        for name in ("base_link", "tip_link"):
            if getattr(parameters, name):
                raise InvalidParameterError(
                    name, "is a link of a robot: give its URDF, too, as arm or robot_description"
                )
    if not found:
        return ServedArm(PlanarArm.of_paper(parameters.dof))
    first, *others = found
    for other in others:
        if found[other].arm != found[first].arm:
            raise InvalidParameterError(
                other, f"is of another arm than {first}: leave one out, or let them agree"
            )
    return max(found.values(), key=lambda one: one.urdf is not None)


def _of_file(path: Path, base: str | None, tip: str | None, task: str) -> ServedArm:
    arm = load_arm(path, base, tip, task)
    urdf = urdf_of_file(path)
    return ServedArm(arm, None if urdf is None else urdf.read_text(errors="replace"))


def _of_description(urdf: str, base: str | None, tip: str | None, task: str) -> ServedArm:
    if "<" not in urdf:
        raise InvalidArmError("must be a URDF's text; a file is given by its name as arm")
    return ServedArm(PlanarArm.from_urdf(urdf, base, tip, task=task), urdf)


def _read(name: str, read: Callable[[], ServedArm]) -> ServedArm:
    try:
        return read()
    except (ArmFileError, InvalidArmError) as error:
        raise InvalidParameterError(name, str(error)) from None
