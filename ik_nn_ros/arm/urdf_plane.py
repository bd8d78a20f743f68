"""A URDF's chain as a planar arm: the one place that knows what of a robot is planar.

With all joints at zero, the link between two parallel axes has a length and a bearing in their
plane. A joint that turns adds to the bearings of all links after it, so that link i heads for

    heading_i = bearing_i + sum_(k <= i) sign_k q_k,    theta_i = heading_i - heading_(i-1)
                                                               = zero_i + sign_i q_i,

where zero_i is the difference of the bearings, whatever offsets and fixed turns are on the way.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal, NamedTuple

import numpy as np

from ik_nn_ros.arm.frames import rotation, rpy_of, turn, turns_about_z
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.arm.urdf import MOVING, UrdfChain, UrdfJoint
from ik_nn_ros.arm.urdf_priors import GRID, Values, prior_fields, rounded
from ik_nn_ros.errors import UrdfError

PARALLEL = 1e-5  # [rad]: what is left of a right angle that was written as 1.5708
SHORT = 1e-9  # of all lengths: a link below has none
STEEP = 0.55  # of a normal's z: no angle that planes are tilted by, 45 or 60 degrees, is near

_logger = logging.getLogger(__name__)


class Station(NamedTuple):
    """A joint that is not held, with all joints at zero.

    Attributes:
        joint: what the URDF says of it.
        frame: (3, 3) its orientation in the base link's frame.
        step: (3,) in its own frame to the next one, from the last one to the tip [m].
    """

    joint: UrdfJoint
    frame: np.ndarray
    step: np.ndarray

    @property
    def axis(self) -> np.ndarray:
        """The joint's axis (3,) in the base link's frame."""
        return self.frame @ self.joint.axis

    @property
    def height(self) -> float:
        """How far the step goes along the axis [m]."""
        return float(self.step @ self.joint.axis)

    @property
    def length(self) -> float:
        """How far the step goes across the axis [m]."""
        # In the joint's own frame, where that a link is 0.3 m long is not lost in rounding.
        return math.hypot(*(self.step - np.multiply(self.joint.axis, self.height)))


class Stations(NamedTuple):
    """The joints that are not held, and the tip, with all joints at zero.

    Attributes:
        start: (3,) where the first joint is in the base link's frame [m].
        joints: base first.
        tip: (3, 3) the tip link's orientation there.
    """

    start: np.ndarray
    joints: tuple[Station, ...]
    tip: np.ndarray

    @property
    def short(self) -> float:
        """What counts as no length [m]."""
        return SHORT * sum(math.hypot(*station.step) for station in self.joints)


class Plane(NamedTuple):
    """The plane that an arm moves in.

    Attributes:
        rpy: its orientation in the base link's frame [rad]; z is the normal.
        rail: whether the first joint carries the arm along y.
    """

    rpy: tuple[float, ...]
    rail: bool

    @property
    def axes(self) -> np.ndarray:
        """Its x, y and normal as columns (3, 3)."""
        return rotation(self.rpy)


def arm_fields(
    chain: UrdfChain,
    held: Mapping[str, float] | None,
    task: Literal["position", "pose"],
    **priors: Values,
) -> dict[str, Any]:
    """The fields of the `PlanarArm` that a chain is; see `PlanarArm.from_urdf`.

    Raises:
        UrdfError: the chain is no planar arm, or the priors make no sense.
    """
    if task not in ("position", "pose"):
        raise UrdfError(None, f"task must be position or pose, got {task!r}")
    for joint in chain.joints:
        _check_kind(joint)
    asked = _checked_held(chain, held)
    stations, plane, held = _in_plane(chain, asked, task)
    for name, value in held.items():
        if name not in asked:
            _logger.info("joint %s moves nothing within the plane and is held at %g", name, value)
    joints = [station.joint for station in stations.joints]
    lengths, bearings, lever = _links(stations, plane, task)
    bends = [_wrapped(bend) for bend in np.diff(bearings, prepend=0.0)]
    zeros = [0.0] * plane.rail + [rounded(bend) for bend in bends]
    signs = [
        1 if station.joint.slides or station.axis @ plane.axes[:, 2] > 0.0 else -1
        for station in stations.joints
    ]
    values = list(zip(joints, signs, zeros, strict=True))
    return {
        "link_lengths": lengths,
        "base": "rail" if plane.rail else "revolute",
        "joint_names": [joint.name for joint in joints],
        "joint_limits": [_seen(joint.limits, sign, zero) for joint, sign, zero in values],
        **prior_fields(values, **priors),
        "mount": Mount(
            signs=signs,
            zeros=zeros,
            velocity_limits=[joint.velocity for joint in joints],
            lever=lever,
            base_link=chain.base,
            tip_link=chain.tip,
            held=held,
            **_poses(stations, plane, sum(zeros)),
        ),
    }


def _check_kind(joint: UrdfJoint) -> None:
    if joint.mimics is not None:
        raise UrdfError(joint.name, f"mimics {joint.mimics[:80]!r}: such joints are not supported")
    if joint.moves and joint.kind not in MOVING:
        reason = f"the joints of a planar arm are {', '.join(MOVING)} or fixed"
        raise UrdfError(joint.name, f"has the type {joint.kind[:40]!r}: {reason}")


def _checked_held(chain: UrdfChain, held: Mapping[str, float] | None) -> dict[str, float]:
    if not isinstance(held, Mapping | None):
        raise UrdfError(None, f"held must be values by the names of joints, got {held!r}")
    held = held or {}
    joints = {joint.name: joint for joint in chain.joints if joint.moves}
    for name, value in held.items():
        if name not in joints:
            raise UrdfError(str(name), f"cannot be held; joints that move: {', '.join(joints)}")
        number = isinstance(value, Real) and math.isfinite(value)
        lower, upper = joints[name].limits or (-math.inf, math.inf)
        if not (number and lower <= value <= upper):
            raise UrdfError(name, f"is to be held within {lower:g} to {upper:g}, got {value!r}")
    return {name: float(value) for name, value in held.items()}


def _in_plane(
    chain: UrdfChain, held: dict[str, float], task: str
) -> tuple[Stations, Plane, dict[str, float]]:
    """The joints that move the tip in its plane, the plane, and all that are carried along."""
    stations = _stations(chain, held)
    normal, first = _normal(stations)
    slides = [
        station.joint
        for station in stations.joints
        if station.joint.slides and _angle(station.axis, normal) <= PARALLEL
    ]
    if slides:
        return _in_plane(chain, held | {one.name: _nearest_to_zero(one) for one in slides}, task)
    for index, station in enumerate(stations.joints):
        _check_axis(station, index, normal, first)
    rail = stations.joints[0].joint.slides
    plane = _plane(normal, stations.joints[0].axis if rail else None)
    last = stations.joints[-1]
    if task == "position" and not last.joint.slides and last.length <= stations.short:
        return _in_plane(chain, held | {last.joint.name: _nearest_to_zero(last.joint)}, task)
    if len(stations.joints) < 2:
        reason = "two or more joints must move the tip in a plane"
        raise UrdfError(chain.tip, f"is moved by {stations.joints[0].joint.name!r} alone: {reason}")
    return stations, plane, held


def _stations(chain: UrdfChain, held: Mapping[str, float]) -> Stations:
    joints, frames, steps = [], [np.eye(3)], []
    step, turned = np.zeros(3), np.eye(3)  # from the last of these frames to where we are
    for joint in chain.joints:
        step = step + turned @ joint.xyz
        turned = turned @ rotation(joint.rpy)
        if joint.name in held and joint.slides:
            step = step + turned @ np.multiply(joint.axis, held[joint.name])
        elif joint.name in held:
            turned = turned @ turn(joint.axis, held[joint.name])
        elif joint.moves:
            joints.append(joint)
            frames.append(frames[-1] @ turned)
            steps.append(step)
            step, turned = np.zeros(3), np.eye(3)
    start, *steps = *steps, step
    stations = map(Station, joints, frames[1:], steps)
    return Stations(start, tuple(stations), frames[-1] @ turned)


def _normal(stations: Stations) -> tuple[np.ndarray, str]:
    """The plane's normal (3,), or its opposite, and the joint that decides about it."""
    for station in stations.joints:
        if not station.joint.slides:
            return station.axis, station.joint.name
    raise UrdfError(None, "has no revolute or continuous joint that could move the tip in a plane")


