"""NumPy arrays and torch tensors alike."""

from __future__ import annotations

import math
from types import ModuleType
from typing import TypeVar

import numpy as np
import torch

Array = TypeVar("Array", np.ndarray, torch.Tensor)


def namespace(array: Array) -> ModuleType:
    """The module whose functions take the array."""
    return torch if isinstance(array, torch.Tensor) else np


def matching(values: np.ndarray, array: Array) -> Array:
    """Values as an array of the same kind, type and device as another one."""
    if isinstance(array, torch.Tensor):
        return array.new_tensor(values)
    return np.asarray(values, dtype=array.dtype)


def wrapped(angles: Array) -> Array:
    """The same angles in [-pi, pi) [rad]."""
    return namespace(angles).remainder(angles + math.pi, 2.0 * math.pi) - math.pi
