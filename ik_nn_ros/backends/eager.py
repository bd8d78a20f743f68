"""The reference: networks as PyTorch evaluates them, on any of its devices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from ik_nn_ros.backends.base import REFERENCE, Decoded, Decoder, chunks
from ik_nn_ros.backends.network_sampler import NetworkSampler
from ik_nn_ros.errors import InvalidRequestError, MissingPackageError
from ik_nn_ros.models.cinn import CINN
from ik_nn_ros.models.network import GenerativeNetwork
from ik_nn_ros.models.networks import Network, restore_network, trained_model
from ik_nn_ros.models.trained import TrainedModel
from ik_nn_ros.posterior.sampler import Sampler
from ik_nn_ros.stopping import go_on

CHUNK_SIZE = 65_536  # rows per network pass: bounds the memory of large requests


def eager_sampler(network: Network, device: str = "cpu") -> Sampler:
    """A network as a sampler that evaluates it in PyTorch, and follows its weights if it trains on.

    Args:
        network: moved to the device and put in evaluation mode, for good.
        device: as torch names it.

    Raises:
        InvalidRequestError: a cinn, whose chain needs Numba, where there is none.
    """
    if not isinstance(network, CINN):
        return NetworkSampler(EagerDecoder(network, device))
    try:
        from ik_nn_ros.backends.chain_sampler import SteppedChainSampler  # others need no Numba
    except ImportError as error:
        reason = f"{network.config.kind} needs Numba: {MissingPackageError(error)}"
        raise InvalidRequestError("model", reason) from None
    conditionals = EagerConditionals(network, device)
    return SteppedChainSampler(trained_model(network), conditionals, REFERENCE)


class EagerConditionals:
    """Evaluates a cinn itself, see `chain_sampler.Conditionals`.

    Args:
        network: moved to the device and put in evaluation mode, for good.
        device: as torch names it.
    """

    def __init__(self, network: CINN, device: str) -> None:
        self._network = network.eval().to(device)
        self._device = device

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), trained_model(self._network), self._device)

    @torch.inference_mode()
    def __call__(self, joint: int, features: np.ndarray) -> np.ndarray:
        seen = torch.from_numpy(features).to(self._device).T[None]
        return self._network(seen, slice(joint, joint + 1))[0].T.cpu().numpy()


class EagerDecoder(Decoder):
    """Evaluates the network itself, and follows its weights if it trains on.

    Args:
        network: moved to the device and put in evaluation mode, for good.
        device: as torch names it.
    """

    backend = REFERENCE

    def __init__(self, network: GenerativeNetwork, device: str = "cpu") -> None:
        super().__init__(network.arm, network.config)
        self._network = network.eval().to(device)
        self._device = device

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), trained_model(self._network), self._device)

    @torch.inference_mode()
    def decode(self, targets: np.ndarray, latents: np.ndarray) -> Decoded:
        """See `Decoder.decode`."""
        shape = latents.shape[:2]
        latents = latents.reshape(math.prod(shape), self.latent_dim)
        positions = np.empty((len(latents), self.arm.dof))
        for rows, which in chunks(*shape, CHUNK_SIZE):
            go_on()
            points = self._tensor(targets[which])
            decoded = self._network.decode(points, self._tensor(latents[rows]))
            positions[rows] = decoded.cpu().numpy()
        positions = positions.reshape(*shape, -1)
        return Decoded(positions, self.arm.position_errors(positions, targets[:, None]))

    @torch.inference_mode()
    def log_densities(self, positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """See `Decoder.log_densities`."""
        shape = positions.shape[:2]
        positions = positions.reshape(-1, self.arm.dof)
        densities = np.empty(len(positions))
        for rows, which in chunks(*shape, CHUNK_SIZE):
            go_on()
            theta, points = self._tensor(positions[rows]), self._tensor(targets[which])
            densities[rows] = self._network.log_density(theta, points).cpu().numpy()
        return densities.reshape(shape)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device)


def _restored(kind: type, model: TrainedModel, device: str) -> Any:
    """What evaluates a network, from its numbers: FrEIA's modules cannot be pickled."""
    return kind(restore_network(model), device)
