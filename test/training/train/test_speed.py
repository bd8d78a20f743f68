"""The plain loop is the same training, only slower."""

import pytest
import torch

from training.train.config import TrainingConfig
from training.train.losses.mmd import biased_mmd2
from training.train.speed import automatic_mmd2, measure_speed, plain_loop

CONFIG = {
    "model": "inn",
    "arm": {"link_lengths": [0.5, 0.5, 1.0]},
    "network": {"coupling_layers": 2, "subnet_layers": 2, "neurons": 8},
    "objective": {
        "fit_weight": 1,
        "latent_weight": 1,
        "reconstruction_weight": 1,
        "sample_weight": 1,
    },
    "optimizer": {"learning_rate": 0.003, "gradient_clip": 1.0},
    "data": {"num_samples": 1000},
    "batch_size": 100,
}


def test_both_mmds_agree_with_their_gradients():
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(70, 3, generator=generator, dtype=torch.float64) for _ in "xy")
    values, gradients = [], []
    for function in (biased_mmd2, automatic_mmd2):
        moved = x.clone().requires_grad_()
        value = function(moved, y, (0.2, 1.0))
        value.backward()
        values.append(value.detach())
        gradients.append(moved.grad)
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_the_plain_loop_learns():
    losses = plain_loop(TrainingConfig(**CONFIG), "cpu")
    values = [next(losses) for _ in range(60)]
    assert sum(values[-5:]) < 0.8 * sum(values[:5])


@pytest.mark.parametrize("model", ["cvae", "inn"])
def test_the_speed_of_both_loops_is_measured(model):
    fields = CONFIG if model == "inn" else CONFIG | {"model": "cvae", "objective": {}}
    if model == "cvae":
        fields = fields | {"network": {"layers": 1, "neurons": 8}}
    speed = measure_speed("small", TrainingConfig(**fields), "cpu", seconds=0.05)
    assert speed.total_steps == TrainingConfig(**fields).total_steps
    assert speed.steps_per_second > 0.0
    assert speed.plain_steps_per_second > 0.0
