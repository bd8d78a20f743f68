"""An arm written as a URDF, with links to look at; the inverse of reading it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ik_nn_ros.arm.joints import Joint
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.arm.urdf import PRIOR

WIDTH = 0.03  # of a link over the sum of all: an arm of a few centimetres is as slender as any
FAR = 10.0  # deviations: limits for a rail without any, since a URDF must state some
COLOUR = "0.25 0.45 0.7 1"


def urdf_of(name: str, joints: Sequence[Joint], link_lengths: Sequence[float], mount: Mount) -> str:
    """See `PlanarArm.to_urdf`.

    Args:
        name: of the robot.
        joints: of the arm, base first.
        link_lengths: one for each that turns [m].
        mount: how the arm stands in the robot.
    """
    robot = Element("robot", name=name)
    SubElement(SubElement(robot, "material", name="arm"), "color", rgba=COLOUR)
    taken = {mount.base_link, mount.tip_link} | {joint.name for joint in joints}
    links = [_free(f"link_{index + 1}", taken) for index in range(len(joints))]
    plane, foot, end = (_free(name, taken) for name in ("plane", "plane_joint", "tip_joint"))
    lengths = [0.0] * (len(joints) - len(link_lengths)) + list(link_lengths)
    lengths[-1] -= mount.lever
    width = WIDTH * sum(lengths)
    SubElement(robot, "link", name=mount.base_link)
    _add(robot, foot, "fixed", mount.base_link, plane, mount.xyz, mount.rpy)
    parent, ahead = plane, 0.0
    for index, (joint, link, length) in enumerate(zip(joints, links, lengths, strict=True)):
        _, zero, _ = mount.of_joint(index)
        if joint.kind == "rail":
            placed, body = _add(robot, joint.name, "prismatic", parent, link, (0.0, zero, 0.0))
        else:
            xyz, rpy = (ahead, 0.0, 0.0), (0.0, 0.0, zero)
            placed, body = _add(robot, joint.name, joint.kind, parent, link, xyz, rpy)
        _describe(placed, joint, *mount.of_joint(index))
        _show(body, length, width)
        parent, ahead = link, length
    _add(robot, end, "fixed", parent, mount.tip_link, (ahead, 0.0, 0.0), mount.tip_rpy)
    indent(robot)
    return tostring(robot, encoding="unicode", xml_declaration=True) + "\n"


def _free(name: str, taken: set[str]) -> str:
    """A name that nothing else has, from now on taken."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _add(
    robot: Element,
    name: str,
    kind: str,
    parent: str,
    child: str,
    xyz: Sequence[float],
    rpy: Sequence[float] = (0.0, 0.0, 0.0),
) -> tuple[Element, Element]:
    """A joint and the link that it carries."""
    joint = SubElement(robot, "joint", name=name, type=kind)
    SubElement(joint, "parent", link=parent)
    SubElement(joint, "child", link=child)
    SubElement(joint, "origin", xyz=_text(*xyz), rpy=_text(*rpy))
    return joint, SubElement(robot, "link", name=child)


def _describe(
    element: Element, joint: Joint, sign: int, zero: float, velocity: float | None
) -> None:
    """Axis, limits and prior of a joint that moves, in the robot's joint values."""
    axis = (0.0, sign, 0.0) if joint.kind == "rail" else (0.0, 0.0, sign)
    SubElement(element, "axis", xyz=_text(*axis))
    seen = joint.limits
    if seen is None and joint.kind == "rail":
        seen = (joint.mean - FAR * joint.std, joint.mean + FAR * joint.std)
    limit = {"effort": "0", "velocity": _text(velocity or 0.0)}
    if seen is not None:
        lower, upper = sorted(sign * (end - zero) for end in seen)
        limit |= {"lower": _text(lower), "upper": _text(upper)}
    if seen is not None or velocity is not None:
        SubElement(element, "limit", limit)
    if joint.std is not None:
        prior = {"mean": _text(sign * (joint.mean - zero)), "std": _text(joint.std)}
        real = "true" if seen == joint.limits else "false"
        SubElement(element, PRIOR, prior="normal", **prior, limited=real)


def _show(link: Element, length: float, width: float) -> None:
    """A box along the link, and a cylinder about the joint that carries it."""
    for shape, size, x in (
        ("cylinder", {"radius": _text(width), "length": _text(1.5 * width)}, 0.0),
        ("box", {"size": _text(length, width, width)}, 0.5 * length),
    ):
        if shape == "box" and length <= 0.0:
            continue
        visual = SubElement(link, "visual")
        SubElement(visual, "origin", xyz=_text(x, 0.0, 0.0), rpy=_text(0.0, 0.0, 0.0))
        SubElement(SubElement(visual, "geometry"), shape, size)
        SubElement(visual, "material", name="arm")


def _text(*numbers: float) -> str:
    """Numbers that are read again as what they are."""
    return " ".join(repr(float(number) + 0.0) for number in numbers)
