"""NumPy arrays and torch tensors alike; PyTorch is not imported, tensors come with it."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")


def namespace(array: Array) -> ModuleType:
    """The module whose functions take the array."""
    torch = sys.modules.get("torch")  # without Tensor while another thread is importing it
    return torch if isinstance(array, getattr(torch, "Tensor", ())) else np


def matching(values: np.ndarray, array: Array) -> Array:
    """Values as an array of the same kind, type and device as another one."""
    if namespace(array) is np:
        return np.asarray(values, dtype=array.dtype)
    return array.new_tensor(values)


def wrapped(angles: Array) -> Array:
    """The same angles in [-pi, pi) [rad]."""
    return namespace(angles).remainder(angles + math.pi, 2.0 * math.pi) - math.pi
