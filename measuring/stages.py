"""How what takes long says where it is."""

from collections.abc import Callable

OnStage = Callable[[str], None]
"""Told what begins, for a progress line."""
