"""A network of the chain's conditionals as a sampler, whatever evaluates it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.backends.kernels.draws import find_arcs, look, new_reading, step
from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.chain.chain_array import CLOSING, chain_array, num_features
from ik_nn_ros.chain.closing import close
from ik_nn_ros.chain.tile import begin, new_tile, take_uniforms
from ik_nn_ros.posterior.quantiles import level_of_knot
from ik_nn_ros.posterior.weighted import DrawRows, Draws, WeightedSampler

if TYPE_CHECKING:
    from ik_nn_ros.models.trained import TrainedModel

Conditionals = Callable[[int, np.ndarray], np.ndarray]
"""A joint and features (f, m) float32 of its states, which it may overwrite -> what the network
says of them (outputs, m) float32, see `models.cinn.CINN.forward`."""

Memory = tuple[np.ndarray, np.ndarray, np.ndarray]
"""What a thread draws in: a tile of rows, the features of their states, and what is read of the
network's quantile functions."""


class ChainSampler(WeightedSampler):
    """Draws the joints by a network, one after the other, and closes the chain.

    Equal random numbers give equal samples with every backend, up to float32's rounding.

    Args:
        model: the network.
        backend: the backend's name.
    """

    def __init__(self, model: TrainedModel, backend: str) -> None:
        super().__init__(model.arm, model.task, chain_array(model.arm, model.task), accepting=False)
        self.name, self.backend = model.config.kind, backend
        self._rises, self._features = even_rises(model.config.bins), num_features(self.chain)
        rng = np.random.default_rng(0)  # no request waits until machine code is compiled
        self.sample(self.task.forward(self.arm, self.arm.sample_prior(1, rng)), 1, rng)

    def _memory(self) -> Memory:
        """Memory in which one thread draws."""
        features = np.empty(self._features * TILE, np.float32)
        return new_tile(self.arm.dof), features, new_reading(len(self._rises))


class SteppedChainSampler(ChainSampler):
    """Steps from joint to joint in Python, whatever evaluates the network.

    Args:
        model: the network.
        conditionals: what a backend has made of it.
        backend: the backend's name.
    """

    def __init__(self, model: TrainedModel, conditionals: Conditionals, backend: str) -> None:
        self._conditionals = conditionals
        super().__init__(model, backend)

    def _said_of_target(self, state: np.ndarray) -> np.ndarray:
        """What the network says of the first joint, in all rows alike."""
        tile, features, _ = self._memory()
        begin(state, tile)
        find_arcs(self.chain, 0, tile)
        look(self.chain, 0, tile, features)
        return np.repeat(self._conditionals(0, features[::TILE, None].copy()), TILE)

    def _draw_rows(self, state: np.ndarray, carried: np.ndarray) -> DrawRows:
        chain, said_of_target = self.chain, self._said_of_target(state)
        free = int(chain[0, CLOSING])

        def draw_rows(uniforms: np.ndarray, out: Draws) -> None:
            tile, features, read = self._memory()
            for start in range(0, len(uniforms), TILE):
                begin(state, tile)
                for joint in range(free):
                    find_arcs(chain, joint, tile)
                    said = said_of_target
                    if joint > 0:
                        look(chain, joint, tile, features)
                        said = np.ravel(self._conditionals(joint, features.reshape(-1, TILE)))
                    take_uniforms(uniforms, start, joint, tile)
                    step(chain, joint, self._rises, said, tile, read)
                take_uniforms(uniforms, start, free, tile)
                close(chain, tile, carried, tuple(out), start)

        return draw_rows


def even_rises(bins: int) -> np.ndarray:
    """An even density's quantile function from knot to knot: (bins,) float32."""
    levels = [level_of_knot.py_func(index / bins)[0] for index in range(bins + 1)]
    return np.diff(levels).astype(np.float32)
