"""A network's conditionals of a tile of rows, joint by joint: features, network, draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ik_nn_ros.backends.kernels.draws import find_arcs, look, step
from ik_nn_ros.backends.kernels.layers import floats
from ik_nn_ros.chain.arithmetic import TILE, exp
from ik_nn_ros.chain.chain_array import CLOSING
from ik_nn_ros.chain.closing import close
from ik_nn_ros.chain.tile import begin, take_uniforms
from ik_nn_ros.compilation import compiled, inner
from ik_nn_ros.models.architectures import CINNConfig

if TYPE_CHECKING:
    from ik_nn_ros.models.trained import TrainedModel

ONE = np.float32(1.0)
MOST_EXPONENT = np.float32(60.0)  # either way
MOST_DEVIATIONS = np.float32(CINNConfig.most_deviations)


class Networks(NamedTuple):
    """The networks of all free joints, see `models.cinn`.

    Attributes:
        mean, scale: (F, f) by which features are standardised.
        weights, biases: of each layer, (F, out, in) and (F, out).
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, model: TrainedModel) -> Networks:
        """The networks of a trained model."""
        tensors, layers = model.tensors, range(model.config.hidden_layers + 1)
        return cls(
            floats(tensors["mean"]),
            floats(1.0 / tensors["std"]),
            tuple(floats(tensors[f"weights.{layer}"].swapaxes(1, 2).copy()) for layer in layers),
            tuple(floats(tensors[f"biases.{layer}"]) for layer in layers),
        )


@inner
def standardise(values: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> None:
    """Features (f, m) as the first layer takes them, in place."""
    for row in range(values.shape[0]):
        centre, factor = mean[row], scale[row]
        for i in range(values.shape[1]):
            value = (values[row, i] - centre) * factor
            values[row, i] = min(max(value, -MOST_DEVIATIONS), MOST_DEVIATIONS)


@inner
def add_bias(values: np.ndarray, bias: np.ndarray) -> None:
    """Add a layer's biases to its sums (out, m), in place."""
    for row in range(values.shape[0]):
        own = bias[row]
        for i in range(values.shape[1]):
            values[row, i] += own


@inner
def silu(values: np.ndarray, bias: np.ndarray) -> None:
    """x / (1 + e^-x) of sums (out, m) and biases, in place."""
    for row in range(values.shape[0]):
        own = bias[row]
        for i in range(values.shape[1]):
            value = values[row, i] + own
            power = min(max(-value, -MOST_EXPONENT), MOST_EXPONENT)
            values[row, i] = value / (ONE + exp(power))


@compiled
def evaluate(networks: Networks, joint: int, values: np.ndarray) -> np.ndarray:
    """What a joint's network says (outputs, m) of features (f, m), which it overwrites."""
    standardise(values, networks.mean[joint], networks.scale[joint])
    last = len(networks.weights) - 1
    for layer in range(last):
        values = np.dot(networks.weights[layer][joint], values)
        silu(values, networks.biases[layer][joint])
    values = np.dot(networks.weights[last][joint], values)
    add_bias(values, networks.biases[last][joint])
    return values


@inner
def spread(said: np.ndarray, rows: np.ndarray) -> None:
    """What is said of one state (outputs, 1), of all rows of a tile (outputs * TILE,)."""
    for index in range(len(said)):
        for i in range(TILE):
            rows[TILE * index + i] = said[index, 0]


@compiled
def draw(
    chain: np.ndarray,
    networks: Networks,
    rises: np.ndarray,
    memory: tuple[np.ndarray, np.ndarray, np.ndarray],
    state: np.ndarray,
    carried: np.ndarray,
    uniforms: np.ndarray,
    out: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Draw configurations on a target.

    Args:
        chain: see `chain_array`.
        networks: of the joints.
        rises: see `draws.step`.
        memory: see `chain_sampler.Memory`.
        state: (3,) what the first joint sees of the target.
        carried: (3,) see `closing.close`.
        uniforms: (m, F + 1) numbers in [0, 1).
        out: see `closing.close`.
    """
    tile, features, read = memory
    seen, free = features.reshape((len(features) // TILE, TILE)), int(chain[0, CLOSING])
    first = np.int64(0)  # for a literal Numba would compile the functions once more
    begin(state, tile)
    find_arcs(chain, first, tile)
    look(chain, first, tile, features)
    said = evaluate(networks, first, seen[:, :1].copy())
    said_of_target = np.empty(len(said) * TILE, np.float32)
    spread(said, said_of_target)
    for start in range(0, len(uniforms), TILE):
        begin(state, tile)
        for joint in range(free):
            find_arcs(chain, joint, tile)
            own = said_of_target
            if joint > 0:
                look(chain, joint, tile, features)
                own = evaluate(networks, joint, seen).reshape(-1)
            take_uniforms(uniforms, start, joint, tile)
            step(chain, joint, rises, own, tile, read)
        take_uniforms(uniforms, start, free, tile)
        close(chain, tile, carried, out, start)
