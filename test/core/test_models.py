"""Invariants of every network, and the paper's parameter counts."""

import numpy as np
import pytest
import torch

from ik_nn_ros import ModelNotFoundError, PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION, TASKS
from ik_nn_ros.backends.eager import eager_sampler
from ik_nn_ros.backends.kernels import KERNELS
from ik_nn_ros.models import ARCHITECTURES
from ik_nn_ros.models.architectures import CINNConfig, CVAEConfig, INNConfig
from ik_nn_ros.models.cinn import CINN, LEAST_DEVIATION
from ik_nn_ros.models.networks import (
    NETWORKS,
    build_network,
    restore_network,
    trained_model,
)

ARM = PlanarArm.of_paper(5)
RAIL = PlanarArm((1.0, 0.5, 1.0, 1.5), prior_std=(0.5, 0.2, 0.2, 0.2, 0.2), base="rail")
SMALL = {
    "cvae": {"layers": 2, "neurons": 16},
    "inn": {"coupling_layers": 3, "subnet_layers": 2, "neurons": 16},
    "cinn": {"neurons": 16, "hidden_layers": 1, "bins": 6},
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
    if name != "cinn":
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
    CINNConfig(neurons=3, hidden_layers=1, bins=1),
    CINNConfig(neurons=4, hidden_layers=3, bins=6),
]
LIMITED = PlanarArm((0.5, 0.4, 0.3, 0.3), 0.6, (-2.0, 1.5))
FITTING = [
    (config, arm, task)
    for config in CONFIGS
    for arm in (*ARMS, LIMITED)
    for task in TASKS.values()
    if task.name in config.tasks
    and arm.dof > task.closing_joints
    and (arm.base != "rail" or getattr(config, "angles", "plain") == "plain")
]


@pytest.mark.parametrize(("config", "arm", "task"), FITTING)
def test_a_configuration_knows_the_tensors_of_its_network(config, arm, task):
    tensors = NETWORKS[config.kind](arm, task, config).state_dict()
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    assert config.shapes(arm, task) == shapes
    numbers = {name: value.numpy() for name, value in tensors.items()}
    config.check_types(arm, task, numbers)
    config.check_values(numbers)


@pytest.mark.parametrize(("config", "arm", "task"), FITTING[::3])
def test_a_network_is_restored_from_its_numbers(config, arm, task):
    model = trained_model(NETWORKS[config.kind](arm, task, config))
    again = trained_model(restore_network(model))
    assert (again.arm, again.task, again.config) == (arm, task, config)
    assert again.tensors.keys() == model.tensors.keys()
    for name, tensor in model.tensors.items():
        assert np.array_equal(again.tensors[name], tensor), name


@pytest.mark.parametrize(
    ("name", "arm", "task", "needed"),
    [
        ("cinn", PlanarArm((1.0, 1.0)), POSITION, "3 or more joints for a position"),
        ("cinn", PlanarArm((1.0, 1.0, 1.0)), POSE, "4 or more joints for a pose"),
        ("cinn", PlanarArm((1.0,), base="rail"), POSITION, "3 or more joints for a position"),
        ("cvae", PlanarArm((1.0, 1.0)), POSITION, "3 or more joints for a position"),
        ("inn", PlanarArm((1.0, 1.0)), POSITION, "3 or more joints for a position"),
        ("inn", PlanarArm((1.0,), base="rail"), POSITION, "3 or more joints for a position"),
    ],
)
def test_an_arm_with_finitely_many_solutions_is_refused_and_exact_named(name, arm, task, needed):
    """A network would give one of two."""
    reason = f"{name} needs {needed}: .* all of which exact gives"
    with pytest.raises(ValueError, match=reason):
        build_network(name, arm, SMALL[name], task)
    with pytest.raises(ValueError, match=reason):
        ARCHITECTURES[name](**SMALL[name]).shapes(arm, task)


def test_a_rail_s_position_is_no_direction():
    arm = PlanarArm((1.0, 1.0, 1.0), base="rail")
    for angles in ("vector", "wrapped"):
        with pytest.raises(ValueError, match="angles must be plain on a rail"):
            CVAEConfig(layers=1, neurons=8, angles=angles).shapes(arm, POSITION)


@pytest.mark.parametrize("name", ["cvae", "inn"])
def test_a_network_of_positions_refuses_poses(name):
    with pytest.raises(ValueError, match=f"{name} learns position, not pose"):
        build_network(name, ARM, SMALL[name], POSE)


def test_every_configuration_has_its_network():
    assert NETWORKS.keys() == ARCHITECTURES.keys() == {*KERNELS, "cinn"}
    with pytest.raises(ModelNotFoundError, match="available: cvae, inn, cinn"):
        build_network("gan", ARM, {})


