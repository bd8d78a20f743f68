"""The joints of an arm and their priors; the only module that knows what a prior is.

Whatever its kind, the prior of a joint position theta has one form,

    log p(theta) = log_normaliser - precision (theta - mean)^2 / 2    for lower <= theta <= upper,

and minus infinity elsewhere. A normal prior has precision 1 / std^2, and limits truncate it: they
are part of the prior, not a filter behind it. A uniform prior has precision 0, within limits or,
where an angle has none, on the whole circle. Compiled code works on these five numbers.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from ik_nn_ros.arrays import Array, namespace, wrapped
from ik_nn_ros.errors import InvalidArmError
from ik_nn_ros.texts import shown

TURN = 2.0 * math.pi  # [rad]
KINDS = ("revolute", "continuous", "rail")
PRIORS = ("normal", "uniform")

NEGLIGIBLE = 1e-8  # density of a whole turn over that of the most likely turn of the same angle
LEAST_MASS = 1e-300  # of a normal within its limits: below it doubles cannot hold the densities
SMALL_MASS = 1e-12  # of a normal within its limits: below it the prior is hardly what was meant
STD_RANGE = (1e-100, 1e100)  # the precision, 1 / std^2, is to be finite and positive
LEAST_PROBABILITY = 2.0**-53  # the spacing of uniform doubles: their quantiles are finite
NARROW = 1e-5  # limits so close [deviations] that the density's change between them is linear
UNFELT = 8.0  # [nats] below the density's largest: limits there cut off next to nothing
LEAST_ROOM = 1.0  # [rad], from the mean to a limit that is not felt
AT_LIMIT = 1e-9  # [joint's units]: a position so far beyond a limit is one that was rounded
SPREAD_NODES = 128  # Gauss-Legendre, over at most 17 deviations: exact to rounding

_logger = logging.getLogger(__name__)


class Turns(NamedTuple):
    """The values that an angle may stand for, a whole turn apart.

    Attributes:
        values: (m, t) [rad], the most likely one in the middle.
        log_densities: (m, t) of each under the prior [nats]; -inf beyond the limits.
    """

    values: np.ndarray
    log_densities: np.ndarray


@dataclass(frozen=True)
class Joint:
    """A joint and the prior of its position; [rad], of a rail [m].

    >>> joint = Joint("elbow", "revolute", "normal", mean=0.8, std=0.5, limits=(0.0, 2.4))
    >>> joint.quantile(np.array([0.5])).round(3)
    array([0.834])
    >>> joint.log_density(np.array([0.8, 2.5])).round(3)
    array([-0.169,   -inf])

    Args:
        name: of the joint, as ROS and a URDF know it.
        kind: "revolute", an angle; "continuous", an angle without limits; "rail", a distance.
        prior: "normal", truncated to the limits; or "uniform", within the limits or, of an angle
            without limits, on the whole circle [-pi, pi).
        mean: of the normal before it is truncated; may lie beyond the limits. A uniform prior takes
            the middle of its limits, whatever is given.
        std: deviation of the normal before it is truncated; None where uniform.
        limits: (lower, upper), or None.

    Raises:
        InvalidArmError: an unknown kind or prior; limits that are not finite or not in order, or a
            continuous joint's; a rail whose prior is uniform without limits; a mean that is not
            finite; a deviation that is not positive; limits that leave a normal no mass.
    """

    name: str
    kind: Literal["revolute", "continuous", "rail"]
    prior: Literal["normal", "uniform"] = "normal"
    mean: float = 0.0
    std: float | None = None
    limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise self._error(f"kind must be {', '.join(KINDS)}, got {self.kind!r}")
        if self.prior not in PRIORS:
            raise self._error(f"prior must be {' or '.join(PRIORS)}, got {self.prior!r}")
        object.__setattr__(self, "limits", self._checked_limits())
        if self.prior == "uniform":
            self._check_uniform()
            object.__setattr__(self, "mean", 0.5 * (self.lower + self.upper))
        else:
            self._check_normal()

    @property
    def is_angle(self) -> bool:
        """Whether the position is an angle: whole turns bring it to the same place."""
        return self.kind != "rail"

    @property
    def is_circle(self) -> bool:
        """Whether the prior is uniform on the whole circle: an angle there has no turns."""
        return self.prior == "uniform" and self.limits is None

    @property
    def lower(self) -> float:
        """Where the prior begins: the lower limit, -inf where there is none, -pi of a circle."""
        if self.limits is not None:
            return self.limits[0]
        return -math.pi if self.is_circle else -math.inf

    @property
    def upper(self) -> float:
        """Where the prior ends; see `lower`."""
        if self.limits is not None:
            return self.limits[1]
        return math.pi if self.is_circle else math.inf

    @property
    def feels_limits(self) -> bool:
        """Whether limits change the prior noticeably.

        Not those of an angle a radian or more from the mean, at which the density is `UNFELT` or
        more below its largest. Nearer ones leave so little room that it is worth knowing.
        """
        if self.limits is None:
            return False
        nearest = max(min(self.upper - self.mean, self.mean - self.lower), 0.0)
        little = not self.is_angle or nearest < LEAST_ROOM
        return little or 0.5 * self.precision * nearest**2 < UNFELT

    @property
    def precision(self) -> float:
        """1 / std^2 of a normal, 0 of a uniform prior."""
        return 0.0 if self.std is None else 1.0 / (self.std * self.std)

    @cached_property
    def log_normaliser(self) -> float:
        """Log density [nats] at the mean, were it within the limits."""
        if self.std is None:
            return -math.log(self.upper - self.lower)
        return -math.log(self.std) - 0.5 * math.log(TURN) - self._log_mass

    @property
    def mass(self) -> float:
        """Share of the untruncated normal that lies within the limits; 1 for a uniform prior."""
        return math.exp(self._log_mass)

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the prior as it is, limits included."""
        if self.std is None:
            return (self.upper - self.lower) / math.sqrt(12.0)
        if self.limits is None:
            return self.std
        nodes, weights = np.polynomial.legendre.leggauss(SPREAD_NODES)
        least, most = self.quantile(np.array((0.0, 1.0)))
        values = 0.5 * (least + most) + 0.5 * (most - least) * nodes
        log_density = self.log_density(values)
        weights = weights * np.exp(log_density - log_density.max())
        mean = np.average(values, weights=weights)
        return math.sqrt(np.average(np.square(values - mean), weights=weights))

    @cached_property
    def num_turns(self) -> int:
        """k, so that of every angle the turns -k to k around the most likely one are enough.

        A further turn has less than 1e-8 of the most likely one's density, or does not fit between
        the limits. 0 where an angle has but one turn: on a circle, between limits less than a turn
        apart, and with a deviation so small (below 0.085) that half a turn from the mean the
        density is below 1e-300 of the mean's.
        """
        if not self.is_angle or self.is_circle:
            return 0
        fitting = math.inf if self.limits is None else (self.upper - self.lower) // TURN
        if self.std is None or fitting == 0:
            return int(fitting)
        # At worst, half a turn from the mean, turn j has exp(-j (j - 1) TURN^2 / (2 std^2)) of the
        # density of the most likely one, turn 0.
        turns = self.std / TURN
        if self.limits is None and 0.125 / turns**2 > -math.log(LEAST_MASS):
            return 0
        most = 0.5 + math.sqrt(0.25 - 2.0 * math.log(NEGLIGIBLE) * turns**2)
        return int(min(fitting, math.floor(most)))

    def log_density(self, values: np.ndarray) -> np.ndarray:
        """Log prior density (...) [nats] of joint positions (...), each in the turn that it is in.

        -inf beyond the limits; constant on a circle, where the turn says nothing.
        """
        values = np.asarray(values, dtype=np.float64)
        if self.is_circle:
            return np.full(values.shape, self.log_normaliser)
        log_density = self.log_normaliser - 0.5 * self.precision * np.square(values - self.mean)
        if self.limits is None:
            return log_density
        return np.where((values >= self.lower) & (values <= self.upper), log_density, -math.inf)

    def quantile(self, u: Array) -> Array:
        """The inverse distribution function: uniform numbers (...) in (0, 1) -> positions (...).

        This is how the prior is drawn from, everywhere. Arrays and tensors alike; computed in
        float64. Finite and within the limits, at 0 and 1, too.
        """
        xp = namespace(u)
        double = u.double() if xp is not np else np.asarray(u, dtype=np.float64)
        double = xp.clip(double, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
        if self.std is None:
            values = self.lower + (self.upper - self.lower) * double
        else:
            lower, upper, mirrored = self._tail
            double = 1.0 - double if mirrored else double
            deviations = _ndtri(_ndtr(lower) * (1.0 - double) + _ndtr(upper) * double)
            values = self.mean + (-self.std if mirrored else self.std) * deviations
        values = xp.clip(values, self.lower, self.upper)
        return values if xp is np else values.to(u.dtype)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws (n,) of the prior."""
        return self.quantile(rng.random(n))

    def turns(self, angles: np.ndarray) -> Turns:
        """The values of angles (m,) [rad] in every turn that may matter, see `num_turns`.

        A rail's positions, and a circle's angles in [-pi, pi), stand for themselves alone. What is
        beyond a limit by rounding is at the limit.
        """
        nearest = self._most_likely(np.asarray(angles, dtype=np.float64))[:, None]
        values = nearest + TURN * np.arange(-self.num_turns, self.num_turns + 1)
        within = np.clip(values, self.lower, self.upper)
        values = np.where(np.abs(values - within) <= AT_LIMIT, within, values)
        return Turns(values, self.log_density(values))

    def log_density_of_angle(self, angles: np.ndarray) -> np.ndarray:
        """Log prior density (...) [nats] of angles (...) [rad], summed over their whole turns."""
        nearest = self._most_likely(np.asarray(angles, dtype=np.float64))
        log_density = self.log_density(nearest)
        with np.errstate(invalid="ignore"):  # what is no number stays none, without a warning
            for turn in range(1, self.num_turns + 1):
                for value in (nearest - TURN * turn, nearest + TURN * turn):
                    log_density = np.logaddexp(log_density, self.log_density(value))
        return log_density

    def _most_likely(self, angles: np.ndarray) -> np.ndarray:
        """Angles in the turn nearest to the mean, within the limits if there is such a turn."""
        if not self.is_angle:
            return angles
        if self.is_circle:
            return wrapped(angles)
        turn = np.rint((self.mean - angles) / TURN)
        if self.limits is not None:
            first = np.ceil((self.lower - AT_LIMIT - angles) / TURN)
            last = np.floor((self.upper + AT_LIMIT - angles) / TURN)
            turn = np.where(first <= last, np.clip(turn, first, last), turn)
        return angles + TURN * turn

    @cached_property
    def _tail(self) -> _Tail:
        """The limits of a normal prior, mirrored at the mean if they lie above it.

        Below the mean doubles tell probabilities apart that above it are all 1.
        """
        lower, upper = (self.lower - self.mean) / self.std, (self.upper - self.mean) / self.std
        mirrored = lower > -upper
        return _Tail(-upper, -lower, mirrored) if mirrored else _Tail(lower, upper, mirrored)

    @cached_property
    def _log_mass(self) -> float:
        if self.std is None or self.limits is None:
            return 0.0
        lower, upper, _ = self._tail
        if (upper - lower) * max(1.0, abs(lower), abs(upper)) < NARROW:
            # The difference of two nearly equal probabilities has no digits left.
            middle = 0.5 * (lower + upper)
            return math.log(upper - lower) - 0.5 * middle**2 - 0.5 * math.log(TURN)
        mass = _ndtr(upper) - _ndtr(lower)
        return math.log(mass) if mass > 0.0 else -math.inf

    def _checked_limits(self) -> tuple[float, float] | None:
        if self.limits is None:
            return None
        if self.kind == "continuous":
            raise self._error(f"a continuous joint has no limits, got {self.limits}")
        lower, upper = self.limits
        if not (math.isfinite(lower) and math.isfinite(upper) and lower < upper):
            raise self._error(f"limits must be finite, lower < upper, got {self.limits}")
        return lower, upper

    def _check_uniform(self) -> None:
        if self.std is not None:
            raise self._error(f"a uniform prior has no deviation of its own, got {self.std}")
        if self.limits is None and not self.is_angle:
            raise self._error("a uniform prior on a rail needs limits (lower, upper) [m]")

    def _check_normal(self) -> None:
        if not math.isfinite(self.mean):
            raise self._error(f"mean must be finite, got {self.mean}")
        if self.std is None or not STD_RANGE[0] <= self.std <= STD_RANGE[1]:
            raise self._error(f"std must be a positive number, got {self.std}")
        if not self._log_mass > math.log(LEAST_MASS):
            raise self._error(
                f"the limits {self.limits} leave the normal prior with mean {self.mean:g} and "
                f"deviation {self.std:g} no mass; move the mean towards them or widen it"
            )
        if self.mass < SMALL_MASS:
            _logger.warning(
                "joint %s: the limits %s leave %.1e of the normal prior with mean %g and "
                "deviation %g",
                *(self.name, self.limits, self.mass, self.mean, self.std),
            )

    def _error(self, reason: str) -> InvalidArmError:
        return InvalidArmError(f"joint {shown(self.name)}: {reason}")


class _Tail(NamedTuple):
    """Limits in deviations from the mean, and whether they are mirrored."""

    lower: float
    upper: float
    mirrored: bool


def joint_names(dof: int) -> tuple[str, ...]:
    """joint_1 to joint_N, from the base to the TCP."""
    return tuple(f"joint_{index}" for index in range(1, dof + 1))


def _ndtr(value: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * math.erfc(-value / math.sqrt(2.0))


def _ndtri(probabilities: Array) -> Array:
    """Its inverse."""
    xp = namespace(probabilities)
    if xp is not np:
        return xp.special.ndtri(probabilities)
    from scipy.special import ndtri  # here, because clients that never draw need not wait for it

    return ndtri(probabilities)