def _plane(normal: np.ndarray, rail: np.ndarray | None) -> Plane:
    rpy = orientation(normal)
    if rail is not None:
        normal = rotation(rpy)[:, 2]
        y = rail - (rail @ normal) * normal
        y = y / math.hypot(*y)
        rpy = rpy_of(np.column_stack((np.cross(y, normal), y, normal)))
    return Plane(tuple(rounded(angle) for angle in rpy), rail is not None)


def orientation(normal: np.ndarray) -> tuple[float, float, float]:
    """The rpy of a plane that is seen from above [rad].

    One that lies flat, or nearly so, has the axes of the base link; of a steep one x is level, and
    y points upwards. One angle is 0 either way: it stays 0 when the others are rounded.
    """
    if abs(normal[2]) > STEEP:
        x, y, z = normal if normal[2] > 0.0 else -normal
        return math.atan2(-y, math.hypot(x, z)), math.atan2(x, z), 0.0
    parts = (normal[2], -normal[1], normal[0])
    first = next(part for part in parts if abs(part) > PARALLEL)
    x, y, z = normal if first > 0.0 else -normal
    return math.atan2(math.hypot(x, y), z), 0.0, math.atan2(x, -y)


def _check_axis(station: Station, index: int, normal: np.ndarray, first: str) -> None:
    joint, off = station.joint, _angle(station.axis, normal)
    if not joint.slides:
        if off > PARALLEL:
            reason = f"is skew: its axis is {math.degrees(off):.4g} degrees off that of {first!r}"
            raise UrdfError(joint.name, f"{reason}; an arm's are parallel, unless it is held")
    elif 0.5 * math.pi - off > PARALLEL:
        reason = f"slides {math.degrees(off):.4g} degrees off the axis of {first!r}"
        raise UrdfError(joint.name, f"{reason}; a slide is parallel to it, a rail at right angles")
    elif index > 0:
        reason = "slides within the arm's plane, which only a rail before all other joints may"
        raise UrdfError(joint.name, f"{reason}; it can be held")


