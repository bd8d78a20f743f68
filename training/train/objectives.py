"""What each network minimises: one class per model, one table at the end."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat

from ik_nn_ros.models.architectures import CINNConfig, CVAEConfig, INNConfig
from ik_nn_ros.models.cinn import CINN
from ik_nn_ros.models.cvae import CVAE
from ik_nn_ros.models.inn import INN
from training.train.lessons import Lessons, Spread
from training.train.losses.likelihood import negative_log_likelihood
from training.train.losses.mmd import MMDFunction, biased_mmd2

Terms = dict[str, torch.Tensor]
"""The weighted terms of a loss by name; their sum is what is minimised."""


class Batch(NamedTuple):
    """One training step's input.

    Attributes:
        theta: (b, dof) configurations [rad].
        targets: (b, 2) their TCPs [m].
        progress: () float64, the share of the training done before this step, 0 to 1.
        generator: the step's randomness, on the batch's device.
    """

    theta: torch.Tensor
    targets: torch.Tensor
    progress: torch.Tensor
    generator: torch.Generator

    def normal(self, width: int) -> torch.Tensor:
        """A standard normal (b, width)."""
        return torch.randn(
            len(self.theta), width, device=self.theta.device, generator=self.generator
        )


class Objective(BaseModel):
    """Base of the objectives' settings; unknown keys are errors.

    A GPU repeats an objective as a CUDA graph: it looks at no value and takes none from the CPU.

    Attributes:
        machine_code: whether its arithmetic is machine code for the CPU, for networks so small that
            PyTorch's own threads would wait for one another longer than they work.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    machine_code: ClassVar[bool] = False


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

    Attributes:
        mmd2: how the MMD is computed.
        noise: deviation of what is added to latents, to joint positions [rad] and targets; of
            lengths in the arm's units.
    """

    mmd2: ClassVar[MMDFunction] = staticmethod(biased_mmd2)
    fit_weight: NonNegativeFloat
    latent_weight: NonNegativeFloat
    reconstruction_weight: NonNegativeFloat
    sample_weight: NonNegativeFloat
    ramp_share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    noise: NonNegativeFloat = 1e-3
    kernel_widths: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (0.2, 1.0, 4.0)

    def __call__(self, network: INN, batch: Batch) -> Terms:
        units = network.joint_units, network.arm.unit
        theta = batch.theta + self.noise * units[0] * batch.normal(network.arm.dof)
        targets = network.standardise(batch.targets + self.noise * units[1] * batch.normal(2))
        forward = network.encode(theta)
        normal = batch.normal(network.latent_dim)

        outputs = torch.cat((forward.latents, forward.targets.detach()), dim=1)
        wanted = torch.cat((normal, targets), dim=1)

        moved = forward.latents.detach() + self.noise * batch.normal(network.latent_dim)
        backward = network.invert(torch.cat((moved, normal)), torch.cat((targets, targets)))
        recovered, samples = (backward / network.joint_scale).chunk(2)
        theta = theta / network.joint_scale
        sample_weight = self.sample_weight * ramp(batch.progress / self.ramp_share)
        return {
            "fit": self.fit_weight * (forward.targets - targets).square().sum(1).mean(),
            "latent": self.latent_weight * self.mmd2(outputs, wanted, self.kernel_widths),
            "reconstruction": self.reconstruction_weight
            * (recovered - theta).square().sum(1).mean(),
            "samples": sample_weight.float() * self.mmd2(samples, theta, self.kernel_widths),
        }


def ramp(progress: torch.Tensor) -> torch.Tensor:
    """Weight of the backward MMD: a backward pass through an untrained network means little yet.

    Its course is that of the example that Ardizzone et al. published with FrEIA.
    """
    return torch.clamp(2.0 * 0.002 ** (1.0 - progress), max=1.0)


class CINNObjective(Spread, Objective):
    """Negative log-likelihood of what the exact sampler says, in nats a target.

    What it says and which targets that is about are an objective's settings, see `Spread`.
    """

    machine_code = True

    def __call__(self, network: CINN, lessons: Lessons) -> Terms:
        said = network(lessons.features)
        total = negative_log_likelihood(said, lessons.masses, lessons.places, network.config)
        return {"negative log-likelihood": total / len(lessons)}


OBJECTIVES: dict[str, type[Objective]] = {
    CVAEConfig.kind: CVAEObjective,
    INNConfig.kind: INNObjective,
    CINNConfig.kind: CINNObjective,
}
