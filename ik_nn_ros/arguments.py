"""What the arguments of a request must be, whoever asks; an error names the one that is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ik_nn_ros.errors import InvalidRequestError

MAX_REPRESENTATIVES = 100


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


def require_representatives(num_representatives: int, num_solutions: int) -> None:
    """Raise InvalidRequestError for less than one, too many, or more than there are solutions."""
    most = min(MAX_REPRESENTATIVES, num_solutions)
    if not 1 <= num_representatives <= most:
        raise InvalidRequestError(
            "num_representatives",
            f"must be from 1 to {most} for {num_solutions} solutions, got {num_representatives}",
        )


def require_seed(seed: int | None) -> None:
    """Raise InvalidRequestError unless a seed is None or a whole number from 0 up."""
    if seed is not None and (not _is_whole(seed) or seed < 0):
        raise InvalidRequestError("seed", f"must be None or 0 or more, got {seed!r}")


def require_num_samples(num_samples: int) -> None:
    """Raise InvalidRequestError unless it is a whole number from 1 up."""
    if not _is_whole(num_samples) or num_samples < 1:
        raise InvalidRequestError("num_samples", f"must be 1 or more, got {num_samples!r}")


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


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _numbers(field: str, values: object, wanted: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidRequestError(field, f"must be {wanted}, got {values!r}") from None
