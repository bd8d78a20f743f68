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


def wrapped(angles: Array) -> Array:
    """The same angles in [-pi, pi) [rad]."""
    return namespace(angles).remainder(angles + math.pi, 2.0 * math.pi) - math.pi
