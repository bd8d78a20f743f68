"""What is said of an arm, checked: of joints one value for all of them, or one for each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ik_nn_ros.arm.joints import PRIORS, Joint, joint_names
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.errors import InvalidArmError

PAPER_PRIOR_STD = 0.2  # [rad], section "Dataset" of the paper

Prior = Literal["normal", "uniform"]
Limits = tuple[float, float]
OneOrEach = float | Sequence[float | None] | None


def checked_joints(
    names: Sequence[str],
    on_rail: bool,
    prior: Prior | Sequence[Prior],
    mean: OneOrEach,
    std: OneOrEach,
    limits: Sequence[Limits | None] | Limits | None,
) -> tuple[Joint, ...]:
    """The joints that are meant, base first.

    Raises:
        InvalidArmError: not one value for each joint, or see `Joint`.
    """
    dof = len(names)
    priors, all_limits = _checked_priors(prior, dof), _checked_limits(limits, dof)
    stds = _numbers("prior_std", "positive numbers [rad]", std, priors)
    means = _numbers("prior_mean", "numbers [rad]", mean, priors)
    joints = []
    for index, name in enumerate(names):
        kind = "continuous" if all_limits[index] is None else "revolute"
        if index == 0 and on_rail:
            kind = "rail"
        joints.append(
            _joint(name, kind, priors[index], means[index], stds[index], all_limits[index])
        )
    return tuple(joints)


def _joint(
    name: str,
    kind: str,
    prior: Prior,
    mean: float | None,
    std: float | None,
    limits: Limits | None,
) -> Joint:
    """A joint; what a uniform prior amounts to may be given as its mean and deviation."""
    if prior == "normal":
        mean = 0.0 if mean is None else mean
        std = PAPER_PRIOR_STD if std is None else std
        return Joint(name, kind, prior, mean, std, limits)
    joint = Joint(name, kind, prior, limits=limits)
    for field, value, own in (("mean", mean, joint.mean), ("std", std, joint.spread)):
        if value is not None and not math.isclose(value, own, rel_tol=1e-9, abs_tol=1e-12):
            raise InvalidArmError(
                f"joint {name}: a uniform prior has no prior_{field} of its own, got {value}"
            )
    return joint


def checked_lengths(link_lengths: Sequence[float], base: str) -> tuple[float, ...]:
    """Positive lengths [m] of links, two or more; on a rail one will do."""
    least = 1 if base == "rail" else 2
    wrong = InvalidArmError(
        f"link_lengths must be {least} or more positive numbers [m]: {link_lengths}"
    )
    try:
        lengths = _reals(link_lengths)
    except (OverflowError, TypeError, ValueError):
        raise wrong from None
    if len(lengths) < least or not all(0.0 < length < math.inf for length in lengths):
        raise wrong
    return lengths


def checked_names(names: Sequence[str] | None, dof: int) -> tuple[str, ...]:
    """As many different names; None: joint_1 to joint_N."""
    if names is None:
        return joint_names(dof)
    named = tuple(names) if isinstance(names, Iterable) and not isinstance(names, str) else ()
    texts = [name for name in named if isinstance(name, str) and name]
    if len(named) != dof or len(set(texts)) != dof:
        raise InvalidArmError(f"joint_names must be {dof} different names: {names}")
    return named


def checked_mount(mount: Mount | Mapping[str, Any], dof: int) -> Mount:
    """A mount, from its fields where it comes from JSON or YAML."""
    try:
        mount = mount if isinstance(mount, Mount) else Mount(**mount)
    except TypeError:
        raise InvalidArmError(f"mount must have the fields of a Mount, got {mount!r}") from None
    mount.check(dof)
    return mount


def _checked_priors(prior: Prior | Sequence[Prior], dof: int) -> tuple[Prior, ...]:
    priors = (prior,) * dof if isinstance(prior, str) else prior
    priors = tuple(priors) if isinstance(priors, Iterable) else ()
    if len(priors) != dof or any(one not in PRIORS for one in priors):
        raise InvalidArmError(f"prior must be {' or '.join(PRIORS)}, 1 or {dof}: {prior!r}")
    return priors


def _numbers(
    field: str,
    allowed: str,
    given: float | Sequence[float | None] | None,
    priors: tuple[Prior, ...],
) -> tuple[float | None, ...]:
    """One number for each joint, None where nothing is said of it.

    One number for all joints is for those with a normal prior, if there are any.
    """
    dof = len(priors)
    wrong = InvalidArmError(f"{field} must be 1 or {dof} {allowed}: {given}")
    try:
        if given is None or np.ndim(given) == 0:
            spared = "normal" in priors or (field == "prior_mean" and given == 0.0)
            given = [None if prior == "uniform" and spared else given for prior in priors]
        numbers = tuple(None if number is None else _real(number) for number in given)
    except (OverflowError, TypeError, ValueError):
        raise wrong from None
    if len(numbers) != dof or not all(math.isfinite(number or 0.0) for number in numbers):
        raise wrong
    if field == "prior_std" and any(number is not None and number <= 0.0 for number in numbers):
        raise wrong
    return numbers


def _checked_limits(
    limits: Sequence[Limits | None] | Limits | None, dof: int
) -> tuple[Limits | None, ...]:
    wrong = InvalidArmError(
        f"joint_limits must be {dof} pairs lower < upper [rad], or one for all: {limits}"
    )
    try:
        if limits is None or (len(limits) == 2 and np.ndim(limits[0]) == np.ndim(limits[1]) == 0):
            one_for_all = limits is None or None not in limits
            limits = (limits,) * dof if one_for_all else limits
        pairs = tuple(None if pair is None else _pair(pair) for pair in limits)
    except (OverflowError, TypeError, ValueError):
        raise wrong from None
    if len(pairs) != dof or not all(pair is None or pair[0] < pair[1] for pair in pairs):
        raise wrong
    return pairs


def _pair(limits: Limits) -> Limits:
    lower, upper = _reals(limits)
    return lower, upper


def _reals(values: Sequence[float]) -> tuple[float, ...]:
    """Numbers; none of a text, whose characters they would be."""
    return () if isinstance(values, str | bytes) else tuple(map(_real, values))


def _real(value: float) -> float:
    """A number, which may be a text, as which YAML reads 1e-3.

    Raises:
        OverflowError, TypeError, ValueError: it is none, as a switch.
    """
    if isinstance(value, bool | np.bool_):
        raise TypeError("a switch is no number")
    return float(value)
