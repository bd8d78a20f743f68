"""What evaluates a trained network: PyTorch, or machine code compiled by Numba.

A further backend is one file and one row in `BACKENDS`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ik_nn_ros.backends.base import Decoder
from ik_nn_ros.backends.eager import EagerDecoder
from ik_nn_ros.errors import InvalidRequestError

if TYPE_CHECKING:
    from ik_nn_ros.models.base import GenerativeNetwork

__all__ = ["AUTO", "BACKENDS", "REFERENCE", "Decoder", "build_decoder", "require_backend"]

AUTO = "auto"  # the first of the backends that can do it
REFERENCE = EagerDecoder.backend


def _numba(network: GenerativeNetwork, device: str) -> Decoder:
    try:
        from ik_nn_ros.backends.compiled import compiled_decoder
    except ImportError as error:
        raise InvalidRequestError("backend", f"numba cannot be used: {error}") from None
    return compiled_decoder(network, device)


# From a network and a device to its decoder, fastest first; an InvalidRequestError says why not.
BACKENDS: dict[str, Callable[[GenerativeNetwork, str], Decoder]] = {
    "numba": _numba,
    REFERENCE: EagerDecoder,
}

_logger = logging.getLogger(__name__)


def build_decoder(network: GenerativeNetwork, device: str, backend: str) -> Decoder:
    """Make a trained network ready to be evaluated.

    Args:
        network: may be moved to the device; later changes of its weights need not be seen.
        device: as torch names it.
        backend: a name in `BACKENDS`, or "auto": the fastest that can evaluate this network on this
            device. Each faster one that cannot is named in the log, once, here.

    Raises:
        InvalidRequestError: no such backend, or it cannot evaluate this network on this device.
    """
    require_backend(backend)
    if backend != AUTO:
        return BACKENDS[backend](network, device)
    for name, build in BACKENDS.items():
        if name != REFERENCE:
            try:
                return build(network, device)
            except InvalidRequestError as error:
                _logger.warning("%s: falling back from %s, %s", network.kind, name, error.reason)
    return BACKENDS[REFERENCE](network, device)


def require_backend(backend: str) -> None:
    """Raise InvalidRequestError unless there is a backend of this name."""
    if backend not in (AUTO, *BACKENDS):
        offers = ", ".join((AUTO, *BACKENDS))
        raise InvalidRequestError("backend", f"must be one of {offers}, got '{backend}'")
