"""The way between an arm in its plane and the robot that it is part of."""

import json
import math

import numpy as np
import pytest

from ik_nn_ros import InvalidArmError, PlanarArm
from ik_nn_ros.arm.frames import rotation, rpy_of, turn, turns_about_z
from ik_nn_ros.arm.mount import Mount

MOUNT = Mount(
    signs=(1, -1, -1),
    zeros=(0.25, -1.5, 0.0),
    xyz=(0.1, 0.2, 0.3),
    rpy=(0.4, -0.7, 2.0),
    tip_rpy=(math.pi, 0.2, -1.0),
    lever=0.15,
)


@pytest.mark.parametrize("pitch", [0.3, -1.2, math.pi / 2.0, -math.pi / 2.0, math.pi / 2.0 - 1e-9])
def test_roll_pitch_and_yaw_give_the_rotation_that_they_were_taken_from(pitch):
    matrix = rotation((0.4, pitch, -2.5))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(rotation(rpy_of(matrix)), matrix, atol=1e-14)


def test_turns_about_an_axis_agree_with_those_about_z():
    np.testing.assert_allclose(turn(np.array([0.0, 0.0, 1.0]), 0.7), turns_about_z(0.7), atol=1e-16)
    axis = np.array([2.0, -1.0, 2.0]) / 3.0
    np.testing.assert_allclose(turn(axis, 0.7) @ axis, axis, atol=1e-15)


def test_joint_values_have_their_own_zero_and_sense():
    theta = np.array([[0.5, 0.25, 1.0], [0.0, 0.0, 0.0]])
    values = MOUNT.robot_values(theta)
    np.testing.assert_array_equal(values, [[0.25, -1.75, -1.0], [-0.25, -1.5, 0.0]])
    np.testing.assert_array_equal(MOUNT.plane_values(values), theta)


def test_a_mount_that_says_nothing_changes_nothing():
    theta = np.array([0.1, -0.2])
    for mount in (Mount(), Mount(signs=[1, 1], zeros=[0.0, 0.0], velocity_limits=[None, None])):
        assert mount == Mount()
        assert hash(mount) == hash(Mount())
        np.testing.assert_array_equal(mount.robot_values(theta), theta)
        np.testing.assert_array_equal(mount.plane_values(theta), theta)
        np.testing.assert_array_equal(mount.base_points(theta), [0.1, -0.2, 0.0])


def test_points_come_back_from_the_base_link_s_frame():
    points = np.random.default_rng(0).normal(size=(4, 5, 2))
    again, heights = MOUNT.plane_points(MOUNT.base_points(points))
    np.testing.assert_allclose(again, points, atol=1e-15)
    np.testing.assert_allclose(heights, np.zeros((4, 5)), atol=1e-15)


def test_poses_of_the_tip_come_back_as_targets_of_the_tcp():
    rng = np.random.default_rng(0)
    points, headings = rng.normal(size=(4, 5, 2)), rng.uniform(-math.pi, math.pi, (4, 5))
    seen = MOUNT.plane_targets(MOUNT.tip_poses(points, headings))
    np.testing.assert_allclose(seen.targets[..., :2], points, atol=1e-14)
    np.testing.assert_allclose(seen.targets[..., 2], headings, atol=1e-14)
    np.testing.assert_allclose(seen.heights, np.zeros((4, 5)), atol=1e-14)
    np.testing.assert_allclose(seen.tilts, np.zeros((4, 5)), atol=1e-14)


def test_targets_say_how_far_off_the_plane_a_pose_is():
    pose = MOUNT.tip_poses(np.array([0.5, 0.1]), 0.3)
    pose[:3, 3] += 0.02 * rotation(MOUNT.rpy)[:, 2]
    tilted = rotation(MOUNT.rpy) @ rotation((0.05, 0.0, 0.0)) @ rotation(MOUNT.rpy).T
    pose[:3, :3] = tilted @ pose[:3, :3]
    seen = MOUNT.plane_targets(pose)
    assert seen.heights == pytest.approx(0.02, abs=1e-15)
    assert seen.tilts == pytest.approx(0.05, abs=1e-3)


def test_an_arm_keeps_its_mount_in_json_and_has_none_there_that_says_nothing():
    arm = PlanarArm([0.3, 0.2, 0.1], mount=MOUNT)
    assert PlanarArm.from_dict(json.loads(json.dumps(arm.to_dict()))) == arm
    assert arm != PlanarArm([0.3, 0.2, 0.1])
    assert "mount" not in PlanarArm([0.3, 0.2, 0.1]).to_dict()


def test_what_a_mount_holds_is_not_compared():
    assert Mount(held={"slide": 0.1}) == Mount()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"signs": (1, 0.5)}, "signs must be 1 or -1"),
        ({"signs": ("up", 1)}, "signs must be numbers"),
        ({"signs": (1, 10**400)}, "signs must be numbers"),
        ({"zeros": (0.0, math.nan)}, "zeros must be finite"),
        ({"zeros": (0.0, None)}, "zeros must be finite"),
        ({"xyz": (0.0, 1.0)}, "three numbers"),
        ({"velocity_limits": (1.0, 0.0)}, "velocities must be positive"),
        ({"lever": -0.1}, "lever"),
        ({"tip_link": ""}, "names"),
        ({"base_link": 5}, "names"),
        ({"held": ["slide"]}, "held must be finite numbers by the names of joints"),
        ({"held": {"slide": "0.1"}}, "held must be finite numbers"),
        ({"held": {"slide": math.nan}}, "held must be finite numbers"),
        ({"held": {5: 0.1}}, "held must be finite numbers"),
        ({"zeros": (0.0, 0.1, 0.2)}, "one for each of 2 joints"),
        ({"colour": "red"}, "fields of a Mount"),
    ],
)
def test_impossible_mounts_are_refused(fields, sentence):
    with pytest.raises(InvalidArmError, match=sentence):
        PlanarArm([0.5, 0.5], mount=fields)
