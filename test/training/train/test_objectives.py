"""The losses: against plain formulas, and every parameter learns."""

import numpy as np
import pytest
import torch

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSITION
from ik_nn_ros.models.networks import NETWORKS, build_network
from training.train.lessons import make_lessons
from training.train.losses.likelihood import negative_log_likelihood
from training.train.losses.mmd import biased_mmd2
from training.train.objectives import OBJECTIVES, Batch, ramp

ARM = PlanarArm.of_paper(4)
CONFIGS = {
    "cvae": {"layers": 2, "neurons": 8},
    "inn": {"coupling_layers": 3, "subnet_layers": 2, "neurons": 8},
    "cinn": {"neurons": 8, "hidden_layers": 2, "bins": 6},
}
SETTINGS = {
    "cvae": {},
    "cinn": {},
    "inn": {
        "fit_weight": 1,
        "latent_weight": 1,
        "reconstruction_weight": 1,
        "sample_weight": 1,
    },
}


def make_batch(progress=0.5, size=50):
    generator = torch.Generator().manual_seed(0)
    theta = 0.2 * torch.randn(size, ARM.dof, generator=generator)
    return Batch(theta, ARM.forward(theta), torch.tensor(progress, dtype=torch.float64), generator)


def some_lessons(size=50, seed=0):
    spread = OBJECTIVES["cinn"]()
    return make_lessons(ARM, POSITION, spread, size, np.random.default_rng(seed))


@pytest.mark.parametrize("model", sorted(NETWORKS))
def test_the_gradient_reaches_every_parameter(model):
    network = build_network(model, ARM, CONFIGS[model])
    if model == "cinn":
        batch = some_lessons()
        batch.fit(network)
    else:
        batch = make_batch()
        network.fit_target_scale(batch.targets)
    terms = OBJECTIVES[model].model_validate(SETTINGS[model])(network, batch)
    assert all(term.shape == () and term.isfinite() for term in terms.values())
    sum(terms.values()).backward()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


def test_cvae_terms_are_the_evidence_lower_bound_s():
    network = build_network("cvae", ARM, CONFIGS["cvae"])
    terms = OBJECTIVES["cvae"](kl_weight=0.5)(network, make_batch())
    batch = make_batch()
    mean, log_variance = network.encode(batch.theta, batch.targets)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    normal = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    kl = torch.distributions.kl_divergence(posterior, normal).sum(1).mean()
    torch.testing.assert_close(terms["kl"], 0.5 * kl)
    latents = posterior.mean + posterior.stddev * batch.normal(network.latent_dim)
    error = network.decode(batch.targets, latents) - batch.theta
    torch.testing.assert_close(terms["reconstruction"], error.square().sum(1).mean())


def test_cinn_minimises_what_a_target_s_conditionals_are_unlikely_by():
    """The mean over the lessons of the sum over the joints, so that no size changes its scale."""
    network = build_network("cinn", ARM, CONFIGS["cinn"])
    lessons = some_lessons(30)
    (term,) = OBJECTIVES["cinn"]()(network, lessons).values()
    joints = [
        negative_log_likelihood(
            network(lessons.features)[joint],
            lessons.masses[joint],
            lessons.places[joint],
            network.config,
        )
        for joint in range(2)
    ]
    torch.testing.assert_close(term, sum(joints) / 30.0)
    halves = [
        sum(OBJECTIVES["cinn"]()(network, lessons.batch(rows, None, None)).values()).item()
        for rows in (slice(15), slice(15, None))
    ]
    assert sum(halves) / 2.0 == pytest.approx(term.item(), rel=1e-5)


def test_cinn_learns_unseen_conditionals():
    network = build_network("cinn", ARM, CONFIGS["cinn"])
    seen, unseen = some_lessons(1000), some_lessons(500, seed=1)
    seen.fit(network)
    objective = OBJECTIVES["cinn"]()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    before = sum(objective(network, unseen).values()).item()
    for _ in range(100):
        optimizer.zero_grad()
        sum(objective(network, seen).values()).backward()
        optimizer.step()
    assert sum(objective(network, unseen).values()).item() < before - 0.8


@pytest.mark.parametrize(
    "settings", [{"reach_share": 1.1}, {"rim_share": -0.1}, {"places": 0}, {"reach": 0.5}]
)
def test_cinn_s_settings_are_shares_and_counts(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        OBJECTIVES["cinn"].model_validate(settings)


def test_biased_mmd2_is_the_plain_formula_and_so_is_its_gradient():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(150, 4, dtype=torch.float64, generator=generator, requires_grad=True)
    y = torch.randn(90, 4, dtype=torch.float64, generator=generator)
    widths = (0.5, 2.0)

    def mean_kernel(a, b):
        squared = (a[:, None] - b[None]).square().sum(-1)
        return sum((h / (h + squared)).mean() for h in widths) / len(widths)

    plain = mean_kernel(x, x) - 2.0 * mean_kernel(x, y) + mean_kernel(y, y)
    ours = biased_mmd2(x, y, widths)
    torch.testing.assert_close(ours, plain)
    gradients = [torch.autograd.grad(value, x)[0] for value in (ours, plain)]
    torch.testing.assert_close(*gradients)


def test_the_backward_loss_is_ramped_up_to_one():
    values = ramp(torch.tensor((0.0, 0.3, 0.6, 0.9, 1.0))).tolist()
    assert values == sorted(values)
    assert values[0] < 0.01
    assert values[-1] == 1.0
