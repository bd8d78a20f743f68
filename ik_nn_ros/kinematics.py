"""The planar arm: links, prior over configurations, joint limits and kinematics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from ik_nn_ros.arrays import Array, matching, namespace, wrapped
from ik_nn_ros.base_joint import BASE_JOINTS, BaseJoint
from ik_nn_ros.errors import InvalidArmError

CHUNK_SIZE = 4096  # configurations at a time: bounds the memory of large requests
PAPER_PRIOR_STD = 0.2  # [rad], section "Dataset" of the paper
PAPER_LINK_LENGTH = 0.5  # [m], all links but the last; follows from the paper's figures
PAPER_LAST_LINK_LENGTH = 1.0  # [m]
FULL_CIRCLE_STD = math.pi / math.sqrt(3.0)  # [rad], of an angle uniform in (-pi, pi)
PRIOR_STD = {"normal": PAPER_PRIOR_STD, "uniform": FULL_CIRCLE_STD}


@dataclass(frozen=True)
class PlanarArm:
    """A planar arm of N joints with its base at the origin.

    Joint positions ``theta`` are arrays (..., N) [rad], each relative to the previous link; points
    are arrays (..., 2) [m]. The kinematics take NumPy arrays and torch tensors alike and return
    what they were given.

    Args:
        link_lengths: one length for each revolute joint [m], all positive.
        prior_std: standard deviation of the prior over each joint [rad], one for all joints or one
            per joint; kept as one per joint. None: 0.2 if normal, pi / sqrt(3) if uniform.
        joint_limits: (lower, upper) per joint [rad]; None: unlimited.
        prior: "normal", theta_i ~ N(0, std^2); or "uniform", theta_i ~ U(-pi, pi), for joints that
            use the whole circle.
        base: "revolute", N links turn about N joints; or "rail", the first joint carries the arm
            along y and is in metres wherever others are in radians (the benchmark of Kruse et al.
            2021, arXiv 2101.10763).

    Raises:
        InvalidArmError: fewer than two links, a length or deviation that is not positive, limits
            that leave a joint no room, an unknown prior or base, a deviation that is not the
            uniform one's, a rail that turns all the way.
    """

    link_lengths: tuple[float, ...]
    prior_std: float | tuple[float, ...] | None = None
    joint_limits: tuple[tuple[float, float], ...] | None = None
    prior: Literal["normal", "uniform"] = "normal"
    base: Literal["revolute", "rail"] = "revolute"

    def __post_init__(self) -> None:
        if self.base not in BASE_JOINTS:
            raise InvalidArmError(f"base must be {' or '.join(BASE_JOINTS)}, got {self.base!r}")
        if self.base == "rail" and self.prior == "uniform":
            raise InvalidArmError("an arm on a rail needs a normal prior, got 'uniform'")
        object.__setattr__(self, "link_lengths", _checked_lengths(self.link_lengths))
        object.__setattr__(self, "prior_std", _checked_std(self.prior, self.prior_std, self.dof))
        if self.joint_limits is not None:
            object.__setattr__(self, "joint_limits", _checked_limits(self.joint_limits, self.dof))

    @classmethod
    def of_paper(cls, dof: int) -> PlanarArm:
        """The paper's arm of ``dof`` joints: links of 0.5 m and a last link of 1.0 m."""
        return cls((PAPER_LINK_LENGTH,) * (dof - 1) + (PAPER_LAST_LINK_LENGTH,))

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> PlanarArm:
        """The inverse of `to_dict`."""
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """The arm as plain numbers and lists, ready for JSON."""
        return asdict(self)

    @property
    def dof(self) -> int:
        """The number of joints N."""
        return len(self.link_lengths) + (self.base == "rail")

    @property
    def base_joint(self) -> BaseJoint:
        """What the first joint does."""
        return BASE_JOINTS[self.base]

    @property
    def full_circle(self) -> bool:
        """Whether the joints turn all the way: the prior knows no end of an angle."""
        return self.prior == "uniform"

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper joint limits, infinite where there are none: (N,) each [rad]."""
        lower, upper = np.transpose(self.joint_limits or [(-math.inf, math.inf)] * self.dof)
        return lower, upper

    @property
    def reach(self) -> tuple[float, float]:
        """Smallest and largest distance of the TCP from the base, joint limits aside [m].

        From a rail the distance is x.
        """
        return self.base_joint.reach(self.link_lengths)

    def joint_positions(self, theta: Array) -> Array:
        """The base, the joints after each link and the TCP: (..., N) -> (..., N + 1, 2) [m].

        On a rail the first two are the origin and where the arm stands.
        """
        xp = namespace(theta)
        links = self._link_vectors(theta)
        return xp.concatenate((xp.zeros_like(links[..., :1, :]), xp.cumsum(links, -2)), -2)

    def forward(self, theta: Array) -> Array:
        """Forward kinematics, equation (1) of the paper: (..., N) -> TCP (..., 2) [m]."""
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
        xp = namespace(theta)
        links = self._link_vectors(theta)
        to_tcp = xp.flip(xp.cumsum(xp.flip(links, (-2,)), -2), (-2,))
        jacobian = xp.stack((-to_tcp[..., 1], to_tcp[..., 0]), -2)
        if self.base == "rail":
            jacobian[..., 0, 0] = 0.0
            jacobian[..., 1, 0] = 1.0
        return jacobian

    def sample_prior(self, num_samples: int, rng: np.random.Generator) -> np.ndarray:
        """Configurations drawn from the prior, joint limits aside: (num_samples, N) [rad]."""
        if self.full_circle:
            return rng.uniform(-math.pi, math.pi, (num_samples, self.dof))
        return rng.standard_normal((num_samples, self.dof)) * self.prior_std

    def joint_log_priors(self, theta: np.ndarray) -> np.ndarray:
        """Log density of each joint under its own prior: (..., N) -> (..., N) [nats].

        On a full circle an angle means the same as itself and a whole turn.
        """
        if self.full_circle:
            return np.full_like(theta, -math.log(2.0 * math.pi))
        return normal_log_density(theta, np.asarray(self.prior_std))

    def log_prior(self, theta: np.ndarray) -> np.ndarray:
        """Log density of configurations under the prior: (..., N) -> (...) [nats]."""
        if self.full_circle:
            return np.full(theta.shape[:-1], -self.dof * math.log(2.0 * math.pi))
        # At once: the sum over the joints' own densities takes so long that large answers notice.
        scaled = theta / np.asarray(self.prior_std)
        log_volume = np.log(self.prior_std).sum() + 0.5 * self.dof * math.log(2.0 * math.pi)
        return -0.5 * np.einsum("...j,...j->...", scaled, scaled) - log_volume

    def joint_differences(self, theta: np.ndarray, other: np.ndarray) -> np.ndarray:
        """theta - other, the short way round on a full circle; the arrays (..., N) broadcast."""
        difference = theta - other
        return wrapped(difference) if self.full_circle else difference

    def embed(self, theta: Array) -> Array:
        """Coordinates (..., d) in which configurations (..., N) are compared.

        On a full circle these are cosines and sines: the distance is a chord, and knows no jump.
        """
        if not self.full_circle:
            return theta
        xp = namespace(theta)
        return xp.concatenate((xp.cos(theta), xp.sin(theta)), -1)

    def within_limits(self, theta: np.ndarray) -> np.ndarray:
        """Whether every joint keeps its limits: (..., N) -> bool (...)."""
        if self.joint_limits is None:
            return np.ones(theta.shape[:-1], dtype=bool)
        lower, upper = self.bounds
        return np.all((theta >= lower) & (theta <= upper), axis=-1)

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


def normal_log_density(values: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Log density of N(0, std^2) [nats], entry by entry; the arrays broadcast."""
    return -0.5 * (values / std) ** 2 - np.log(std) - 0.5 * math.log(2.0 * math.pi)


