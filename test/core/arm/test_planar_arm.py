"""The planar arm: forward kinematics, Jacobian, prior, limits, dictionaries."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ik_nn_ros import InvalidArmError, InvalidRequestError, PlanarArm
from ik_nn_ros.arm.planar_arm import CHUNK_SIZE
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.models import WEIGHTS_FOLDER

arms = st.builds(
    lambda links, base: PlanarArm(tuple(links), base=base),
    st.lists(st.floats(0.05, 3.0), min_size=2, max_size=12),
    st.sampled_from(["revolute", "rail"]),
)
KINEMATICS = ("forward", "jacobian", "joint_positions", "headings")
OF_CONFIGURATIONS = (*KINEMATICS, "log_prior", "within_limits")


def test_paper_arm_has_half_metre_links_and_a_last_link_of_one_metre():
    arm = PlanarArm.of_paper(6)
    assert arm.link_lengths == (0.5, 0.5, 0.5, 0.5, 0.5, 1.0)
    assert arm.prior_std == arm.joint_scale == (0.2,) * 6
    assert arm.reach == (0.0, 3.5)


def test_inner_reach_is_what_the_longest_link_leaves():
    assert PlanarArm((2.0, 0.5, 0.5)).reach == (1.0, 3.0)


def test_forward_follows_equation_one():
    theta = np.array([0.3, -0.2, 0.9])
    arm = PlanarArm((0.5, 0.7, 1.1))
    x = sum(link * math.cos(sum(theta[: i + 1])) for i, link in enumerate(arm.link_lengths))
    y = sum(link * math.sin(sum(theta[: i + 1])) for i, link in enumerate(arm.link_lengths))
    np.testing.assert_allclose(arm.forward(theta), (x, y), atol=1e-15)


@settings(max_examples=25, deadline=None)
@given(arms, st.integers(0, 2**32 - 1))
def test_numpy_and_torch_agree_and_keep_their_types(arm, seed):
    torch = pytest.importorskip("torch")
    theta = np.random.default_rng(seed).uniform(-3.0, 3.0, (4, 3, arm.dof))
    for method in (arm.forward, arm.jacobian, arm.joint_positions):
        in_torch = method(torch.from_numpy(theta))
        assert in_torch.dtype == torch.float64
        np.testing.assert_allclose(method(theta), in_torch.numpy(), atol=1e-12)


@pytest.mark.parametrize("base", ["revolute", "rail"])
@pytest.mark.parametrize("method", OF_CONFIGURATIONS)
def test_whole_numbers_and_lists_are_joint_positions(base, method):
    arm = PlanarArm((0.5, 0.7, 1.1), base=base, prior_std=0.5, joint_limits=(-2.0, 2.0))
    theta = np.arange(-1, arm.dof - 1) % 2  # whole numbers
    expected = getattr(arm, method)(theta.astype(float))
    np.testing.assert_array_equal(getattr(arm, method)(theta), expected)
    np.testing.assert_array_equal(getattr(arm, method)(theta.tolist()), expected)


@pytest.mark.parametrize("method", KINEMATICS)
def test_tensors_of_whole_numbers_are_joint_positions(method):
    torch = pytest.importorskip("torch")
    arm, theta = PlanarArm((0.5, 0.7, 1.1)), np.array([0, 1, -1])
    in_torch = getattr(arm, method)(torch.from_numpy(theta))
    np.testing.assert_allclose(in_torch, getattr(arm, method)(theta), atol=1e-15)


@pytest.mark.parametrize("method", OF_CONFIGURATIONS)
@pytest.mark.parametrize("shape", [(2,), (4,), (5, 4), (0,), ()])
def test_another_number_of_joint_positions_is_refused(method, shape):
    arm = PlanarArm((0.5, 0.7, 1.1))
    with pytest.raises(
        InvalidRequestError, match=r"theta: must be 3 joint positions, \(\.\.\., 3\)"
    ):
        getattr(arm, method)(np.zeros(shape))


def test_whole_numbers_are_targets_of_errors():
    arm = PlanarArm((1.0, 0.5))
    assert arm.position_errors([0, 0], [1, 0]) == pytest.approx(0.5)


@settings(max_examples=25, deadline=None)
@given(arms, st.integers(0, 2**32 - 1))
def test_jacobian_is_the_derivative_of_forward(arm, seed):
    torch = pytest.importorskip("torch")
    theta = torch.from_numpy(np.random.default_rng(seed).uniform(-3.0, 3.0, arm.dof))
    expected = torch.autograd.functional.jacobian(arm.forward, theta)
    np.testing.assert_allclose(arm.jacobian(theta).numpy(), expected.numpy(), atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(arms, st.integers(0, 2**32 - 1))
def test_joint_positions_run_from_the_base_to_the_tcp_along_the_links(arm, seed):
    theta = np.random.default_rng(seed).uniform(-3.0, 3.0, (5, arm.dof))
    points = arm.joint_positions(theta)
    assert points.shape == (5, arm.dof + 1, 2)
    assert np.all(points[:, 0] == 0.0)
    np.testing.assert_allclose(points[:, -1], arm.forward(theta), atol=1e-12)
    lengths = np.linalg.norm(np.diff(points, axis=1), axis=2)
    if arm.base == "rail":
        np.testing.assert_allclose(lengths[:, 0], np.abs(theta[:, 0]), atol=1e-12)
        lengths = lengths[:, 1:]
    np.testing.assert_allclose(lengths, np.tile(arm.link_lengths, (5, 1)), atol=1e-12)


def test_prior_samples_have_each_joint_s_own_deviation():
    arm = PlanarArm((1.0, 1.0, 1.0), prior_std=(0.1, 0.2, 0.4))
    samples = arm.sample_prior(20_000, np.random.default_rng(0))
    np.testing.assert_allclose(samples.std(0), arm.prior_std, rtol=0.03)


def test_a_uniform_prior_covers_the_circle():
    arm = PlanarArm((1.0, 1.0), prior="uniform")
    samples = arm.sample_prior(20_000, np.random.default_rng(0))
    assert np.abs(samples).max() <= np.pi
    np.testing.assert_allclose(samples.std(0), arm.joint_scale, rtol=0.02)


def test_differences_go_the_short_way_round_a_full_circle_only():
    first, second = np.radians([178.0, 10.0]), np.radians([-178.0, -20.0])
    full = PlanarArm((1.0, 1.0), prior="uniform").joint_differences(first, second)
    np.testing.assert_allclose(np.degrees(full), [-4.0, 30.0])
    plain = PlanarArm((1.0, 1.0)).joint_differences(first, second)
    np.testing.assert_allclose(np.degrees(plain), [356.0, 30.0])


@pytest.mark.parametrize(
    "arm",
    [
        PlanarArm((1.0, 1.0), prior_std=(0.1, 0.5)),
        PlanarArm((1.0, 1.0), prior="uniform"),
        PlanarArm((1.0, 1.0), prior_mean=0.3, joint_limits=(None, (0.5, 0.9))),
        PlanarArm((1.0, 1.0), prior=("normal", "uniform"), joint_limits=(-0.4, 0.2)),
    ],
)
def test_the_log_prior_is_the_sum_of_the_joints(arm):
    theta = arm.sample_prior(20, np.random.default_rng(0)).reshape(4, 5, arm.dof)
    theta[0, 0, 1] += 1.0  # beyond the limits, where there are some
    by_joint = [joint.log_density(theta[..., i]) for i, joint in enumerate(arm.joints)]
    np.testing.assert_allclose(arm.log_prior(theta), np.sum(by_joint, 0))
    assert np.isneginf(arm.log_prior(theta)[0, 0]) == (arm.joint_limits is not None)


def test_position_errors_broadcast_and_are_those_of_forward_kinematics():
    arm = PlanarArm((1.0, 0.5))
    theta = np.zeros((2, CHUNK_SIZE, 2))
    theta[1, -1] = 0.0, np.pi / 2.0  # beyond the first chunk
    errors = arm.position_errors(theta, np.array([1.5, 0.0]))
    assert errors.shape == theta.shape[:2]
    assert errors[1, -1] == pytest.approx(np.hypot(0.5, 0.5))
    assert np.count_nonzero(errors) == 1


def test_limits_are_kept_joint_by_joint():
    arm = PlanarArm((1.0, 1.0), joint_limits=((-1.0, 1.0), (0.0, 2.0)))
    theta = np.array([[0.0, 1.0], [1.5, 1.0], [0.0, -0.1]])
    assert arm.within_limits(theta).tolist() == [True, False, False]


@pytest.mark.parametrize(
    "arm",
    [
        PlanarArm((1.0, 2.0), prior_std=0.3, joint_limits=((-1, 1), (-2, 2))),
        PlanarArm((1.0, 2.0), prior="uniform"),
        PlanarArm((1.0, 2.0), prior_std=(0.1, 0.2, 0.3), base="rail"),
        PlanarArm((1.0, 2.0), prior="uniform", joint_limits=((0.0, 1.0), None)),
        PlanarArm((1.0, 2.0), 0.3, prior=("uniform", "normal"), prior_mean=(None, 0.7)),
        PlanarArm((1.0, 2.0), joint_names=("shoulder", "elbow")),
    ],
)
def test_an_arm_survives_its_dictionary(arm):
    assert PlanarArm.from_dict(arm.to_dict()) == arm
    assert PlanarArm.from_dict(json.loads(json.dumps(arm.to_dict()))) == arm
    assert hash(replace(arm)) == hash(arm)


def test_what_is_said_once_holds_for_all_joints():
    limits = ((-1.0, 2.0), (-1.0, 2.0))
    arm = PlanarArm((1.0, 1.0), 0.3, (-1.0, 2.0), prior_mean=0.5)
    assert arm == PlanarArm(
        (1.0, 1.0), (0.3, 0.3), limits, ("normal", "normal"), "revolute", (0.5,) * 2
    )
    assert arm == PlanarArm(np.ones(2), np.full(2, 0.3), np.array(limits), prior_mean=[0.5, 0.5])
    assert [joint.name for joint in arm.joints] == ["joint_1", "joint_2"]
    assert arm.joints[0].kind == "revolute"
    free = PlanarArm((1.0, 1.0), joint_limits=(None, None, None), base="rail")
    assert free.joint_limits is None
    assert [joint.kind for joint in free.joints] == ["rail", "continuous", "continuous"]


def test_one_deviation_for_a_mixed_arm_is_its_normal_joints():
    arm = PlanarArm((1.0, 1.0), 0.3, prior=("uniform", "normal"), prior_mean=0.4)
    assert arm.prior_std == (None, 0.3)
    assert arm.prior_mean == (None, 0.4)
    assert arm.joint_scale == (pytest.approx(math.pi / math.sqrt(3.0)), 0.3)
    assert not arm.full_circle


@pytest.mark.parametrize("path", sorted(WEIGHTS_FOLDER.glob("*.safetensors")), ids=lambda p: p.stem)
def test_shipped_arms_load_with_the_scale_they_were_trained_in(path):
    checkpoint = load_checkpoint(path)
    arm, trained = checkpoint.model.arm, checkpoint.training["arm"]
    assert PlanarArm.from_dict(trained) == arm
    uniform = trained.get("prior") == "uniform"
    if arm.joint_limits is not None:  # they truncate the prior
        if uniform:
            widths = np.ptp(arm.joint_limits, axis=1)
            np.testing.assert_allclose(arm.joint_scale, widths / math.sqrt(12.0))
        else:
            assert np.less(arm.joint_scale, trained["prior_std"]).all()
        return
    std = math.pi / math.sqrt(3.0) if uniform else trained["prior_std"]
    np.testing.assert_array_max_ulp(arm.joint_scale, np.broadcast_to(std, arm.dof), 2)
    assert arm.full_circle is uniform


@pytest.mark.parametrize(
    "fields",
    [
        {
            "link_lengths": [0.5, 0.5],
            "prior_std": [math.pi / math.sqrt(3.0)] * 2,
            "joint_limits": None,
        },
        {"link_lengths": [0.5, 0.5], "prior_std": math.pi / math.sqrt(3.0)},
        {"link_lengths": [0.5, 0.5], "prior_std": None},
    ],
)
def test_old_dictionaries_of_uniform_arms_load(fields):
    arm = PlanarArm.from_dict({"prior": "uniform"} | fields)
    assert arm == PlanarArm((0.5, 0.5), prior="uniform")


def test_prior_draws_keep_the_limits_of_a_truncated_prior():
    arm = PlanarArm(
        (0.3, 0.25, 0.2), 0.5, ((-2.5, 2.5), (0.2, 2.4), (1.2, 2.4)), prior_mean=(0.0, 0.8, 0.8)
    )
    samples = arm.sample_prior(5000, np.random.default_rng(0))
    assert arm.within_limits(samples).all()
    assert np.isfinite(arm.log_prior(samples)).all()
    np.testing.assert_allclose(samples.std(0), arm.joint_scale, rtol=0.05)


def test_numpy_and_torch_draw_and_embed_the_same_configurations():
    torch = pytest.importorskip("torch")
    arm = PlanarArm((1.0, 1.0, 0.5), 0.5, (None, (0.1, 0.9), None), ("uniform", "normal", "normal"))
    u = np.random.default_rng(0).random((4, 5, 3))
    drawn = arm.prior_quantiles(torch.from_numpy(u)).numpy()
    np.testing.assert_allclose(drawn, arm.prior_quantiles(u), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(arm.embed(torch.from_numpy(u)).numpy(), arm.embed(u))


@pytest.mark.parametrize("base", ["revolute", "rail"])
def test_the_heading_is_the_direction_of_the_last_link(base):
    arm = PlanarArm((0.5, 0.7, 1.1), base=base)
    theta = np.random.default_rng(0).uniform(-1.0, 1.0, (6, arm.dof))
    points = arm.joint_positions(theta)
    last = points[:, -1] - points[:, -2]
    expected = np.exp(1j * arm.headings(theta))
    np.testing.assert_allclose((last[:, 0] + 1j * last[:, 1]) / 1.1, expected, atol=1e-12)


def test_circles_and_wide_angles_are_compared_as_chords():
    arm = PlanarArm(
        (1.0, 1.0, 1.0),
        (0.2, 0.5, None, 0.5),
        (None, None, None, (-1.0, 1.0)),
        ("normal", "normal", "uniform", "normal"),
        "rail",
    )
    theta = np.array([[0.1, 0.2, 0.3, 0.4]])
    expected = [0.1 / arm.unit, 0.4, *np.cos((0.2, 0.3)), *np.sin((0.2, 0.3))]
    np.testing.assert_allclose(arm.embed(theta), [expected])
    np.testing.assert_allclose(
        arm.wrapped(theta + 4.0) - theta, [[4.0, 4.0, 4.0 - 2.0 * np.pi, 4.0]]
    )
    narrow = theta[:, :2]
    assert PlanarArm((1.0, 1.0), 0.3).embed(narrow) is narrow


@pytest.mark.parametrize(
    "fields",
    [
        {"link_lengths": (1.0,)},
        {"link_lengths": (1.0, -1.0)},
        {"link_lengths": (1.0, 1.0), "base": "wheels"},
        {"link_lengths": (1.0, 1.0), "base": "rail", "prior": "uniform"},
        {"link_lengths": (1.0, 1.0), "base": "rail", "prior_std": (0.1, 0.1)},
        {"link_lengths": (1.0, math.nan)},
        {"link_lengths": (1.0, 1.0), "prior_std": 0.0},
        {"link_lengths": (1.0, 1.0), "prior_std": (0.1,)},
        {"link_lengths": (1.0, 1.0), "prior_std": "wide"},
        {"link_lengths": ("a", 1.0)},
        {"link_lengths": "12"},
        {"link_lengths": (True, True)},
        {"link_lengths": (1.0, 1.0), "prior_std": True},
        {"link_lengths": (1.0, 1.0), "joint_limits": ("12", "13")},
        {"link_lengths": (1.0, 1.0), "joint_limits": (False, True)},
        {"link_lengths": (1.0, 1.0), "joint_limits": ((-1.0, None), None)},
        {"link_lengths": (1.0, 1.0), "joint_limits": ((0,), (1, 2))},
        {"link_lengths": (1.0, 1.0), "prior_std": (0.1, 0.1, 0.1)},
        {"link_lengths": (1.0, 1.0), "prior": "triangular"},
        {"link_lengths": (1.0, 1.0), "prior": "uniform", "prior_std": 0.2},
        {"link_lengths": (1.0, 1.0), "prior": "uniform", "prior_std": (0.2, None)},
        {"link_lengths": (1.0, 1.0), "prior": "uniform", "prior_std": 0.0},
        {"link_lengths": (1.0, 1.0), "prior": "uniform", "prior_mean": 0.2},
        {"link_lengths": (1.0, 1.0), "prior": ("normal",)},
        {"link_lengths": (1.0, 1.0), "prior_mean": math.nan},
        {"link_lengths": (1.0, 1.0), "prior_mean": (0.0,) * 3},
        {"link_lengths": (1.0, 1.0), "prior_std": (0.1, math.inf)},
        {"link_lengths": (10**400, 1.0)},
        {"link_lengths": (1.0, 1.0), "joint_limits": ((0.0, 1.0),)},
        {"link_lengths": (1.0, 1.0), "joint_limits": (1.0, None)},
        {"link_lengths": (1.0, 1.0), "joint_limits": (20.0, 30.0)},
        {"link_lengths": (1.0, 1.0), "joint_names": ("elbow",)},
        {"link_lengths": (1.0, 1.0), "joint_names": ("elbow", "elbow")},
        {"link_lengths": (1.0, 1.0), "joint_names": ("elbow", "")},
        {"link_lengths": (1.0, 1.0), "joint_names": "ab"},
        {"link_lengths": (1.0, 1.0), "joint_limits": ((1.0, 0.0), (0.0, 1.0))},
    ],
)
def test_impossible_arms_are_refused(fields):
    with pytest.raises(InvalidArmError):
        PlanarArm(**fields)
