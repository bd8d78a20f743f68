"""A conditional invertible network whose samples are on the target by construction.

The network learns the posterior over the directions u of the arm's `RayChart`, by maximum
likelihood alone. A direction is no vector of R^n, so the flow models w = t u instead, with a length
t drawn from the chi distribution of n degrees of freedom, independent of everything: near full
reach, where all directions are alike, w is standard normal. There is no noise to anneal and no thin
shell to learn, and a sample's TCP misses its target by rounding errors only.

The density of a direction is that of w with the length integrated out, see `models.lengths`.
"""

from __future__ import annotations

from functools import partial

import torch
from torch.distributions import Transform
from zuko.distributions import DiagNormal
from zuko.flows import (
    ElementWiseTransform,
    Flow,
    GeneralCouplingTransform,
    UnconditionalDistribution,
)
from zuko.transforms import CouplingTransform, MonotonicAffineTransform, MonotonicRQSTransform

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.models.architectures import CINNConfig
from ik_nn_ros.models.lengths import length_quadrature
from ik_nn_ros.models.network import GenerativeNetwork
from ik_nn_ros.ray_chart import RayChart, ray_directions


class CINN(GenerativeNetwork):
    """A flow over directions, conditioned on the target's distance from full reach and bearing."""

    def __init__(self, arm: PlanarArm, config: CINNConfig) -> None:
        super().__init__(arm, config)
        self.chart = RayChart(arm)
        n = self.chart.dimension
        hidden = [config.neurons] * config.subnet_layers
        couplings = [
            _Coupling(
                features=n,
                context=2,
                mask=torch.from_numpy(mask),
                univariate=MonotonicRQSTransform,
                shapes=[(config.bins,), (config.bins,), (config.bins - 1,)],
                hidden_features=hidden,
            )
            for mask in config.masks(arm)
        ]
        scaling = ElementWiseTransform(
            n, context=2, univariate=MonotonicAffineTransform, hidden_features=hidden
        )
        base = UnconditionalDistribution(DiagNormal, torch.zeros(n), torch.ones(n), buffer=True)
        self.flow = Flow([scaling, *couplings], base)
        lengths, log_weights = map(torch.from_numpy, length_quadrature(n))
        self.register_buffer("to_joints", torch.from_numpy(self.chart.to_joints))
        from_joints = torch.from_numpy(self.chart.from_joints)
        self.register_buffer("from_joints", from_joints, persistent=False)
        self.register_load_state_dict_post_hook(_use_loaded_chart)
        self.register_buffer("lengths", lengths.float(), persistent=False)
        self.register_buffer("log_weights", log_weights.float(), persistent=False)

    def directions(self, theta: torch.Tensor) -> torch.Tensor:
        """Unit vectors (b, n) of the rays on which configurations (b, dof) [rad] lie."""
        return ray_directions(theta.double(), self.from_joints).to(self.target_mean.dtype)

    def log_prob(self, vectors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Log density (b,) of the vectors w (b, n) given targets (b, 2) [m]."""
        return self.flow(self.standardise(targets)).log_prob(vectors)

    def log_density_of_directions(
        self, directions: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        """Log density (b,) of unit vectors (b, n) on the sphere given targets (b, 2) [m]."""
        vectors = directions * self.lengths[:, None, None]
        context = self.standardise(targets).expand(len(self.lengths), -1, -1)
        log_prob = self.flow(context).log_prob(vectors)
        return torch.logsumexp(log_prob + self.log_weights[:, None], dim=0)

    def log_density(self, theta: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        theta, targets = theta.double(), targets.double()
        on_sphere = self.log_density_of_directions(self.directions(theta), targets)
        return on_sphere - self.chart.log_volume(theta, targets)

    def decode(self, targets: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        vectors = self.flow(self.standardise(targets)).transform.inv(latents)
        directions = torch.nn.functional.normalize(vectors.double(), dim=1)
        return self.chart.solve(directions, targets.double())


def _use_loaded_chart(network: CINN, _: object) -> None:
    """The flow knows the directions of the chart that it was trained with."""
    network.chart = RayChart(network.arm, network.to_joints.cpu().numpy())
    network.from_joints.copy_(torch.from_numpy(network.chart.from_joints))


class _Coupling(GeneralCouplingTransform):
    """zuko's, which would look its dimensions up in every pass, and a GPU would wait for that."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("read", self.mask.nonzero().squeeze(1), persistent=False)
        self.register_buffer("moved", (~self.mask).nonzero().squeeze(1), persistent=False)

    def forward(self, c: torch.Tensor | None = None) -> Transform:
        return _CouplingTransform(partial(self.meta, c), self.read, self.moved)


class _CouplingTransform(CouplingTransform):
    def __init__(self, meta: partial, read: torch.Tensor, moved: torch.Tensor) -> None:
        Transform.__init__(self)
        self.meta, self.idx_a, self.idx_b = meta, read, moved
