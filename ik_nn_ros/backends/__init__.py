"""What evaluates a trained network: PyTorch, or machine code compiled by Numba.

A further backend is one file and one row in `BACKENDS`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ik_nn_ros.backends.base import REFERENCE
from ik_nn_ros.errors import InvalidRequestError

if TYPE_CHECKING:
    from ik_nn_ros.models.trained import TrainedModel
    from ik_nn_ros.posterior.sampler import Sampler

__all__ = [
    "AUTO",
    "BACKENDS",
    "REFERENCE",
    "build_sampler",
    "require_backend",
    "require_device",
]

AUTO = "auto"  # the first of the backends that can do it


# Each is imported at its first use: PyTorch takes seconds and hundreds of megabytes, and a server
# whose networks are compiled needs none of it.


def _numba(model: TrainedModel, device: str) -> Sampler:
    try:
        from ik_nn_ros.backends.compiled import compiled_sampler
    except ImportError as error:
        raise InvalidRequestError("backend", f"numba cannot be used: {error}") from None
    return compiled_sampler(model, device)


def _torch(model: TrainedModel, device: str) -> Sampler:
    try:
        from ik_nn_ros.backends.eager import eager_sampler
        from ik_nn_ros.models.networks import restore_network
    except ImportError as error:
        raise InvalidRequestError("backend", f"torch cannot be used: {error}") from None
    return eager_sampler(restore_network(model), device)


# From a trained network and a device to its sampler, fastest first; an InvalidRequestError says
# why not.
BACKENDS: dict[str, Callable[[TrainedModel, str], Sampler]] = {
    "numba": _numba,
    REFERENCE: _torch,
}

_logger = logging.getLogger(__name__)


def build_sampler(model: TrainedModel, device: str, backend: str) -> Sampler:
    """Make a trained network ready to be evaluated.

    Args:
        model: the network.
        device: as torch names it.
        backend: a name in `BACKENDS`, or "auto": the fastest that can evaluate this network on this
            device. Each faster one that cannot is named in the log, once, here.

    Raises:
        InvalidRequestError: this machine has no such device, there is no such backend, or it cannot
            evaluate this network on this device.
    """
    require_backend(backend)
    require_device(device)
    if backend != AUTO:
        return BACKENDS[backend](model, device)
    for name, build in BACKENDS.items():
        if name != REFERENCE:
            try:
                return build(model, device)
            except InvalidRequestError as error:
                kind = model.config.kind
                _logger.warning("%s: falling back from %s, %s", kind, name, error.reason)
    return BACKENDS[REFERENCE](model, device)


def require_backend(backend: str) -> None:
    """Raise InvalidRequestError unless there is a backend of this name."""
    if backend not in (AUTO, *BACKENDS):
        offers = ", ".join((AUTO, *BACKENDS))
        raise InvalidRequestError("backend", f"must be one of {offers}, got '{backend}'")


def require_device(device: str) -> None:
    """Raise InvalidRequestError unless torch can use a device, such as cpu or cuda:0, here."""
    if re.fullmatch(r"cpu(:\d+)?", device):
        return
    try:
        import torch

        torch.empty(0, device=device)
    except ImportError as error:
        raise InvalidRequestError("device", f"{device} needs PyTorch: {error}") from None
    except (RuntimeError, AssertionError):  # torch asserts that it was built with CUDA
        reason = f"must be a device of this machine, such as cpu, got '{device}'"
        raise InvalidRequestError("device", reason) from None
