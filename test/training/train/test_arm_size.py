"""An arm is trained and measured alike, whatever it measures: in millimetres as in metres."""

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.backends.eager import eager_sampler
from measuring.mmd import mmd2, mmd_paper
from measuring.rejection import rejection_samples
from training.train.config import TrainingConfig
from training.train.trainer import Trainer

SIZE = 1024.0  # a power of two: not even rounding differs
STEPS = 12
NETWORKS = {
    "cvae": {"layers": 2, "neurons": 16},
    "inn": {"coupling_layers": 2, "subnet_layers": 2, "neurons": 16},
    "cinn": {"neurons": 8, "bins": 6},
}
OBJECTIVES = {
    "inn": {
        "fit_weight": 10,
        "latent_weight": 100,
        "reconstruction_weight": 0.1,
        "sample_weight": 100,
        "noise": 0.01,
    }
}
LINKS = [0.25, 0.25, 0.066]


def arm_of(base, size):
    """The fields of an arm so many times as large."""
    fields = {"link_lengths": [size * length for length in LINKS], "prior_std": 0.5}
    if base == "rail":
        fields |= {"base": "rail", "prior_std": [0.1 * size, 0.5, 0.5, 0.5]}
    return fields


def trained(model, base, size):
    config = TrainingConfig(
        model=model,
        arm=arm_of(base, size),
        network=NETWORKS[model],
        objective=OBJECTIVES.get(model, {}),
        optimizer={"learning_rate": 0.01},
        data={"num_samples": 2000},
        batch_size=100,
    )
    trainer = Trainer(config, "cpu", STEPS)
    trainer.advance(STEPS)
    return eager_sampler(trainer.network)


@pytest.mark.parametrize("base", ["revolute", "rail"])
@pytest.mark.parametrize("model", NETWORKS)
def test_a_network_of_a_larger_arm_learns_the_same(model, base):
    targets = np.array([[0.45, 0.1], [0.5, -0.1]])
    one, other = (
        trained(model, base, size).sample(size * targets, 20, np.random.default_rng(0)).positions
        for size in (1.0, SIZE)
    )
    units = PlanarArm(**arm_of(base, SIZE)).joint_units / PlanarArm(**arm_of(base, 1.0)).joint_units
    np.testing.assert_allclose(other / units, one, atol=2e-3)


@pytest.mark.parametrize("base", ["revolute", "rail"])
def test_the_reference_and_the_statistics_know_no_unit(base):
    values = []
    for size in (1.0, SIZE):
        arm = PlanarArm(**arm_of(base, size))
        targets = size * np.array([[0.45, 0.1], [0.5, -0.1]])
        samples = rejection_samples(arm, targets, 60, np.random.default_rng(0), 20_000)
        first, second = np.split(arm.embed(samples), 2, axis=1)
        values.append([[mmd2(*pair), mmd_paper(*pair)] for pair in zip(first, second, strict=True)])
    np.testing.assert_allclose(values[1], values[0], atol=1e-9)
