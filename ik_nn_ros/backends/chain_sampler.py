"""A network of the chain's conditionals as a sampler, whatever evaluates it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ik_nn_ros.backends.kernels.conditionals import close_all, look, step
from ik_nn_ros.chain.chain_array import CLOSING, chain_array, num_features
from ik_nn_ros.posterior.conditional import new_conditional
from ik_nn_ros.posterior.quantiles import level_of_knot
from ik_nn_ros.posterior.weighted import DrawRows, Draws, WeightedSampler

if TYPE_CHECKING:
    from ik_nn_ros.models.trained import TrainedModel

Conditionals = Callable[[int, np.ndarray], np.ndarray]
"""A joint and features (m, f) float32 of its states, which it may overwrite -> what the network
says of them (m, outputs) float32, see `models.cinn.CINN.forward`."""


class ChainSampler(WeightedSampler):
    """Draws the joints by a network, one after the other, and closes the chain.

    Equal random numbers give equal samples with every backend, up to float32's rounding.

    Args:
        model: the network.
        conditionals: what a backend has made of it.
        backend: the backend's name.
    """

    def __init__(self, model: TrainedModel, conditionals: Conditionals, backend: str) -> None:
        super().__init__(model.arm, model.task, chain_array(model.arm, model.task), accepting=False)
        self.name, self.backend = model.config.kind, backend
        self._conditionals = conditionals
        self._rises = even_rises(model.config.bins)
        rng = np.random.default_rng(0)  # no request waits until machine code is compiled
        self.sample(self.task.forward(self.arm, self.arm.sample_prior(1, rng)), 1, rng)

    def _draw_rows(self, state: np.ndarray, carried: np.ndarray) -> DrawRows:
        chain, free = self.chain, int(self.chain[0, CLOSING])
        # All draws see the same target: what the network says of it is said once.
        arcs, first = np.empty((1, 3)), np.empty((1, num_features(chain)), np.float32)
        look(chain, 0, state[None], arcs, first)
        said_of_target = self._conditionals(0, first)

        def draw_rows(uniforms: np.ndarray, out: Draws) -> None:
            m = len(uniforms)
            states, log_ratios = np.tile(state, (m, 1)), np.zeros(m)
            own_arcs, features = np.tile(arcs, (m, 1)), np.empty((m, first.shape[1]), np.float32)
            for joint in range(free):
                said = said_of_target
                if joint > 0:
                    look(chain, joint, states, own_arcs, features)
                    said = self._conditionals(joint, features)
                drawn = (own_arcs, states, log_ratios, new_conditional(), out.positions)
                step(chain, joint, self._rises, said, uniforms, *drawn)
            close_all(chain, states, log_ratios, uniforms, carried, tuple(out))

        return draw_rows


def even_rises(bins: int) -> np.ndarray:
    """An even density's quantile function from knot to knot: (bins,) float32."""
    levels = [level_of_knot.py_func(index / bins)[0] for index in range(bins + 1)]
    return np.diff(levels).astype(np.float32)
