"""Invariants of every network, and the paper's parameter counts."""

import dataclasses

import numpy as np
import pytest
import torch

from ik_nn_ros import IKSolver, ModelNotFoundError, PlanarArm
from ik_nn_ros.backends import BACKENDS, NetworkSampler
from ik_nn_ros.backends.eager import EagerDecoder
from ik_nn_ros.backends.kernels import KERNELS
from ik_nn_ros.checkpoint import save_checkpoint
from ik_nn_ros.models import ARCHITECTURES, pretrained_path
from ik_nn_ros.models.architectures import CINNConfig, CVAEConfig, INNConfig
from ik_nn_ros.models.networks import NETWORKS, build_network, load_network
from ik_nn_ros.ray_chart import ray_directions

ARM = PlanarArm.of_paper(5)
RAIL = PlanarArm((1.0, 0.5, 1.0, 1.5), prior_std=(0.5, 0.2, 0.2, 0.2, 0.2), base="rail")
SMALL = {
    "cvae": {"layers": 2, "neurons": 16},
    "inn": {"coupling_layers": 3, "subnet_layers": 2, "neurons": 16},
    "cinn": {"coupling_layers": 3, "subnet_layers": 1, "neurons": 16},
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


def randomised(name, arm):
    """A small network with weights away from their initial values."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(name, arm, SMALL[name])
        # Away from zero, so that no term of a density or a gradient vanishes by symmetry.
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.data += 0.1 * torch.randn_like(parameter)
    network.fit_target_scale(sum(arm.link_lengths) * torch.tensor([[0.9, 0.0], [0.5, 0.5]]))
    return network


@pytest.fixture(params=sorted(NETWORKS))
def network(request):
    return randomised(request.param, ARM)


@pytest.mark.parametrize("dof", TABLE_III)
def test_cvae_has_the_parameters_of_table_iii(dof):
    layers, neurons, parameters = TABLE_III[dof]
    config = {"layers": layers, "neurons": neurons}
    network = build_network("cvae", PlanarArm.of_paper(dof), config)
    assert network.num_parameters == parameters


@pytest.mark.parametrize("dof", TABLE_IV)
def test_inn_has_the_parameters_of_table_iv(dof):
    subnet_layers, coupling_layers, neurons, parameters = TABLE_IV[dof]
    config = {
        "subnet_layers": subnet_layers,
        "coupling_layers": coupling_layers,
        "neurons": neurons,
    }
    network = build_network("inn", PlanarArm.of_paper(dof), config)
    assert network.num_parameters == parameters


ARMS = [*map(PlanarArm.of_paper, (3, 4, 5, 7)), PlanarArm((0.5, 0.5, 1.0), base="rail")]
CONFIGS = [
    CVAEConfig(layers=1, neurons=3),
    CVAEConfig(layers=4, neurons=5, angles="vector"),
    INNConfig(coupling_layers=1, subnet_layers=1, neurons=3),
    INNConfig(coupling_layers=4, subnet_layers=3, neurons=5),
    CINNConfig(coupling_layers=1, subnet_layers=1, neurons=3),
    CINNConfig(coupling_layers=5, subnet_layers=3, neurons=4, bins=6),
]


@pytest.mark.parametrize("arm", ARMS, ids=str)
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_a_configuration_knows_the_tensors_of_its_network(config, arm):
    tensors = NETWORKS[config.kind](arm, config).state_dict()
    assert config.shapes(arm) == {name: tuple(value.shape) for name, value in tensors.items()}
    config.check(arm, {name: value.numpy() for name, value in tensors.items()})


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("config", [config for config in CONFIGS if config.kind != "cinn"], ids=str)
def test_an_arm_of_two_joints_has_no_latents_and_is_solved_all_the_same(config, backend, tmp_path):
    arm = PlanarArm((1.0, 1.0))
    network = NETWORKS[config.kind](arm, config)
    network.fit_target_scale(torch.tensor([[1.8, 0.0], [1.6, 0.2]]))
    save_checkpoint(tmp_path / "two.safetensors", network, {}, {})
    solver = IKSolver.from_checkpoint(tmp_path / "two.safetensors", backend=backend)
    assert solver.sample([(1.7, 0.1)]).shape == (1, 2)


def test_cinn_refuses_what_it_cannot_learn():
    with pytest.raises(ValueError, match="3 or more joints"):
        build_network("cinn", PlanarArm((1.0, 1.0)), SMALL["cinn"])
    with pytest.raises(ValueError, match="bins must be 2 or more"):
        build_network("cinn", ARM, SMALL["cinn"] | {"bins": 1})


def test_every_configuration_has_its_network():
    assert NETWORKS.keys() == ARCHITECTURES.keys() == KERNELS.keys()
    with pytest.raises(ModelNotFoundError, match="available: cvae, inn, cinn"):
        build_network("gan", ARM, {})


def test_samples_have_their_shapes_and_follow_the_seed(network):
    sampler = NetworkSampler(EagerDecoder(network))
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
    sampler = NetworkSampler(EagerDecoder(network))
    targets = np.array([[2.0, 0.3], [2.5, -0.1]])
    whole = sampler.sample(targets, 50, np.random.default_rng(1))
    monkeypatch.setattr("ik_nn_ros.backends.eager.CHUNK_SIZE", 13)
    chunked = sampler.sample(targets, 50, np.random.default_rng(1))
    np.testing.assert_allclose(chunked.positions, whole.positions, atol=1e-5)


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


def to_targets(network, standardised):
    """The inverse of an INN's `standardise`."""
    root, shift = (standardised * network.target_std + network.target_mean).unbind(1)
    return network.arm.base_joint.points(network.arm.reach[1] - root.square(), shift)


def test_inn_reads_a_target_by_its_distance_from_full_reach_and_its_bearing():
    network = build_network("inn", ARM, SMALL["inn"]).double()
    targets = torch.from_numpy(ARM.forward(ARM.sample_prior(50, np.random.default_rng(0))))
    network.fit_target_scale(targets)
    standardised = network.standardise(targets)
    torch.testing.assert_close(standardised.mean(0), torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(standardised.std(0), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(to_targets(network, standardised), targets)
    rim = torch.tensor([[ARM.reach[1], 0.0]], dtype=torch.float64)
    assert network.standardise(rim).isfinite().all()


@pytest.mark.parametrize("arm", [ARM, RAIL], ids=["revolute", "rail"])
def test_inn_log_density_is_that_of_the_autograd_jacobian(arm):
    """log N(z) + log |d [z, y] / d theta|, the determinant from automatic differentiation."""
    network = build_network("inn", arm, SMALL["inn"]).double()
    network.fit_target_scale(torch.tensor([[2.0, -0.5], [3.0, 0.5]]))
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(6, network.latent_dim, dtype=torch.float64, generator=generator)
    targets = torch.tensor([[2.0, 0.3]], dtype=torch.float64).expand(6, 2)
    theta = network.decode(targets, latents)
    log_density = network.log_density(theta, targets)

    def latent_and_tcp(theta: torch.Tensor) -> torch.Tensor:
        forward = network.encode(theta[None])
        return torch.cat((forward.latents[0], to_targets(network, forward.targets)[0]))

    for row in range(6):
        outputs = latent_and_tcp(theta[row])
        torch.testing.assert_close(outputs, torch.cat((latents[row], targets[row])))
        jacobian = torch.autograd.functional.jacobian(latent_and_tcp, theta[row])
        normal = torch.distributions.Normal(0.0, 1.0).log_prob(latents[row]).sum()
        expected = normal + torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(log_density[row], expected)


@pytest.mark.parametrize("arm", [ARM, RAIL], ids=["revolute", "rail"])
def test_cinn_samples_are_on_their_targets_trained_or_not(arm):
    network = build_network("cinn", arm, SMALL["cinn"])
    rng = np.random.default_rng(0)
    targets = arm.forward(arm.sample_prior(20, rng))
    targets[0] = (arm.reach[1] - 1e-9, 0.0)
    positions = NetworkSampler(EagerDecoder(network)).sample(targets, 50, rng).positions
    assert np.abs(arm.forward(positions) - targets[:, None]).max() < 1e-9


def test_cinn_log_prob_is_that_of_the_autograd_jacobian():
    network = randomised("cinn", ARM).double()
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(6, network.latent_dim, dtype=torch.float64, generator=generator)
    targets = torch.tensor([[2.0, 0.3]], dtype=torch.float64).expand(6, 2)
    log_prob = network.log_prob(vectors, targets)
    transform = network.flow(network.standardise(targets[:1])[0]).transform
    for row in range(6):
        latents = transform(vectors[row])
        jacobian = torch.autograd.functional.jacobian(transform, vectors[row])
        normal = torch.distributions.Normal(0.0, 1.0).log_prob(latents).sum()
        expected = normal + torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(log_prob[row], expected)


@pytest.mark.parametrize("target", [(3.45, -0.1), (3.499, 0.0)])
def test_cinn_density_of_directions_integrates_to_one(target):
    """Over the sphere, with the shipped weights: the quadrature is for what training leads to."""
    network = load_network(pretrained_path("cinn", 6))
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(20_000, 5, generator=generator)
    directions = torch.nn.functional.normalize(directions, dim=1)
    with torch.no_grad():
        targets = torch.tensor([target]).expand(len(directions), 2)
        density = network.log_density_of_directions(directions, targets).exp()
    area = 8.0 / 3.0 * np.pi**2  # of the unit sphere in five dimensions
    assert density.mean().item() * area == pytest.approx(1.0, abs=0.06)


def test_cinn_decodes_the_density_with_respect_to_the_surface():
    """Density on the sphere over dS / dOmega, each from its own function."""
    network = randomised("cinn", ARM).double()
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(20, network.latent_dim, dtype=torch.float64, generator=generator)
    targets = torch.tensor([[2.0, 0.3]], dtype=torch.float64).expand(20, 2)
    theta = network.decode(targets, latents)
    log_density = network.log_density(theta, targets)
    directions = ray_directions(theta, network.from_joints)
    on_sphere = network.log_density_of_directions(directions, targets)
    volume = network.chart.log_volume(theta, targets)
    torch.testing.assert_close(log_density, on_sphere - volume)


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({"prior_std": 1.0}, "6.7%"),
        ({"prior": "uniform", "prior_std": None, "prior_mean": None}, "37.8%"),
    ],
)
def test_cinn_refuses_an_arm_that_curls_and_says_how_much_of_it(changes, share):
    arm = dataclasses.replace(PlanarArm.of_paper(6), **changes)
    with pytest.raises(ValueError, match=f"cannot represent {share} of this arm's prior"):
        build_network("cinn", arm, SMALL["cinn"])


def test_cinn_takes_a_uniform_prior_within_narrow_limits():
    arm = PlanarArm((0.5, 0.5, 1.0), prior="uniform", joint_limits=(-0.5, 0.5))
    assert build_network("cinn", arm, SMALL["cinn"]).latent_dim == 2


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        (CVAEConfig, {"layers": 0, "neurons": 10}),
        (CVAEConfig, {"layers": 2, "neurons": 1.5}),
        (INNConfig, {"coupling_layers": -1, "subnet_layers": 2, "neurons": 4}),
        (CINNConfig, {"coupling_layers": 1, "subnet_layers": 1, "neurons": 4, "bins": 0}),
        (INNConfig, {"coupling_layers": 1, "subnet_layers": 2, "neurons": 4, "clamp": 0.0}),
    ],
)
def test_impossible_configurations_are_refused(config, fields):
    with pytest.raises(ValueError, match="must be"):
        config(**fields)
