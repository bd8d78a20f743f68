"""What a network of the conditionals is taught: the exact sampler's conditionals, on its way."""

import math

import numpy as np
import pytest
import torch

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.chain.chain_array import CLOSING, SLOTS, chain_array, num_features
from ik_nn_ros.errors import InvalidArmError
from ik_nn_ros.models.networks import build_network
from ik_nn_ros.posterior.exact import ExactPosterior
from training.train.config import TrainingConfig
from training.train.data import held_out_targets, make_data
from training.train.lessons import BASE_SHARE, RIM, Lessons, Spread, make_lessons, reach_targets
from training.train.teacher import taught

LINKS = (0.5, 0.4, 0.3, 0.3)
RAIL = PlanarArm((0.5, 0.5, 1.0), (0.25, 0.5, 0.5, 0.5), base="rail")
LIMITED = PlanarArm(LINKS, 0.6, ((-1.0, 1.5), (-0.3, 2.0), (-2.0, 1.0), None))
CASES = {
    "position": (PlanarArm(LINKS, 0.5), POSITION),
    "pose": (PlanarArm((*LINKS, 0.2), 0.5), POSE),
    "rail": (RAIL, POSITION),
    "circle": (PlanarArm(LINKS, prior="uniform"), POSITION),
    "circle pose": (PlanarArm(LINKS, prior="uniform"), POSE),
    "limited": (LIMITED, POSITION),
    "four slots": (PlanarArm(LINKS, 1.0, (-2.5, 2.5)), POSITION),
}
EVERY_CASE = pytest.mark.parametrize(("arm", "task"), CASES.values(), ids=CASES)
WITHOUT_LIMITS = pytest.mark.parametrize(
    ("arm", "task"),
    [case for case in CASES.values() if case[0].joint_limits is None],
    ids=[name for name, case in CASES.items() if case[0].joint_limits is None],
)
SPREAD = Spread(reach_share=0.5, rim_share=0.2, places=3)
OF_PRIOR = Spread(reach_share=0.0, rim_share=0.0, places=3)


def spread_over(reach_share):
    return Spread(reach_share=reach_share, rim_share=0.0, places=1)


COUNT = 301


def made(arm, task, spread=SPREAD, seed=0, count=COUNT):
    return make_lessons(arm, task, spread, count, np.random.default_rng(seed))


def parts(lessons):
    return lessons.features, lessons.masses, lessons.places


@EVERY_CASE
@pytest.mark.parametrize("spread", [SPREAD, OF_PRIOR], ids=["reach and prior", "prior"])
def test_lessons_are_as_many_as_asked_for_and_finite(arm, task, spread):
    lessons, chain = made(arm, task, spread), chain_array(arm, task)
    free = int(chain[0, CLOSING])
    slots = int(chain[:free, SLOTS].max())
    assert len(lessons) == COUNT
    assert lessons.features.shape == (free, COUNT, num_features(chain))
    assert lessons.masses.shape == (free, COUNT, slots, 3)
    assert lessons.places.shape == (free, COUNT, slots, 3)
    for part in parts(lessons):
        assert part.dtype == torch.float32
        assert part.isfinite().all()


@EVERY_CASE
def test_masses_sum_to_one_and_places_are_of_the_unit_interval(arm, task):
    _, masses, places = parts(made(arm, task))
    assert (masses >= 0.0).all()
    torch.testing.assert_close(
        masses.sum((-2, -1)), torch.ones(masses.shape[:2]), atol=1e-5, rtol=0.0
    )
    assert (places > -1e-6).all()
    assert (places < 1.0 + 1e-6).all()


@WITHOUT_LIMITS
def test_places_rise_with_the_levels_that_they_stand_for(arm, task):
    _, masses, places = parts(made(arm, task))
    rises = places.diff(dim=-1)[masses.sum(-1) > 1e-6]
    assert (rises > -1e-6).all()
    assert rises.mean() > 0.02


