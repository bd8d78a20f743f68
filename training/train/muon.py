"""Muon: momentum whose matrices are made orthogonal before a step."""

from __future__ import annotations

from collections.abc import Iterable

import torch

MOMENTUM = 0.95
ITERATIONS = 5
# Of the iteration's odd polynomial, which brings singular values from 0.001 to 1 near 1.
LINEAR, CUBIC, QUINTIC = 3.4445, -4.7750, 2.0315
SMALLEST = 1e-7  # of a gradient's norm


class Muon(torch.optim.Optimizer):
    """Moves weights of hidden layers by steps that turn all directions alike.

    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. The
    momentum's singular values are all brought near 1, so that a direction of which gradients say
    little is learned as fast as one that governs them. `torch.optim.Muon` takes single matrices;
    here a stack of them, one for each joint's network, is moved at once.

    Args:
        stacks: (j, inputs, outputs) each, j layers' weights.
        lr: a tensor (), the rate; may change between steps.
        rate: what a step's rate is, as a multiple of `lr`.
    """

    def __init__(self, stacks: Iterable[torch.Tensor], lr: torch.Tensor, rate: float = 1.0) -> None:
        super().__init__(stacks, {"lr": lr, "rate": rate})

    @torch.no_grad()
    def step(self) -> None:
        """Move all weights that have a gradient."""
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is None:
                    continue
                state = self.state[weights]
                if not state:
                    state["momentum"] = torch.zeros_like(weights)
                momentum = state["momentum"].mul_(MOMENTUM).add_(weights.grad)
                ahead = weights.grad + MOMENTUM * momentum  # Nesterov's
                widening = max(1.0, weights.shape[2] / weights.shape[1]) ** 0.5
                weights.sub_(group["lr"] * (group["rate"] * widening) * orthogonalised(ahead))


def orthogonalised(matrices: torch.Tensor) -> torch.Tensor:
    """The nearest orthogonal matrices (j, m, n), roughly: singular values between 0.7 and 1.2."""
    values = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + SMALLEST)
    tall = matrices.shape[1] > matrices.shape[2]
    if tall:
        values = values.mT
    for _ in range(ITERATIONS):
        squares = values @ values.mT
        values = LINEAR * values + (CUBIC * squares + QUINTIC * squares @ squares) @ values
    return values.mT if tall else values
