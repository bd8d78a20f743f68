"""Arms of one's own from files: YAML, or the URDF of a robot."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from ik_nn_ros.arm.joints import TURN
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.urdf_priors import MOST_TURNS
from ik_nn_ros.arm.yaml_file import read_yaml
from ik_nn_ros.errors import ArmFileError, InvalidArmError
from ik_nn_ros.texts import shown
from ik_nn_ros.user_path import user_path

YAML, URDF = (".yaml", ".yml"), (".urdf", ".xml")
LINKS = {"base_link": "base", "tip_link": "tip"}  # in a file, where `base` is a kind of joint
URDF_KEYS = (*LINKS, "held", "task", "prior", "prior_mean", "prior_std")


def load_arm(
    path: str | Path, base: str | None = None, tip: str | None = None, task: str = "position"
) -> PlanarArm:
    """The arm in a file.

    A YAML file has a section ``arm`` with the fields of a `PlanarArm`, as a training has one (its
    other sections are passed over)::

        arm:
          link_lengths: [0.4, 0.3, 0.25]  # [m]
          joint_limits: [[-2.5, 2.5], [0.2, 2.4], [0.2, 2.4]]  # [rad]
          prior: uniform

    or, beside the URDF of a robot, with its name and what `PlanarArm.from_urdf` takes::

        arm:
          urdf: scara.urdf  # from the folder that this file is in
          tip_link: tool0
          prior_std: {elbow: 0.5}  # [rad]; the other joints keep the default

    A URDF alone has the default priors.

    >>> load_arm("config/train/cinn_6.yaml") == PlanarArm.of_paper(6)
    True

    Args:
        path: ending with .yaml, .yml, .urdf or .xml.
        base, tip: links of the URDF, see `PlanarArm.from_urdf`; None: as the file says.
        task: what will be asked of a URDF's tip, where the file does not say.

    Raises:
        ArmFileError: the file is missing, too large or of another kind, or there is no arm in it
            that can exist; its cause is the error that says so.
    """
    path = _expanded(path)
    try:
        if path.suffix.lower() in URDF:
            return PlanarArm.from_urdf(path, base, tip, task=task)
        if path.suffix.lower() in YAML:
            return _from_section(path, _section(path), base, tip, task)
    except InvalidArmError as error:
        raise ArmFileError(path, str(error)) from error
    reason = f"must be YAML ({', '.join(YAML)}) or a URDF ({', '.join(URDF)})"
    if path.suffix.lower() == ".xacro":
        reason = f"is a xacro file: `xacro {path.name} > robot.urdf` makes a URDF of it"
    raise ArmFileError(path, reason)


def urdf_of_file(path: str | Path) -> Path | None:
    """The URDF that the arm in a file comes from, or None; of a file that `load_arm` reads."""
    path = _expanded(path)
    if path.suffix.lower() in URDF:
        return path
    urdf = _section(path).get("urdf")
    return None if urdf is None else _beside(path, urdf)


def _expanded(path: str | Path) -> Path:
    try:
        return user_path(path)
    except ValueError as error:
        raise ArmFileError(Path(str(path)), f"is no path: {error}") from None


def _beside(path: Path, urdf: Any) -> Path:
    """The URDF that a file names, from the folder that the file is in."""
    try:
        return path.parent / user_path(urdf)
    except ValueError as error:
        raise ArmFileError(path, f"arm: `urdf` is no path: {error}") from None


def _section(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except ValueError as error:
        raise ArmFileError(path, str(error)) from None
    section = content.get("arm") if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise ArmFileError(path, "must have a section `arm` with the fields of an arm")
    return section


def _from_section(
    path: Path, section: dict[str, Any], base: str | None, tip: str | None, task: str
) -> PlanarArm:
    urdf = section.pop("urdf", None)
    if urdf is None:
        if base is not None or tip is not None:
            raise ArmFileError(
                path, "names no `urdf`, so there are no base and tip links to choose"
            )
        allowed = [field.name for field in fields(PlanarArm)]
    else:
        allowed = ["urdf", *URDF_KEYS]
    unknown = [str(key)[:60] for key in section if key not in allowed]
    if unknown:
        allows = ", ".join(allowed)
        raise ArmFileError(path, f"arm: unknown key {', '.join(unknown)}; allowed: {allows}")
    try:
        if urdf is None:
            arm = PlanarArm.from_dict(section)
            _require_radians(path, arm)
            return arm
        options = {"task": task}
        options |= {LINKS.get(key, key): value for key, value in section.items()}
        options |= {key: link for key, link in (("base", base), ("tip", tip)) if link is not None}
        return PlanarArm.from_urdf(_beside(path, urdf), **options)
    except (AttributeError, TypeError) as error:
        raise ArmFileError(path, f"arm: a value of a wrong type: {error}") from None


def _require_radians(path: Path, arm: PlanarArm) -> None:
    """No joint turns as far as limits that are written in degrees say."""
    for joint in arm.joints:
        if joint.is_angle and joint.limits and joint.upper - joint.lower > MOST_TURNS * TURN:
            given = " and ".join(f"{limit:g}" for limit in joint.limits)
            reason = f"joint_limits are in radians, at most {MOST_TURNS} turns apart"
            raise ArmFileError(path, f"arm: joint {shown(joint.name)}: {reason}, got {given}")
