"""What the arguments of a request must be, whoever asks; an error names the one that is not."""

from __future__ import annotations

import math
import operator
import reprlib
from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.user_path import user_path

MAX_REPRESENTATIVES = 100
MAX_DOF = 100
MOST_POSITION = 1e9  # [rad], of a rail [m]: beyond, doubles know no angle to 1e-7
MAX_SAMPLES = 10_000_000  # of one target: gigabytes


def finite_targets(targets: Sequence[Sequence[float]], size: int) -> np.ndarray:
    """Targets (b, size) as float64.

    Raises:
        InvalidRequestError: they have another shape or are not finite.
    """
    points = _numbers("targets", targets, f"(b, {size}) numbers")
    if points.shape == (0,):  # an empty list
        points = points.reshape(0, size)
    if points.ndim != 2 or points.shape[1] != size:
        raise InvalidRequestError("targets", f"must be (b, {size}), got {points.shape}")
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        raise InvalidRequestError("targets", f"must be finite, number {finite.argmin() + 1} is not")
    return points


def require_representatives(num_representatives: int, num_solutions: int) -> int:
    """A whole number from 1 to 100, and up to as many as there are solutions.

    Raises:
        InvalidRequestError: it is none.
    """
    most = min(MAX_REPRESENTATIVES, num_solutions)
    allowed = f"must be from 1 to {most} for {num_solutions} solutions"
    return _whole("num_representatives", num_representatives, allowed, 1, most)


def require_seed(seed: int | None) -> int | None:
    """None, or a whole number from 0 up.

    Raises:
        InvalidRequestError: it is neither.
    """
    return None if seed is None else _whole("seed", seed, "must be None or 0 or more", 0)


def require_num_samples(num_samples: int) -> int:
    """A whole number from 1 to 10 million.

    Raises:
        InvalidRequestError: it is none.
    """
    return _whole("num_samples", num_samples, f"must be 1 to {MAX_SAMPLES}", 1, MAX_SAMPLES)


def require_dof(dof: int) -> int:
    """A number of joints from 2 to 100.

    Raises:
        InvalidRequestError: it is none.
    """
    return _whole("dof", dof, f"must be 2 to {MAX_DOF}", 2, MAX_DOF)


def instance(field: str, value: Any, kind: type) -> Any:
    """A value of a class.

    Raises:
        InvalidRequestError: ``field`` is of another.
    """
    if not isinstance(value, kind):
        raise _refused(field, f"a {kind.__name__}", value)
    return value


def positive_number(field: str, value: float, unit: str) -> float:
    """A number above 0 and finite; of NumPy or a tensor, too.

    Raises:
        InvalidRequestError: ``field`` is none.
    """
    wanted = f"positive and finite [{unit}]"
    number = _numbers(field, value, wanted)
    if number.shape != () or not 0.0 < number < math.inf:
        raise _refused(field, wanted, value)
    return float(number)


def truth(field: str, value: bool) -> bool:
    """True or False, which 1 and 0 may stand for.

    Raises:
        InvalidRequestError: ``field`` is neither.
    """
    if not isinstance(value, int | np.bool_ | np.integer) or value not in (0, 1):
        raise _refused(field, "True or False", value)
    return bool(value)


def file_path(field: str, path: str | Path) -> Path:
    """See `user_path`.

    Raises:
        InvalidRequestError: ``field`` is no path.
    """
    try:
        return user_path(path)
    except ValueError as error:
        raise InvalidRequestError(field, f"must be a path: {error}") from None


def finite_vector(field: str, values: Sequence[float], length: int | None = None) -> np.ndarray:
    """Values (length,) as float64; of any length where none is given.

    Raises:
        InvalidRequestError: ``field`` has another shape or is not finite.
    """
    vector = _numbers(field, values, "numbers" if length is None else f"{length} numbers")
    if vector.ndim != 1 or length not in (None, len(vector)):
        wanted = "one row of numbers" if length is None else f"{length} numbers"
        raise InvalidRequestError(field, f"must be {wanted}, got an array {vector.shape}")
    if not np.isfinite(vector).all():
        raise InvalidRequestError(field, f"must be finite, got {vector.tolist()}")
    return vector


def joint_values(field: str, values: Sequence[float]) -> np.ndarray:
    """Joint positions (n,) [rad] as float64.

    Raises:
        InvalidRequestError: ``field`` has another shape, or is not finite and up to 1e9.
    """
    vector = finite_vector(field, values)
    if np.abs(vector).max(initial=0.0) > MOST_POSITION:
        wanted = f"must be from {-MOST_POSITION:g} to {MOST_POSITION:g}"
        raise InvalidRequestError(field, f"{wanted}, got {_shown(vector.tolist())}")
    return vector


def _whole(field: str, value: int, allowed: str, least: int, most: float = math.inf) -> int:
    try:
        number = operator.index(value)  # of NumPy and of tensors, too
        if np.asarray(_on_cpu(value)).dtype.kind != "b" and least <= number <= most:
            return number
    except TypeError:
        pass
    raise InvalidRequestError(field, f"{allowed}, got {_shown(value)}")


def _numbers(field: str, values: Any, wanted: str) -> np.ndarray:
    """Whatever holds numbers as float64: sequences, arrays, tensors with a gradient or on a GPU."""
    try:
        array = np.asarray(_on_cpu(values))
        if _are_numbers(array):
            return array.astype(np.float64)
    except (OverflowError, RuntimeError, TypeError, ValueError):
        pass
    raise _refused(field, wanted, values)


def _on_cpu(values: Any) -> Any:
    """Tensors, and those in lists, as NumPy takes them.

    Raises:
        ValueError: an array some of whose values are masked.
    """
    if hasattr(values, "detach"):
        return values.detach().cpu().numpy()
    if isinstance(values, list | tuple):
        return [_on_cpu(one) for one in values]
    if np.ma.is_masked(values):
        raise ValueError("masked")
    return values


def _are_numbers(array: np.ndarray) -> bool:
    """Whether there are real numbers in an array, not texts of them; an empty one has any."""
    if array.dtype.kind != "O":
        return array.dtype.kind in "iuf"
    return all(isinstance(one, Real | Decimal) for one in array.flat)


def _refused(field: str, wanted: str, value: Any) -> InvalidRequestError:
    return InvalidRequestError(field, f"must be {wanted}, got {_shown(value)}")


def _shown(value: Any) -> str:
    """Short, however much somebody has given."""
    return reprlib.repr(value)