def _checked_lengths(link_lengths: Sequence[float]) -> tuple[float, ...]:
    wrong = InvalidArmError(f"link_lengths must be 2 or more positive numbers [m]: {link_lengths}")
    try:
        lengths = tuple(float(length) for length in link_lengths)
    except (TypeError, ValueError):
        raise wrong from None
    if len(lengths) < 2 or not all(0.0 < length < math.inf for length in lengths):
        raise wrong
    return lengths


def _checked_std(
    prior: str, prior_std: float | Sequence[float] | None, dof: int
) -> tuple[float, ...]:
    if prior not in PRIOR_STD:
        raise InvalidArmError(f"prior must be {' or '.join(PRIOR_STD)}, got {prior!r}")
    if prior_std is None:
        prior_std = PRIOR_STD[prior]
    wrong = InvalidArmError(f"prior_std must be 1 or {dof} positive numbers [rad]: {prior_std}")
    try:
        given = (prior_std,) * dof if np.ndim(prior_std) == 0 else prior_std
        std = tuple(float(value) for value in given)
    except (TypeError, ValueError):
        raise wrong from None
    if len(std) != dof or not all(0.0 < value < math.inf for value in std):
        raise wrong
    if prior == "uniform" and any(value != FULL_CIRCLE_STD for value in std):
        raise InvalidArmError(f"a uniform prior has no prior_std of its own, got {prior_std}")
    return std


def _checked_limits(
    joint_limits: Sequence[Sequence[float]], dof: int
) -> tuple[tuple[float, float], ...]:
    wrong = InvalidArmError(f"joint_limits must be {dof} pairs lower < upper [rad]: {joint_limits}")
    try:
        limits = tuple((float(lower), float(upper)) for lower, upper in joint_limits)
    except (TypeError, ValueError):
        raise wrong from None
    if len(limits) != dof or not all(lower < upper for lower, upper in limits):
        raise wrong
    return limits