def test_samples_have_their_shapes_and_follow_the_seed(network):
    sampler = eager_sampler(network)
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
    sampler = eager_sampler(network)
    targets = np.array([[2.0, 0.3], [2.5, -0.1]])
    whole = sampler.sample(targets, 50, np.random.default_rng(1))
    monkeypatch.setattr("ik_nn_ros.backends.eager.CHUNK_SIZE", 13)
    monkeypatch.setattr("ik_nn_ros.posterior.weighted.ROWS_AT_ONCE", 13)
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


CIRCLE = PlanarArm((0.5, 0.5, 0.5, 1.0), prior="uniform")
CHAINS = pytest.mark.parametrize(
    ("arm", "task"),
    [
        (ARM, POSITION),
        (ARM, POSE),
        (RAIL, POSITION),
        (RAIL, POSE),
        (CIRCLE, POSITION),
        (LIMITED, POSE),
    ],
    ids=["position", "pose", "rail", "rail pose", "circle", "limited pose"],
)


@CHAINS
def test_cinn_samples_are_on_their_targets_trained_or_not(arm, task):
    rng = np.random.default_rng(0)
    targets = task.forward(arm, arm.sample_prior(5, rng))
    sampler = eager_sampler(build_network("cinn", arm, SMALL["cinn"], task))
    samples = sampler.sample(targets, 50, rng)
    residuals = task.residual(arm, samples.positions, targets[:, None])
    assert np.abs(residuals).max() < 1e-12 * max(1.0, sum(arm.link_lengths))
    assert samples.position_errors.max() < 1e-12 * max(1.0, sum(arm.link_lengths))
    assert arm.within_limits(samples.positions).all()


def test_cinn_samples_are_on_targets_at_the_ends_of_the_reach():
    arm = PlanarArm((2.0, 0.5, 0.5), 0.5)
    sampler = eager_sampler(build_network("cinn", arm, SMALL["cinn"]))
    for distance in (3.0, 3.0 - 1e-9, 1.0 + 1e-9, 1.0):
        samples = sampler.sample(np.array([[0.0, distance]]), 20, np.random.default_rng(0))
        assert np.isfinite(samples.positions).all()
        assert samples.position_errors.max() < 1e-11


@CHAINS
def test_cinn_has_a_network_of_its_own_for_each_free_joint(arm, task):
    network = build_network("cinn", arm, SMALL["cinn"], task)
    free = arm.dof - task.closing_joints
    features = torch.randn(free, 7, network.mean.shape[1])
    with torch.no_grad():
        said = network(features)
        assert said.shape[:2] == (free, 7)
        for joint in range(free):
            alone = network(features[joint : joint + 1], slice(joint, joint + 1))
            torch.testing.assert_close(alone[0], said[joint])
    for parameter in network.parameters():
        assert parameter.shape[0] == free
    assert network.num_parameters == sum(one.numel() for one in network.parameters())


def test_cinn_stores_the_scale_of_its_features_and_magnifies_none_that_hardly_varies():
    network = build_network("cinn", ARM, SMALL["cinn"])
    features = 3.0 + 2.0 * torch.randn(*network.mean[:, None].expand(-1, 5000, -1).shape)
    features[1, :, 4] = 0.7
    features[2, :, 5] = 0.1 * LEAST_DEVIATION * torch.randn(5000)
    network.fit_scale(features)
    torch.testing.assert_close(
        network.mean[0], torch.full_like(network.mean[0], 3.0), atol=0.2, rtol=0.0
    )
    torch.testing.assert_close(
        network.std[0], torch.full_like(network.std[0], 2.0), atol=0.1, rtol=0.0
    )
    assert network.std[1, 4] == network.std[2, 5] == 1.0
    assert network.mean[1, 4].item() == pytest.approx(0.7)
    assert (network.std > 0.0).all()


def test_cinn_takes_features_however_far_out_for_no_more_than_its_bound():
    network = build_network("cinn", ARM, SMALL["cinn"])
    features = torch.randn(3, 4, network.mean.shape[1])
    bound = network.config.most_deviations
    with torch.no_grad():
        far, at_bound = network(1e6 * features), network(bound * features.sign())
    torch.testing.assert_close(far, at_bound)


def test_an_untrained_cinn_begins_with_nearly_even_densities():
    network = CINN(ARM, POSITION, CINNConfig())
    with torch.no_grad():
        said = network(torch.randn(3, 200, network.mean.shape[1]))
    assert said.abs().max() < 1.5
    assert said.std() < 0.3


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        (CVAEConfig, {"layers": 0, "neurons": 10}),
        (CVAEConfig, {"layers": 2, "neurons": 1.5}),
        (INNConfig, {"coupling_layers": -1, "subnet_layers": 2, "neurons": 4}),
        (CINNConfig, {"bins": 0}),
        (CINNConfig, {"hidden_layers": 0}),
        (CINNConfig, {"neurons": 16.0}),
        (INNConfig, {"coupling_layers": 1, "subnet_layers": 2, "neurons": 4, "clamp": 0.0}),
    ],
)
def test_impossible_configurations_are_refused(config, fields):
    with pytest.raises(ValueError, match="must be"):
        config(**fields)
