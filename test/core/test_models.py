"""Invariants of every network, and the paper's parameter counts."""

import numpy as np
import pytest
import torch

from ik_nn_ros import PlanarArm
from ik_nn_ros.models import NETWORKS, NetworkSampler, build_network
from ik_nn_ros.models.cvae import CVAEConfig
from ik_nn_ros.models.inn import INNConfig

ARM = PlanarArm.of_paper(5)
SMALL = {
    "cvae": {"layers": 2, "neurons": 16},
    "inn": {"coupling_layers": 3, "subnet_layers": 2, "neurons": 16},
}
TABLE_III = {  # dof: layers, neurons, parameters
    4: (3, 230, 217_128),
    6: (3, 200, 166_814),
    8: (3, 500, 1_022_020),
    10: (5, 400, 1_303_226),
}
TABLE_IV = {  # dof: subnet layers, coupling layers, neurons, parameters
    4: (5, 9, 100, 1_108_872),
    6: (5, 7, 180, 2_772_084),
    8: (4, 9, 115, 997_884),
    10: (5, 7, 170, 2_494_380),
}


@pytest.fixture(params=sorted(NETWORKS))
def network(request):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(request.param, ARM, SMALL[request.param])
        # Away from zero, so that no term of a density or a gradient vanishes by symmetry.
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.data += 0.1 * torch.randn_like(parameter)
    network.fit_target_scale(torch.tensor([[2.0, -0.5], [3.0, 0.5]]))
    return network


def num_parameters(network):
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize("dof", TABLE_III)
def test_cvae_has_the_parameters_of_table_iii(dof):
    layers, neurons, parameters = TABLE_III[dof]
    config = {"layers": layers, "neurons": neurons}
    network = build_network("cvae", PlanarArm.of_paper(dof), config)
    assert num_parameters(network) == parameters


@pytest.mark.parametrize("dof", TABLE_IV)
def test_inn_has_the_parameters_of_table_iv(dof):
    subnet_layers, coupling_layers, neurons, parameters = TABLE_IV[dof]
    config = {
        "subnet_layers": subnet_layers,
        "coupling_layers": coupling_layers,
        "neurons": neurons,
    }
    network = build_network("inn", PlanarArm.of_paper(dof), config)
    assert num_parameters(network) == parameters


def test_samples_have_their_shapes_and_follow_the_seed(network):
    sampler = NetworkSampler(network)
    targets = np.array([[2.0, 0.3], [2.5, -0.1]])
    first, second, third = (
        sampler.sample(targets, 7, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.positions.shape == (2, 7, ARM.dof)
    assert first.positions.dtype == np.float64
    assert first.log_densities is None or first.log_densities.shape == (2, 7)
    assert np.array_equal(first.positions, second.positions)
    assert not np.array_equal(first.positions, third.positions)


def test_large_requests_in_chunks_equal_the_whole(network, monkeypatch):
    sampler = NetworkSampler(network)
    targets = np.array([[2.0, 0.3], [2.5, -0.1]])
    whole = sampler.sample(targets, 50, np.random.default_rng(1))
    monkeypatch.setattr("ik_nn_ros.models.base.CHUNK_SIZE", 13)
    chunked = sampler.sample(targets, 50, np.random.default_rng(1))
    np.testing.assert_allclose(chunked.positions, whole.positions, atol=1e-6)


def test_building_a_network_leaves_numpy_s_generator_alone():
    np.random.seed(5)
    state = np.random.get_state()[1].copy()
    build_network("inn", ARM, SMALL["inn"])
    assert np.array_equal(np.random.get_state()[1], state)


def test_inn_is_a_bijection():
    network = build_network("inn", ARM, SMALL["inn"]).double()
    theta = torch.from_numpy(ARM.sample_prior(20, np.random.default_rng(0)))
    forward = network.encode(theta)
    torch.testing.assert_close(network.invert(forward.latents, forward.targets), theta)


def test_inn_reads_a_target_by_its_distance_from_full_reach_and_its_bearing():
    network = build_network("inn", ARM, SMALL["inn"]).double()
    targets = torch.from_numpy(ARM.forward(ARM.sample_prior(50, np.random.default_rng(0))))
    network.fit_target_scale(targets)
    standardised = network.standardise(targets)
    torch.testing.assert_close(standardised.mean(0), torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(standardised.std(0), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(network.to_targets(standardised), targets)
    rim = torch.tensor([[ARM.reach[1], 0.0]], dtype=torch.float64)
    assert network.standardise(rim).isfinite().all()


def test_inn_log_density_is_that_of_the_autograd_jacobian():
    """log N(z) + log |d [z, y] / d theta|, the determinant from automatic differentiation."""
    network = build_network("inn", ARM, SMALL["inn"]).double()
    network.fit_target_scale(torch.tensor([[2.0, -0.5], [3.0, 0.5]]))
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(6, network.latent_dim, dtype=torch.float64, generator=generator)
    targets = torch.tensor([[2.0, 0.3]], dtype=torch.float64).expand(6, 2)
    theta, log_density = network.decode(targets, latents)

    def latent_and_tcp(theta: torch.Tensor) -> torch.Tensor:
        forward = network.encode(theta[None])
        return torch.cat((forward.latents[0], network.to_targets(forward.targets)[0]))

    for row in range(6):
        outputs = latent_and_tcp(theta[row])
        torch.testing.assert_close(outputs, torch.cat((latents[row], targets[row])))
        jacobian = torch.autograd.functional.jacobian(latent_and_tcp, theta[row])
        normal = torch.distributions.Normal(0.0, 1.0).log_prob(latents[row]).sum()
        expected = normal + torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(log_density[row], expected)
    torch.testing.assert_close(
        network.encode(theta).log_det + (-0.5 * latents**2 - 0.5 * np.log(2 * np.pi)).sum(1),
        log_density,
    )


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        (CVAEConfig, {"layers": 0, "neurons": 10}),
        (CVAEConfig, {"layers": 2, "neurons": 1.5}),
        (INNConfig, {"coupling_layers": -1, "subnet_layers": 2, "neurons": 4}),
        (INNConfig, {"coupling_layers": 1, "subnet_layers": 2, "neurons": 4, "clamp": 0.0}),
    ],
)
def test_impossible_configurations_are_refused(config, fields):
    with pytest.raises(ValueError, match="must be"):
        config(**fields)
