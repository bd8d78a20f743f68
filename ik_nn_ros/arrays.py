"""NumPy arrays and torch tensors alike; PyTorch is not imported, tensors come with it."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")


def namespace(array: Array) -> ModuleType:
    """The module whose functions take the array."""
    torch = sys.modules.get("torch")  # without Tensor while another thread is importing it
    return torch if isinstance(array, getattr(torch, "Tensor", ())) else np


def floating(values: Any) -> Array:
    """Numbers as an array of floating-point ones; arrays and tensors of these as they are."""
    if namespace(values) is not np:
        return values if values.is_floating_point() else values.double()
    array = np.asarray(values)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def matching(values: np.ndarray, array: Array) -> Array:
    """Values as an array of the same kind, type and device as another one."""
    if namespace(array) is np:
        return np.asarray(values, dtype=array.dtype)
    return array.new_tensor(values)


def wrapped(angles: Array) -> Array:
    """The same angles in [-pi, pi) [rad]."""
    return namespace(angles).remainder(angles + math.pi, 2.0 * math.pi) - math.pi


def as_slice(indices: np.ndarray) -> np.ndarray | slice:
    """Ascending indices (k,) as they are, or as a slice, which copies nothing, where they are 0 to
    k - 1."""
    count = len(indices)
    return slice(count) if count == 0 or indices[-1] == count - 1 else indices


def ascending(values: np.ndarray) -> np.ndarray:
    """Indices (n,) that sort values, equal ones in their order."""
    order = np.argsort(values)  # several times as fast as a stable sort
    in_order = values[order]
    if (in_order[1:] > in_order[:-1]).all():
        return order
    return np.argsort(values, kind="stable")