@EVERY_CASE
def test_a_seed_fixes_the_lessons(arm, task):
    first, second, third = (made(arm, task, seed=seed, count=60) for seed in (1, 1, 2))
    for one, same in zip(parts(first), parts(second), strict=True):
        assert torch.equal(one, same)
    assert not torch.equal(first.features, third.features)
    assert not torch.equal(first.places, third.places)


def test_lessons_come_in_random_order():
    """Targets of the prior and over the reach come in turn, so that every batch has both."""
    features = made(*CASES["position"], spread_over(0.5), count=2000).features
    distances = features[0, :, 0]
    first, second = distances.chunk(2)
    error = math.sqrt(distances.var() * 2.0 / 1000)
    assert abs(first.mean() - second.mean()) < 5.0 * error
    far = made(*CASES["position"], spread_over(1.0), count=2000).features[0, :, 0]
    near = made(*CASES["position"], spread_over(0.0), count=2000).features[0, :, 0]
    assert abs(near.mean() - far.mean()) > 0.1


def test_a_batch_is_some_of_the_lessons():
    lessons = made(*CASES["pose"])
    rows = torch.tensor([7, 0, 7, 100])
    batch = lessons.batch(rows, torch.zeros(()), torch.Generator())
    assert isinstance(batch, Lessons)
    assert len(batch) == 4
    for whole, part in zip(parts(lessons), parts(batch), strict=True):
        assert torch.equal(part, whole[:, rows])
    assert len(lessons.batch(slice(250, 400), torch.zeros(()), torch.Generator())) == COUNT - 250


def test_a_network_s_features_are_scaled_by_the_lessons():
    arm, task = CASES["limited"]
    lessons = made(arm, task)
    network = build_network("cinn", arm, {"neurons": 4}, task)
    lessons.fit(network)
    scaled = (lessons.features - network.mean[:, None]) / network.std[:, None]
    torch.testing.assert_close(scaled.mean(1), torch.zeros_like(network.mean), atol=1e-2, rtol=0.0)
    assert (scaled.std(1) < 1.01).all()


REACHED = {
    "position": (PlanarArm((1.5, 0.4, 0.3), 0.5), POSITION),
    "pose": (PlanarArm((1.5, 0.4, 0.3, 0.2), 0.5), POSE),
    "rail": (RAIL, POSITION),
    "rail pose": (RAIL, POSE),
}


