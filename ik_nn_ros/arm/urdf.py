"""URDF, the XML in which ROS describes robots: the chain of joints from a base to a tip.

Descriptions come from others. A document type, and with it every entity, is refused; so are files
beyond a size that no robot has.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ik_nn_ros.errors import UrdfError
from ik_nn_ros.texts import LONGEST_PATH, shown
from ik_nn_ros.user_path import user_path

MOST_BYTES = 5_000_000  # of a description; those of humanoids have a tenth
MOST_ELEMENTS = 100_000
MOST_DEPTH = 50  # of elements within elements
MOST = 1e6  # a number beyond, in [m] or [rad], is a mistake
SHOWN = 8  # names in a sentence

MOVING = ("revolute", "continuous", "prismatic")
PRIOR = "ik_prior"  # our own element in a joint, which other readers of URDF pass over

Triple = tuple[float, float, float]


class JointPrior(NamedTuple):
    """What a joint's own element says of its prior, in the URDF's joint values.

    Attributes:
        prior: "normal" or "uniform".
        mean, std: of a normal.
        limited: whether the joint's limits are real, or there because a URDF must state some.
    """

    prior: str
    mean: float | None
    std: float | None
    limited: bool


class UrdfJoint(NamedTuple):
    """A joint as a URDF has it.

    Attributes:
        name: of the joint.
        kind: "revolute", "continuous", "prismatic", "fixed", ...
        mimics: the joint whose motion it follows, or None.
        xyz, rpy: its origin in the frame of the link before it [m], [rad].
        axis: in its own frame, as it is stated.
        limits: (lower, upper) [rad] or [m]; None where it has none.
        velocity: its limit [rad/s] or [m/s]; None where none, or 0, is stated.
        prior: see `JointPrior`, or None.
    """

    name: str
    kind: str
    mimics: str | None
    xyz: Triple
    rpy: Triple
    axis: Triple
    limits: tuple[float, float] | None
    velocity: float | None
    prior: JointPrior | None

    @property
    def moves(self) -> bool:
        """Whether it has a value."""
        return self.kind != "fixed"

    @property
    def slides(self) -> bool:
        """Whether its value is a distance."""
        return self.kind == "prismatic"


class UrdfChain(NamedTuple):
    """The joints on the way from a base link to a tip link."""

    base: str
    tip: str
    joints: tuple[UrdfJoint, ...]


def read_chain(source: str | bytes | Path, base: str | None, tip: str | None) -> UrdfChain:
    """The chain from a base to a tip link.

    Args:
        source: a file; or the XML itself, bytes or a text that has a "<" in it.
        base: None: the link that carries all others.
        tip: None: the only link that carries no other.

    Raises:
        UrdfError: see `UrdfError.reason`.
    """
    robot = _parsed(_content(source))
    if robot.tag != "robot":
        raise UrdfError(None, f"the outermost element must be <robot>, got <{robot.tag[:40]}>")
    links = _names(robot, "link")
    _names(robot, "joint")
    above = _joints_above(robot, links)
    base, tip = _ends(links, above, base, tip)
    way: list[Element] = []
    link = tip
    while link != base:
        if link not in above or len(way) > len(links):
            ring = "goes round in a circle" if link in above else f"begins at {link!r}"
            raise UrdfError(tip, f"is not carried by {base!r}: the chain above it {ring}")
        way.append(above[link])
        link = above[link].find("parent").get("link")
    return UrdfChain(base, tip, tuple(_joint(element) for element in reversed(way)))


def _content(source: str | bytes | Path) -> str | bytes:
    if isinstance(source, bytes) or (isinstance(source, str) and "<" in source):
        content = source
    else:
        try:
            path = user_path(source)
            # A device or a pipe is never read.
            if path.exists() and not path.is_file():
                raise UrdfError(None, f"{shown(source, LONGEST_PATH)} is no file")
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UrdfError(
                None, f"{shown(source, LONGEST_PATH)} cannot be read: {reason}"
            ) from None
    if len(content) > MOST_BYTES:
        raise UrdfError(None, f"must have at most {MOST_BYTES} bytes")
    return content


def _parsed(content: str | bytes) -> Element:
    builder, parser, depth, count = TreeBuilder(), expat.ParserCreate(), 0, 0

    def refuse(*_: object) -> None:
        raise UrdfError(None, "must not declare a document type or entities")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if count > MOST_ELEMENTS:
            raise UrdfError(None, f"must have at most {MOST_ELEMENTS} elements")
        if depth > MOST_DEPTH:
            raise UrdfError(None, f"must not have more than {MOST_DEPTH} elements in one another")
        if tag.startswith("xacro:"):
            raise UrdfError(None, "is a xacro file: `xacro FILE > robot.urdf` makes a URDF of it")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # an unknown encoding, too
        raise UrdfError(None, f"is not XML: {error}") from None
    return builder.close()


def _names(robot: Element, tag: str) -> set[str]:
    """The names of all links or joints, each there once."""
    counts = Counter(element.get("name") for element in robot.findall(tag))
    if None in counts or "" in counts:
        raise UrdfError(None, f"every <{tag}> must have a name")
    for name, count in counts.items():
        if count > 1:
            raise UrdfError(name, f"is the name of {count} {tag}s")
    return set(counts)


def _joints_above(robot: Element, links: set[str]) -> dict[str, Element]:
    """The joint that carries each link, if any does."""
    above: dict[str, Element] = {}
    for joint in robot.findall("joint"):
        name = joint.get("name")
        for role in ("parent", "child"):
            end = joint.find(role)
            link = None if end is None else end.get("link")
            if link not in links:
                raise UrdfError(name, f"has a {role} link that is not there: {link!r}")
        if link in above:
            raise UrdfError(link, f"is carried by two joints, {above[link].get('name')} and {name}")
        above[link] = joint
    return above


def _ends(
    links: set[str], above: dict[str, Element], base: str | None, tip: str | None
) -> tuple[str, str]:
    """The base and the tip link, found where they are not said."""
    for role, link in (("base", base), ("tip", tip)):
        if link is not None and link not in links:
            raise UrdfError(link, f"is no link, and cannot be the {role}; links: {_some(links)}")
    if base is None:
        base = _only("base", sorted(links - above.keys()))
    if tip is None:
        carriers = {joint.find("parent").get("link") for joint in above.values()}
        tip = _only("tip", sorted((links - carriers) - {base}))
    return base, tip


def _only(role: str, links: list[str]) -> str:
    if len(links) != 1:
        choice = f"there are {len(links)}: {_some(links)}" if links else "there is none"
        raise UrdfError(None, f"say which link is the {role} ({role}=...), {choice}")
    return links[0]


def _some(names: set[str] | list[str]) -> str:
    shown = [name[:60] for name in sorted(names)[:SHOWN]]
    return ", ".join(shown + ["..."] * (len(names) > SHOWN))


def _joint(element: Element) -> UrdfJoint:
    name, kind = element.get("name"), element.get("type", "none")
    mimic = element.find("mimic")
    axis = _triple(name, element.find("axis"), "xyz", (1.0, 0.0, 0.0))
    length = math.hypot(*axis)
    if kind in MOVING and length < 1e-6:
        raise UrdfError(name, f"has an axis without direction: {axis}")
    prior = _prior(name, element.find(PRIOR))
    limit = element.find("limit")
    velocity = next(_numbers(name, limit, "velocity", 1), 0.0)
    if velocity < 0.0:
        raise UrdfError(name, f"has a velocity limit below 0: {velocity:g}")
    return UrdfJoint(
        name,
        kind,
        None if mimic is None else mimic.get("joint", "another joint"),
        _triple(name, element.find("origin"), "xyz", (0.0, 0.0, 0.0)),
        _triple(name, element.find("origin"), "rpy", (0.0, 0.0, 0.0)),
        tuple(part / length for part in axis) if length else axis,
        _limits(name, kind, limit) if prior is None or prior.limited else None,
        velocity or None,
        prior,
    )


def _limits(name: str, kind: str, limit: Element | None) -> tuple[float, float] | None:
    if kind not in ("revolute", "prismatic"):
        return None
    if limit is None:
        raise UrdfError(name, f"is {kind} and must have limits, <limit lower=... upper=.../>")
    lower, upper = (next(_numbers(name, limit, end, 1), 0.0) for end in ("lower", "upper"))
    if not lower < upper:
        raise UrdfError(name, f"has limits that leave it no motion: {lower:g} to {upper:g}")
    return lower, upper


def _prior(name: str, element: Element | None) -> JointPrior | None:
    if element is None:
        return None
    prior = element.get("prior", "uniform")
    mean = next(_numbers(name, element, "mean", 1), None)
    std = next(_numbers(name, element, "std", 1), None)
    return JointPrior(prior, mean, std, element.get("limited") != "false")


def _triple(name: str, element: Element | None, attribute: str, default: Triple) -> Triple:
    return tuple(_numbers(name, element, attribute, 3)) or default


def _numbers(name: str, element: Element | None, attribute: str, count: int) -> Iterator[float]:
    """The numbers of a joint's attribute; none where it is not there."""
    text = None if element is None else element.get(attribute)
    if text is None:
        return
    words = text.split()
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or "_" in text or not all(abs(number) <= MOST for number in numbers):
        wanted = f"{count} number{'s'[: count - 1]} of at most {MOST:g}"
        raise UrdfError(name, f"has {attribute}={text[:60]!r} in <{element.tag}>, must be {wanted}")
    yield from numbers
