"""Muon's steps, and which weights it moves."""

import pytest
import torch

from training.train.config import TrainingConfig
from training.train.muon import MOMENTUM, Muon, orthogonalised
from training.train.step import TrainingStep

CINN = {
    "model": "cinn",
    "arm": {"link_lengths": [0.5, 0.5, 0.5, 1.0]},
    "network": {"neurons": 8},
    "optimizer": {"learning_rate": 0.01, "muon": 2.5},
}


def stacks(*shape, condition=1.0, seed=0):
    """Matrices (2, *shape) whose singular values lie between 1 and 1 / condition."""
    random = torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))
    u, values, v = torch.linalg.svd(random, full_matrices=False)
    wanted = torch.logspace(0.0, -1.0, values.shape[1], base=condition)
    return u * wanted @ v


@pytest.mark.parametrize("shape", [(6, 6), (20, 6), (6, 20)])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_all_directions_count_alike_and_stay_where_they_point(shape, size):
    matrices = stacks(*shape, condition=100.0)
    values = orthogonalised(size * matrices)
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    turned = u.mT @ values @ v.mT
    shares = turned.diagonal(dim1=1, dim2=2)
    assert shares.min() > 0.6
    assert shares.max() < 1.3
    torch.testing.assert_close(turned, torch.diag_embed(shares), atol=1e-3, rtol=0.0)


def test_no_gradient_is_no_direction():
    assert not orthogonalised(torch.zeros(2, 3, 4)).any()


@pytest.mark.parametrize(("shape", "widening"), [((5, 5), 1.0), ((5, 20), 2.0), ((20, 5), 1.0)])
def test_a_step_is_as_long_as_the_rate_in_each_direction(shape, widening):
    weights = torch.zeros(2, *shape, requires_grad=True)
    rate = torch.tensor(0.0, dtype=torch.float64)
    optimizer = Muon([weights], rate, 3.0)
    rate.fill_(0.1)  # the rate of a step is what the tensor holds then
    weights.grad = stacks(*shape, condition=4.0)
    optimizer.step()
    expected = -0.1 * 3.0 * widening * orthogonalised(weights.grad)
    torch.testing.assert_close(weights.detach(), expected)


def test_earlier_gradients_have_their_say():
    first, second = stacks(4, 4, seed=1), stacks(4, 4, seed=2)
    weights = torch.zeros(2, 4, 4, requires_grad=True)
    optimizer = Muon([weights], torch.tensor(1.0))
    weights.grad = first
    optimizer.step()
    before = weights.detach().clone()
    weights.grad = second
    optimizer.step()
    momentum = MOMENTUM * first + second
    expected = before - orthogonalised(second + MOMENTUM * momentum)
    torch.testing.assert_close(weights.detach(), expected)


@pytest.mark.parametrize("muon", [2.5, None])
def test_each_weight_is_moved_by_one_optimizer(muon):
    config = TrainingConfig(**CINN | {"optimizer": {"learning_rate": 0.01, "muon": muon}})
    network = config.build_network()
    step = TrainingStep(config, network, train=None)
    moved = [
        [id(p) for group in optimizer.param_groups for p in group["params"]]
        for optimizer in step.optimizers
    ]
    assert sorted(sum(moved, [])) == sorted(id(p) for p in network.parameters())
    if muon is not None:
        assert moved[0] == [id(network.weights[0]), id(network.weights[1])]