def _angle(axis: np.ndarray, normal: np.ndarray) -> float:
    """Between two lines, 0 to a right angle [rad]."""
    return math.atan2(math.hypot(*np.cross(axis, normal)), abs(axis @ normal))


def _nearest_to_zero(joint: UrdfJoint) -> float:
    lower, upper = joint.limits or (-math.inf, math.inf)
    return min(max(0.0, lower), upper)


def _links(stations: Stations, plane: Plane, task: str) -> tuple[list[float], list[float], float]:
    """Lengths [m] and bearings [rad] of the links at zero, and the length of a lever [m]."""
    turning = stations.joints[plane.rail :]
    lengths = [station.length for station in turning]
    bearings = [_bearing(station.frame @ station.step, plane) for station in turning]
    lever = 0.0
    if task == "pose" and len(lengths) > 1 and lengths[-1] <= stations.short:
        lever = lengths[-1] = sum(lengths[:-1]) / len(lengths[:-1])
        x, y, _ = stations.tip.T
        # The tip's x axis, unless that is the one which points out of the plane.
        bearings[-1] = _bearing(x if _angle(x, plane.axes[:, 2]) > 0.5 else y, plane)
    for index, station in enumerate(turning):
        if lengths[index] <= stations.short:
            last = index == len(turning) - 1
            what = "the tip" if last else f"the axis of {turning[index + 1].joint.name!r}"
            raise UrdfError(station.joint.name, f"turns about {what}; it can be held")
    return lengths, bearings, lever


def _bearing(step: np.ndarray, plane: Plane) -> float:
    return math.atan2(step @ plane.axes[:, 1], step @ plane.axes[:, 0])


def _poses(stations: Stations, plane: Plane, heading: float) -> dict[str, Any]:
    """Where the plane is, and how the tip link is turned, as fields of a `Mount`."""
    base, normal = stations.start, plane.axes[:, 2]
    if plane.rail:
        carriage, *_ = stations.joints
        base = base + carriage.frame @ carriage.step
    height = sum(
        math.copysign(station.height, station.height * (station.axis @ normal))
        for station in stations.joints[plane.rail :]
    )
    tip = (plane.axes @ turns_about_z(heading)).T @ stations.tip
    return {
        "xyz": base + normal * height,
        "rpy": plane.rpy,
        "tip_rpy": [rounded(angle) for angle in rpy_of(tip)],
    }


def _wrapped(angle: float) -> float:
    """The same angle in (-pi, pi], half a turn always the positive one [rad]."""
    angle = math.remainder(angle, 2.0 * math.pi)
    return angle + 2.0 * math.pi if angle < -math.pi + GRID else angle


def _seen(limits: tuple[float, float] | None, sign: int, zero: float) -> tuple[float, float] | None:
    """A joint's limits as the arm sees them, so that no theta within them is a q beyond its own.

    The way there and back is exact for multiples of the grid: where there is a zero, the limits
    are rounded inwards to it.
    """
    if limits is None:
        return None
    lower, upper = limits
    if zero != 0.0:
        lower, upper = math.ceil(lower / GRID) * GRID, math.floor(upper / GRID) * GRID
    lower, upper = sorted((sign * lower, sign * upper))
    return lower + zero, upper + zero
