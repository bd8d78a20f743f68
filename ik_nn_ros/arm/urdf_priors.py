"""Priors of a robot's joints, said in the URDF's own joint values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from ik_nn_ros.arm.urdf import UrdfJoint
from ik_nn_ros.errors import UrdfError

FIELDS = ("prior", "prior_mean", "prior_std")
MOST_TURNS = 10  # within which all that an angle may stand for is equally likely
GRID = 2.0**-44  # 6e-14: sums and differences of its multiples below 256 are exact

Values = float | str | Mapping[str, Any] | None


def rounded(value: float) -> float:
    """The nearest multiple of `GRID`.

    Zeros are such multiples, and what is added to a zero, a mean or a limit, is rounded likewise:
    then the way to the arm's values and back is exact.
    """
    return round(value / GRID) * GRID


def prior_fields(joints: Sequence[tuple[UrdfJoint, int, float]], **said: Values) -> dict[str, Any]:
    """The priors' fields of a `PlanarArm`.

    Args:
        joints: those of the arm, the sign and the zero of each, see `Mount`.
        said: ``prior``, ``prior_mean`` and ``prior_std`` in the URDF's joint values, each one for
            all joints or some by name, or None.

    Raises:
        UrdfError: see `UrdfError.reason`.
    """
    names = [joint.name for joint, _, _ in joints]
    said = {field: _by_name(field, said[field], names) for field in FIELDS}
    priors = []
    for (joint, sign, zero), *own in zip(joints, *said.values(), strict=True):
        prior, mean, std = _prior(joint, *own)
        if mean is not None:
            mean = sign * (rounded(mean) if zero else mean) + zero
        priors.append((prior, mean, std))
    return dict(zip(FIELDS, map(list, zip(*priors, strict=True)), strict=True))


def _prior(
    joint: UrdfJoint, prior: str | None, mean: float | None, std: float | None
) -> tuple[str, float | None, float | None]:
    """Kind, mean and deviation of a joint's prior: as given, else its own, else the default."""
    own = joint.prior
    if prior is None and (mean is not None or std is not None):
        prior = "normal"
    if own is not None and prior in (None, own.prior):
        prior = own.prior
        mean = own.mean if mean is None else mean
        std = own.std if std is None else std
    if prior is None:
        prior = "uniform"
    if prior == "uniform":
        if mean is not None or std is not None:
            raise UrdfError(joint.name, "has a uniform prior, which has no mean and no deviation")
        lower, upper = joint.limits or (0.0, 0.0)
        if not joint.slides and upper - lower > MOST_TURNS * 2.0 * math.pi:
            reason = "they are in radians; else it is to be continuous, or to have a normal prior"
            raise UrdfError(joint.name, f"has limits over {MOST_TURNS} turns apart: {reason}")
        return prior, None, None
    if prior != "normal":
        raise UrdfError(joint.name, f"has the prior {str(prior)[:40]!r}, not normal or uniform")
    if std is None:
        raise UrdfError(joint.name, "has a normal prior, which needs a deviation: prior_std")
    if mean is None:
        mean = 0.0 if joint.limits is None else 0.5 * sum(joint.limits)
    return prior, mean, std


def _by_name(field: str, values: Values, names: Sequence[str]) -> list[Any]:
    """One value for each joint, from one for all or some by name; checked."""
    if not isinstance(values, Mapping):
        values = dict.fromkeys(names, values)
    for name, value in values.items():
        if name not in names:
            raise UrdfError(
                str(name), f"has a {field} but does not move the tip; {', '.join(names)} do"
            )
        if field != "prior" and value is not None:
            number = isinstance(value, Real) and math.isfinite(value)
            if not number or (field == "prior_std" and value <= 0.0):
                wanted = "a positive number" if field == "prior_std" else "a number"
                raise UrdfError(name, f"has the {field} {value!r}, must be {wanted}")
    return [values.get(name) for name in names]
