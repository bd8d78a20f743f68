"""What each network minimises: one function per model, one table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat

from ik_nn_ros.models import CVAE, INN

CPU_BLOCK_ROWS = 64  # kernel matrices of 64 x 1000 stay in the cache

Terms = dict[str, torch.Tensor]
"""The weighted terms of a loss by name; their sum is what is minimised."""


class Batch(NamedTuple):
    """One training step's input.

    Attributes:
        theta: (b, dof) configurations [rad].
        targets: (b, 2) their TCPs [m].
        progress: the share of the training done before this step, 0 to 1.
        generator: the step's randomness, on the batch's device.
    """

    theta: torch.Tensor
    targets: torch.Tensor
    progress: float
    generator: torch.Generator

    def normal(self, width: int) -> torch.Tensor:
        """A standard normal (b, width)."""
        return torch.randn(
            len(self.theta), width, device=self.theta.device, generator=self.generator
        )


class Objective(BaseModel):
    """Base of the objectives' settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CVAEObjective(Objective):
    """Squared error of the reconstruction, summed over the joints, plus the weighted KL term."""

    kl_weight: NonNegativeFloat = 0.0067

    def __call__(self, network: CVAE, batch: Batch) -> Terms:
        mean, log_variance = network.encode(batch.theta, batch.targets)
        latents = mean + torch.exp(0.5 * log_variance) * batch.normal(network.latent_dim)
        error = network.reconstruction_error(batch.theta, batch.targets, latents)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1).mean()
        return {
            "reconstruction": error.square().sum(1).mean(),
            "kl": self.kl_weight * kl,
        }


class INNObjective(Objective):
    """The losses of Ardizzone et al. 2018, section 3.3, as the paper uses them.

    Forward: squared error on the target and MMD between [z, y] and [normal, target], y detached.
    Backward: reconstruction of theta from a slightly moved latent, and MMD between theta and the
    samples that random latents give; the latter is ramped up over a share of the training.

    All terms are in units of the prior's deviation (theta) and of the targets' (y).
    """

    fit_weight: NonNegativeFloat
    latent_weight: NonNegativeFloat
    reconstruction_weight: NonNegativeFloat
    sample_weight: NonNegativeFloat
    ramp_share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    noise: NonNegativeFloat = 1e-3
    kernel_widths: tuple[PositiveFloat, ...] = (0.2, 1.0, 4.0)

    def __call__(self, network: INN, batch: Batch) -> Terms:
        theta = batch.theta + self.noise * batch.normal(network.arm.dof)
        targets = network.standardise(batch.targets + self.noise * batch.normal(2))
        forward = network.encode(theta)
        normal = batch.normal(network.latent_dim)

        outputs = torch.cat((forward.latents, forward.targets.detach()), dim=1)
        wanted = torch.cat((normal, targets), dim=1)

        moved = forward.latents.detach() + self.noise * batch.normal(network.latent_dim)
        backward = network.invert(torch.cat((moved, normal)), torch.cat((targets, targets)))
        recovered, samples = (backward / network.joint_scale).chunk(2)
        theta = theta / network.joint_scale
        return {
            "fit": self.fit_weight * (forward.targets - targets).square().sum(1).mean(),
            "latent": self.latent_weight * mmd2(outputs, wanted, self.kernel_widths),
            "reconstruction": self.reconstruction_weight
            * (recovered - theta).square().sum(1).mean(),
            "samples": self.sample_weight
            * ramp(batch.progress / self.ramp_share)
            * mmd2(samples, theta, self.kernel_widths),
        }


def ramp(progress: float) -> float:
    """Weight of the backward MMD: a backward pass through an untrained network means little yet."""
    return min(1.0, 2.0 * 0.002 ** (1.0 - progress))


def mmd2(x: torch.Tensor, y: torch.Tensor, widths: Sequence[float]) -> torch.Tensor:
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


OBJECTIVES: dict[str, type[Objective]] = {CVAE.kind: CVAEObjective, INN.kind: INNObjective}