@pytest.mark.parametrize("rim_share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("arm", "task"), REACHED.values(), ids=REACHED)
def test_targets_on_the_reach_are_within_it(arm, task, rim_share):
    targets = reach_targets(arm, task, 2000, rim_share, np.random.default_rng(0))
    assert targets.shape == (2000, task.size)
    if arm.base != "rail":
        assert task.reachable(arm, targets).all()
    if task is POSE:
        assert np.ptp(targets[:, 2]) > 6.0


@pytest.mark.parametrize("name", ["position", "pose"])
def test_targets_near_the_ends_of_the_reach_are_so_and_the_others_even_by_area(name):
    arm, task = REACHED[name]
    inner, outer = arm.base_joint.reach(task.carried(arm, np.zeros(task.size)).link_lengths)
    near, even = (
        np.hypot(*task.carried(arm, reach_targets(arm, task, 4000, share, rng)).points.T)
        for share, rng in ((1.0, np.random.default_rng(0)), (0.0, np.random.default_rng(0)))
    )
    width = RIM * (outer - inner)
    at_base = near <= inner + width
    assert (at_base | (near >= outer - width)).all()
    assert at_base.mean() == pytest.approx(BASE_SHARE, abs=0.04)
    share = (even**2 - inner**2) / (outer**2 - inner**2)
    np.testing.assert_allclose(np.quantile(share, (0.1, 0.5, 0.9)), (0.1, 0.5, 0.9), atol=0.03)


def test_an_arm_hardly_any_of_whose_reach_has_solutions_is_refused():
    arm = PlanarArm((1.0, 1.0, 1.0), 0.2, (-0.01, 0.01))
    with pytest.raises(InvalidArmError, match="too few to learn from; a smaller reach_share"):
        made(arm, POSITION, spread_over(1.0), count=20)
    assert len(made(arm, POSITION, spread_over(0.0), count=20)) == 20


def angles_of(lessons, joint):
    """The angles (m, S, k) that a joint's places stand for, where nothing is cut off."""
    features, _, places = (torch.from_numpy(part)[joint].double() for part in lessons)
    bearing = torch.atan2(features[:, 6], features[:, 5])
    low, high = features[:, 9], features[:, 10]
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    side = torch.tensor([1.0, -1.0])[None, :, None]
    to_bearing = middle[:, None, None] - half[:, None, None] * torch.cos(math.pi * places)
    return bearing[:, None, None] + side * to_bearing


@pytest.mark.parametrize("name", ["position", "pose", "circle"])
def test_what_is_taught_of_a_target_is_its_posterior(name):
    """Of each free joint: means by masses and places are those of exact samples."""
    arm, task = CASES[name]
    exact, rng, count = ExactPosterior(arm, task), np.random.default_rng(0), 3000
    target = task.forward(arm, arm.sample_prior(1, rng))
    lessons = taught(exact, np.repeat(target, count, axis=0), 4, rng)
    samples = exact.sample(target, count, rng).positions[0]
    for joint in range(len(lessons[0])):
        angles, masses = angles_of(lessons, joint), torch.from_numpy(lessons[1][joint]).double()
        for function, of_samples in ((torch.cos, np.cos), (torch.sin, np.sin)):
            ours = (masses * function(angles)).sum((-2, -1)).numpy()
            theirs = of_samples(samples[:, joint])
            error = math.hypot(ours.std(), theirs.std()) / math.sqrt(count)
            assert abs(ours.mean() - theirs.mean()) < 5.0 * error + 2e-3


def test_masses_make_up_for_quantiles_that_are_wrong():
    """Whatever places come from: their masses are those of the conditionals."""
    arm, task = CASES["pose"]
    target, count = task.forward(arm, arm.sample_prior(1, np.random.default_rng(0))), 2000
    means = []
    for wrong in (False, True):
        exact = ExactPosterior(arm, task)
        if wrong:
            even = np.zeros_like(exact.tables.quantiles)
            even[..., 0], even[..., 1] = np.linspace(0.0, 1.0, even.shape[1]), 1.0
            exact.tables = exact.tables._replace(quantiles=even)
        rng = np.random.default_rng(1)
        lessons = taught(exact, np.repeat(target, count, axis=0), 16, rng)
        angles, masses = angles_of(lessons, 1), torch.from_numpy(lessons[1][1]).double()
        means.append([(masses * f(angles)).sum((-2, -1)).mean() for f in (torch.cos, torch.sin)])
    np.testing.assert_allclose(*means, atol=0.02)


def test_data_are_lessons_in_two_parts_for_a_network_of_conditionals():
    fields = {
        "model": "cinn",
        "arm": {"link_lengths": list(LINKS), "prior_std": 0.5},
        "task": "pose",
        "optimizer": {"learning_rate": 0.01},
        "data": {"num_samples": 100, "train_share": 0.8, "seed": 3},
        "batch_size": 20,
    }
    first, second = (make_data(TrainingConfig(**fields), "cpu") for _ in "ab")
    assert (len(first.train), len(first.test)) == (80, 20)
    assert torch.equal(first.train.features, second.train.features)
    assert torch.equal(first.test.places, second.test.places)
    known = {tuple(row) for row in first.train.features[0].tolist()}
    assert not known & {tuple(row) for row in first.test.features[0].tolist()}


@pytest.mark.parametrize("task", [POSITION, POSE])
def test_every_model_of_an_arm_and_a_task_is_measured_on_the_same_targets(task):
    arm = PlanarArm.of_paper(4)
    targets = held_out_targets(arm, task)
    assert targets.shape == (300_000, task.size)
    assert targets.dtype == np.float64
    np.testing.assert_allclose(targets[:, :2], held_out_targets(arm), atol=1e-6)
