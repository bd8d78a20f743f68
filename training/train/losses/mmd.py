"""The MMD that the INN is trained with, and its gradient without the memory it usually takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

CPU_BLOCK_ROWS = 64  # kernel matrices of 64 x 1000 stay in the cache

MMDFunction = Callable[[torch.Tensor, torch.Tensor, Sequence[float]], torch.Tensor]
"""A squared MMD of (n, d) and (m, d) under kernels of some widths."""


def biased_mmd2(x: torch.Tensor, y: torch.Tensor, widths: Sequence[float]) -> torch.Tensor:
    """Biased MMD^2 of (n, d) and (m, d) under a mean of inverse multiquadratic kernels.

    Gradients flow to ``x`` only: ``y`` is what it should become.
    """
    y = y.detach()
    # In k(x, x) both arguments move; by symmetry each contributes the same gradient.
    within, fixed = _MeanKernel.apply(x, x.detach(), widths), _MeanKernel.apply(y, y, widths)
    return 2.0 * within - within.detach() - 2.0 * _MeanKernel.apply(x, y, widths) + fixed


class _MeanKernel(torch.autograd.Function):
    """Mean over all pairs of mean_h h / (h + |x - y|^2), differentiable in x.

    By hand because automatic differentiation keeps a dozen n x m matrices for the backward pass.
    The gradient is known as soon as the kernel is, so block after block gives both.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, y: torch.Tensor, widths: Sequence[float]):
        blocks = x.split(CPU_BLOCK_ROWS) if x.device.type == "cpu" else (x,)
        values, gradients = zip(*(_kernel_block(block, y, widths) for block in blocks), strict=True)
        scale = 1.0 / (len(x) * len(y) * len(widths))
        ctx.save_for_backward(torch.cat(gradients) * scale)
        return torch.stack(values).sum() * scale

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor):
        (gradient,) = ctx.saved_tensors
        return grad * gradient, None, None


def _kernel_block(
    x: torch.Tensor, y: torch.Tensor, widths: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the kernels over all pairs of a block, and its gradient (n, d) by ``x``."""
    squared = torch.addmm(x.square().sum(1, keepdim=True) + y.square().sum(1), x, y.T, alpha=-2)
    squared.clamp_(min=0.0)
    total = x.new_zeros(())
    slope = torch.zeros_like(squared)
    kernel = torch.empty_like(squared)
    for width in widths:
        torch.add(squared, width, out=kernel).reciprocal_().mul_(width)
        total += kernel.sum()
        slope.addcmul_(kernel, kernel, value=-1.0 / width)
    return total, 2.0 * (slope.sum(1, keepdim=True) * x - slope @ y)
