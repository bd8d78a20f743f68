"""What evaluates a trained network: PyTorch, or machine code compiled by Numba.

A further backend is one file and one row in `BACKENDS`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.backends.base import REFERENCE
from ik_nn_ros.backends.probing import require_probe
from ik_nn_ros.errors import InvalidRequestError, MissingPackageError

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
        raise _unusable("numba", error) from None
    return compiled_sampler(model, device)


def _torch(model: TrainedModel, device: str) -> Sampler:
    try:
        from ik_nn_ros.backends.eager import eager_sampler
        from ik_nn_ros.models.networks import restore_network
    except ImportError as error:
        raise _unusable("torch", error) from None
    try:
        sampler = eager_sampler(restore_network(model), device)
        # Probed: a device may be there and lack what this network needs.
        rng = np.random.default_rng(0)
        sampler.sample(model.task.forward(model.arm, model.arm.sample_prior(1, rng)), 1, rng)
    except (RuntimeError, TypeError) as error:
        fault = f"'{device}' cannot evaluate {model.config.kind}: {shorten(str(error), 200)}"
        raise InvalidRequestError("device", fault) from None
    return sampler


def _unusable(backend: str, error: ImportError) -> InvalidRequestError:
    return InvalidRequestError("backend", f"{backend} cannot be used: {MissingPackageError(error)}")


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
        CheckpointError: the network comes from a file, and does not draw what it drew when that was
            written.
        InvalidRequestError: this machine has no such device, there is no such backend, or it cannot
            evaluate this network on this device.
    """
    require_backend(backend)
    require_device(device)
    sampler = _built(model, device, backend)
    if model.probe is not None:
        require_probe(sampler, model.probe)
    return sampler


def _built(model: TrainedModel, device: str, backend: str) -> Sampler:
    if backend != AUTO:
        return BACKENDS[backend](model, device)
    refusals: dict[str, InvalidRequestError] = {}
    for name, build in BACKENDS.items():
        try:
            sampler = build(model, device)
        except InvalidRequestError as error:
            refusals[name] = error
            continue
        for other, refusal in refusals.items():
            kind = model.config.kind
            _logger.warning("%s: falling back from %s, %s", kind, other, refusal.reason)
        return sampler
    fastest, *_, last = refusals.values()
    # Where none of them is installed, it is the fastest that is worth it.
    raise fastest if last.field == "backend" else last


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
    except ImportError as error:
        reason = f"{device} needs PyTorch: {MissingPackageError(error)}"
        raise InvalidRequestError("device", reason) from None
    try:
        float(torch.ones(2, device=device).sum())
    except (RuntimeError, AssertionError, ImportError):
        # Torch asserts that it was built with CUDA, and imports what some devices need.
        reason = f"must be a device on which this machine computes, such as cpu, got '{device}'"
        raise InvalidRequestError("device", reason) from None
