"""The planar arm: joints with their priors, links and kinematics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ik_nn_ros.arm.base_joint import BASE_JOINTS, BaseJoint
from ik_nn_ros.arm.fields import (
    Limits,
    Prior,
    checked_joints,
    checked_lengths,
    checked_mount,
    checked_names,
)
from ik_nn_ros.arm.joints import AT_LIMIT, Joint
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.arm.urdf import read_chain
from ik_nn_ros.arm.urdf_plane import arm_fields
from ik_nn_ros.arm.urdf_writer import urdf_of
from ik_nn_ros.arrays import Array, floating, matching, namespace, wrapped
from ik_nn_ros.errors import InvalidArmError, InvalidRequestError

CHUNK_SIZE = 4096  # configurations at a time: bounds the memory of large requests
PAPER_LINK_LENGTH = 0.5  # [m], all links but the last; follows from the paper's figures
PAPER_LAST_LINK_LENGTH = 1.0  # [m]
WIDE_STD = 0.4  # [rad], from which on both sides of half a turn have more than 1e-14 of the density


@dataclass(frozen=True)
class PlanarArm:
    """A planar arm of N joints with its base at the origin.

    Joint positions ``theta`` are arrays (..., N) [rad], each relative to the previous link; points
    are arrays (..., 2) [m]. The kinematics take NumPy arrays and torch tensors alike and return
    what they were given. On a rail the first joint is in metres wherever others are in radians.

    >>> arm = PlanarArm([0.3, 0.25, 0.2], prior_mean=[0.0, 0.8, 0.8], prior_std=0.5,
    ...                 joint_limits=[(-2.5, 2.5), (0.2, 2.4), (0.2, 2.4)])
    >>> arm.forward(np.array([0.0, 0.8, 0.8])).round(3)
    array([0.468, 0.379])

    What is said of joints is one value for all of them or a sequence of one per joint; each is kept
    as a tuple of one per joint, but for a prior that all share and for limits that none has.

    Args:
        link_lengths: one length for each revolute joint [m], all positive.
        prior_std: deviation of each normal prior, before it is truncated; None: 0.2. A uniform
            prior has none: None, or what it amounts to (pi / sqrt(3) of a circle). Kept as None.
        joint_limits: (lower, upper), or None for a joint without limits. They truncate the prior.
        prior: "normal", or "uniform": within the joint's limits or, without any, on the circle.
        base: "revolute", N links turn about N joints; or "rail", the first joint carries the arm
            along y (the benchmark of Kruse et al. 2021, arXiv 2101.10763).
        prior_mean: of each normal prior, before it is truncated. A uniform prior has none: None, or
            the middle of its limits. Kept as None.
        joint_names: one per joint; None: joint_1 to joint_N.
        mount: how the arm stands in a robot, whose joint values count from zeros of their own; the
            kinematics, priors and limits here know nothing of it.

    Attributes:
        joints: the joints, base first.

    Raises:
        InvalidArmError: fewer than two joints, a length that is not positive, an unknown base, not
            one value for each joint, names that are empty or not distinct; or see `Joint`.
    """

    link_lengths: tuple[float, ...]
    prior_std: float | tuple[float | None, ...] | None = None
    joint_limits: tuple[Limits | None, ...] | None = None
    prior: Prior | tuple[Prior, ...] = "normal"
    base: Literal["revolute", "rail"] = "revolute"
    prior_mean: float | tuple[float | None, ...] = 0.0
    joint_names: tuple[str, ...] | None = None
    mount: Mount = Mount()

    def __post_init__(self) -> None:
        if not isinstance(self.base, str) or self.base not in BASE_JOINTS:
            raise InvalidArmError(f"base must be {' or '.join(BASE_JOINTS)}, got {self.base!r}")
        self._keep(link_lengths=checked_lengths(self.link_lengths, self.base))
        self._keep(joint_names=checked_names(self.joint_names, self.dof))
        self._keep(mount=checked_mount(self.mount, self.dof))
        joints = self.joints
        priors = tuple(joint.prior for joint in joints)
        limits = tuple(joint.limits for joint in joints)
        normal = [joint.prior == "normal" for joint in joints]
        self._keep(
            prior=priors[0] if len(set(priors)) == 1 else priors,
            prior_std=tuple(joint.std for joint in joints),
            prior_mean=tuple(
                joint.mean if has_mean else None
                for joint, has_mean in zip(joints, normal, strict=True)
            ),
            joint_limits=limits if any(limits) else None,
        )

    def _keep(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @cached_property
    def joints(self) -> tuple[Joint, ...]:
        """The joints and their priors, base first."""
        return checked_joints(
            self.joint_names,
            self.base == "rail",
            self.prior,
            self.prior_mean,
            self.prior_std,
            self.joint_limits,
        )

    @classmethod
    def of_paper(cls, dof: int) -> PlanarArm:
        """The paper's arm of ``dof`` joints: links of 0.5 m and a last link of 1.0 m."""
        return cls((PAPER_LINK_LENGTH,) * (dof - 1) + (PAPER_LAST_LINK_LENGTH,))

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> PlanarArm:
        """The inverse of `to_dict`."""
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """The arm as plain numbers and lists, ready for JSON; without a mount that says nothing."""
        fields = asdict(self)
        if fields["mount"] == asdict(Mount()):
            del fields["mount"]
        return fields

    @classmethod
    def from_urdf(
        cls,
        source: str | bytes | Path,
        base: str | None = None,
        tip: str | None = None,
        *,
        held: Mapping[str, float] | None = None,
        task: Literal["position", "pose"] = "position",
        prior: str | Mapping[str, str] | None = None,
        prior_mean: float | Mapping[str, float] | None = None,
        prior_std: float | Mapping[str, float] | None = None,
    ) -> PlanarArm:
        """The planar arm between two links of a robot, from its description.

        The axes that move the tip must be parallel, to 1e-5 rad; the plane may lie anywhere, the
        axes point either way, the links have offsets and the fixed joints any orientation. A rail,
        a first joint that slides within the plane, becomes the arm's y axis. A joint that slides
        along the common axis and, for positions, a last one whose axis goes through the tip move
        nothing within the plane: they are carried along, at 0 or the limit nearest to it. Any other
        joint is held where ``held`` says so: of a robot of six joints, three parallel ones are an
        arm while the others are held. ``arm.mount`` has the way between the robot's joint values
        and the arm's joint positions, and between the base link's frame and the plane.

        The default prior is uniform, within the limits or on the circle: a description says what a
        robot can do, not what it should, and so no solution that it can take is rare; the ones that
        collide can be discarded, and the one nearest to where the robot is can be chosen. Whoever
        likes some positions better says so with a mean and a deviation.

        >>> arm = PlanarArm.from_urdf("test/core/arm/urdf/planar_3r.urdf", prior_std={"elbow": 0.5})
        >>> values = np.array([0.3, -0.4, 0.8])  # the robot's own, as in a JointState
        >>> theta = arm.mount.plane_values(values)
        >>> arm.mount.base_points(arm.forward(theta)).round(3)
        array([0.654, 0.388, 0.4  ])

        Args:
            source: a file, or the XML itself.
            base: the link in whose frame targets are; None: the one that carries all others.
            tip: the link that is brought to targets; None: the only one that carries no other.
            held: joints that keep a value [rad] or [m], by name.
            task: what will be asked of the tip. For "pose", a last joint whose axis goes through
                the tip is kept, as that which turns it; see `Mount.lever`.
            prior: "normal" or "uniform", for all joints or for some by name; None: what the
                description's <ik_prior> elements say (see `to_urdf`), normal where a mean or a
                deviation is given, else uniform.
            prior_mean: of normal priors, in the robot's joint values; None: the middle of the
                limits, 0 where there are none.
            prior_std: of normal priors, before they are truncated to the limits.

        Raises:
            UrdfError: no URDF, no such link, or no planar arm: the error names the joint.
            InvalidArmError: see `PlanarArm`.
        """
        chain = read_chain(source, base, tip)
        priors = {"prior": prior, "prior_mean": prior_mean, "prior_std": prior_std}
        return cls(**arm_fields(chain, held, task, **priors))

    def to_urdf(self, name: str = "arm") -> str:
        """A description of the arm as a robot: links to look at, joints, limits, in joint values.

        The joints' priors are in it as elements <ik_prior>, which other readers pass over, so that
        `from_urdf` gives an equal arm: if it has a mount, one from a URDF, too, and for the same
        task. Joints that were held are no longer in it.

        >>> arm = PlanarArm([0.3, 0.25, 0.2], prior_mean=[0.0, 0.8, 0.8], prior_std=0.5)
        >>> PlanarArm.from_urdf(arm.to_urdf()) == arm
        True

        Args:
            name: of the robot.
        """
        return urdf_of(name, self.joints, self.link_lengths, self.mount)

    @property
    def dof(self) -> int:
        """The number of joints N."""
        return len(self.link_lengths) + (self.base == "rail")

    @property
    def base_joint(self) -> BaseJoint:
        """What the first joint does."""
        return BASE_JOINTS[self.base]

    @cached_property
    def unit(self) -> float:
        """The length [m] by which lengths are judged: 2 L / (l + 1) for l links, L long together.

        1 m for the paper's arms, whose last link is as long as two others. What is small, near or
        far is a share of it: an arm that measures millimetres, or is written in them, is answered
        and measured as any other.
        """
        return 2.0 * sum(self.link_lengths) / (len(self.link_lengths) + 1)

    @cached_property
    def joint_units(self) -> np.ndarray:
        """By which joint positions are judged: 1 rad, of a rail the arm's unit [m]: (N,)."""
        return np.array([1.0 if joint.is_angle else self.unit for joint in self.joints])

    @property
    def full_circle(self) -> bool:
        """Whether all joints turn all the way: the prior knows no end of any angle."""
        return all(self._circles)

    @cached_property
    def joint_scale(self) -> tuple[float, ...]:
        """Standard deviation of each joint's prior as it is, limits included [rad]."""
        return tuple(joint.spread for joint in self.joints)

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper joint limits, infinite where there are none: (N,) each [rad]."""
        unlimited = (-math.inf, math.inf)
        lower, upper = np.transpose([joint.limits or unlimited for joint in self.joints])
        return lower, upper

    @property
    def reach(self) -> tuple[float, float]:
        """Smallest and largest distance of the TCP from the base, joint limits aside [m].

        From a rail the distance is x.
        """
        return self.base_joint.reach(self.link_lengths)

    def headings(self, theta: Array) -> Array:
        """Heading of the TCP from the x axis, not wrapped: (..., N) -> (...) [rad]."""
        return self._configurations(theta)[..., -len(self.link_lengths) :].sum(-1)

    @cached_property
    def wrist_arm(self) -> PlanarArm:
        """The arm without its last joint and link: what brings the wrist of a pose to its place.

        Raises:
            InvalidArmError: that leaves no arm.
        """
        kept = slice(-1)
        return PlanarArm(
            self.link_lengths[kept],
            self.prior_std[kept],
            self.joint_limits and self.joint_limits[kept],
            self.prior if isinstance(self.prior, str) else self.prior[kept],
            self.base,
            self.prior_mean[kept],
            self.joint_names[kept],
        )

    def joint_positions(self, theta: Array) -> Array:
        """The base, the joints after each link and the TCP: (..., N) -> (..., N + 1, 2) [m].

        On a rail the first two are the origin and where the arm stands.
        """
        theta = self._configurations(theta)
        xp = namespace(theta)
        links = self._link_vectors(theta)
        return xp.concatenate((xp.zeros_like(links[..., :1, :]), xp.cumsum(links, -2)), -2)

    def forward(self, theta: Array) -> Array:
        """Forward kinematics, equation (1) of the paper: (..., N) -> TCP (..., 2) [m].

        Raises:
            InvalidRequestError: not N joint positions; so of all that takes configurations.
        """
        theta = self._configurations(theta)
        xp = namespace(theta)
        lengths = matching(self.link_lengths, theta)
        headings = xp.cumsum(theta[..., -len(lengths) :], -1)
        x, y = xp.cos(headings) @ lengths, xp.sin(headings) @ lengths
        return xp.stack((x, y + theta[..., 0] if self.base == "rail" else y), -1)

    def position_errors(self, theta: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The paper's re-simulation error |FK(theta) - target| (...) [m].

        Args:
            theta: (..., N) [rad].
            targets: (..., 2) [m]; the arrays broadcast.
        """
        theta, targets = self._configurations(theta), floating(targets)
        shape = np.broadcast_shapes(theta.shape[:-1], targets.shape[:-1])
        theta = np.broadcast_to(theta, (*shape, self.dof)).reshape(-1, self.dof)
        targets = np.broadcast_to(targets, (*shape, 2)).reshape(-1, 2)
        errors = np.empty(len(theta))
        for start in range(0, len(theta), CHUNK_SIZE):
            rows = slice(start, start + CHUNK_SIZE)
            errors[rows] = np.linalg.norm(self.forward(theta[rows]) - targets[rows], axis=1)
        return errors.reshape(shape)

    def jacobian(self, theta: Array) -> Array:
        """d TCP / d theta: (..., N) -> (..., 2, N) [m / rad].

        Column j is the vector from joint j to the TCP, turned by a right angle; of a rail, y.
        """
        theta = self._configurations(theta)
        xp = namespace(theta)
        links = self._link_vectors(theta)
        to_tcp = xp.flip(xp.cumsum(xp.flip(links, (-2,)), -2), (-2,))
        jacobian = xp.stack((-to_tcp[..., 1], to_tcp[..., 0]), -2)
        if self.base == "rail":
            jacobian[..., 0, 0] = 0.0
            jacobian[..., 1, 0] = 1.0
        return jacobian

    @cached_property
    def prior_mode(self) -> np.ndarray:
        """Where the prior is highest, and the middle of what is uniform: (N,) [rad]."""
        means = np.array([joint.mean for joint in self.joints])
        return np.clip(means, *self.bounds)

    def sample_prior(self, num_samples: int, rng: np.random.Generator) -> np.ndarray:
        """Configurations drawn from the prior, within the joint limits: (num_samples, N) [rad]."""
        return self.prior_quantiles(rng.random((num_samples, self.dof)))

    def prior_quantiles(self, u: Array) -> Array:
        """Uniform numbers (..., N) in (0, 1) -> configurations of the prior (..., N) [rad].

        See `Joint.quantile`.
        """
        columns = [joint.quantile(u[..., index]) for index, joint in enumerate(self.joints)]
        return namespace(u).stack(columns, -1)

    def log_prior(self, theta: np.ndarray) -> np.ndarray:
        """Log density of configurations under the prior: (..., N) -> (...) [nats].

        -inf beyond a limit. On a circle an angle means the same as itself and a whole turn.
        """
        theta = self._configurations(theta)
        # At once: the sum over the joints' own densities takes so long that large answers notice.
        means, precisions, log_normalisers = self._prior_numbers
        log_prior = log_normalisers.sum() - np.square(theta - means) @ (0.5 * precisions)
        if self.joint_limits is None:
            return log_prior
        return np.where(self.within_limits(theta), log_prior, -math.inf)

    def joint_differences(self, theta: np.ndarray, other: np.ndarray) -> np.ndarray:
        """theta - other (..., N), the short way round where a joint turns all the way."""
        return self.wrapped(theta - other)

    def wrapped(self, theta: np.ndarray) -> np.ndarray:
        """The same configurations (..., N), joints that turn all the way in [-pi, pi) [rad]."""
        if not any(self._circles):
            return theta
        return np.where(self._circles, wrapped(theta), theta)

    def embed(self, theta: Array) -> Array:
        """Coordinates (..., d) in which configurations (..., N) are compared.

        Of a rail its position in the arm's units. Cosine and sine of angles for which both sides
        of half a turn are likely: circles, and normal priors without limits from 0.4 rad on. Their
        distance is a chord, and knows no jump.
        """
        if self.base == "rail":
            theta = theta / matching(self.joint_units, theta)
        around = [joint.is_circle or _is_wide(joint) for joint in self.joints]
        if not any(around):
            return theta
        xp = namespace(theta)
        plain = [index for index, turns in enumerate(around) if not turns]
        angles = theta[..., [index for index, turns in enumerate(around) if turns]]
        return xp.concatenate((theta[..., plain], xp.cos(angles), xp.sin(angles)), -1)

    def within_limits(self, theta: np.ndarray) -> np.ndarray:
        """Whether every joint keeps its limits: (..., N) -> bool (...)."""
        theta = self._configurations(theta)
        if self.joint_limits is None:
            return np.ones(theta.shape[:-1], dtype=bool)
        lower, upper = self.bounds
        return np.all((theta >= lower) & (theta <= upper), axis=-1)

    def at_limits(self, theta: np.ndarray) -> np.ndarray:
        """Configurations (..., N), joints that rounding put beyond a limit at that limit."""
        if self.joint_limits is None:
            return theta
        within = np.clip(theta, *self.bounds)
        rounded = (within != theta) & (np.abs(within - theta) <= AT_LIMIT * self.joint_units)
        return np.where(rounded, within, theta) if rounded.any() else theta

    @cached_property
    def _circles(self) -> np.ndarray:
        return np.array([joint.is_circle for joint in self.joints])

    @cached_property
    def _prior_numbers(self) -> np.ndarray:
        """Mean, precision and log normaliser of each joint's prior: (3, N)."""
        rows = [(joint.mean, joint.precision, joint.log_normaliser) for joint in self.joints]
        return np.transpose(rows)

    def _configurations(self, theta: Any) -> Array:
        """Joint positions (..., N), of which whole numbers and lists are some, too."""
        theta = floating(theta)
        if theta.shape[-1:] != (self.dof,):
            wanted = f"must be {self.dof} joint positions, (..., {self.dof})"
            raise InvalidRequestError("theta", f"{wanted}, got {tuple(theta.shape)}")
        return theta

    def _link_vectors(self, theta: Array) -> Array:
        """What each joint adds to the TCP: (..., N) -> (..., N, 2) [m]; a rail its own position."""
        xp = namespace(theta)
        lengths = matching(self.link_lengths, theta)
        headings = xp.cumsum(theta[..., -len(lengths) :], -1)
        links = xp.stack((xp.cos(headings) * lengths, xp.sin(headings) * lengths), -1)
        if self.base == "revolute":
            return links
        shift = xp.stack((xp.zeros_like(theta[..., :1]), theta[..., :1]), -1)
        return xp.concatenate((shift, links), -2)


def _is_wide(joint: Joint) -> bool:
    """Whether a normal prior may put an angle on either side of half a turn."""
    normal = joint.is_angle and joint.limits is None and joint.std is not None
    return normal and joint.std >= WIDE_STD
