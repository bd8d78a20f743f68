"""Robots' descriptions as planar arms, and arms as descriptions of robots.

The robots' forward kinematics are computed here by themselves, with matrices from SciPy.
"""

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ik_nn_ros import IKSolver, InvalidRequestError, PlanarArm, UnreachableTargetError, UrdfError
from ik_nn_ros.arm.frames import rotation
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.arm.urdf_plane import orientation

ROOT = Path(__file__).parents[3]
FOLDER = Path(__file__).parent / "urdf"
UR5_HELD = {"shoulder_pan_joint": 0.4, "wrist_2_joint": 0.3, "wrist_3_joint": -1.1}
ROBOTS = {
    "planar_3r": ("planar_3r", {}),
    "scara": ("scara", {"tip": "tool0"}),
    "scara, its slide down": ("scara", {"tip": "tool0", "held": {"joint_3": 0.17}}),
    "scara, poses": ("scara", {"tip": "tool0", "base": "base_link", "task": "pose"}),
    "wall_2r": ("wall_2r", {}),
    "rail_2r": ("rail_2r", {}),
    "ur5, three of six": ("ur5", {"held": UR5_HELD}),
}
robots = pytest.mark.parametrize(("file", "options"), ROBOTS.values(), ids=ROBOTS)


def read(file: str, options: dict) -> PlanarArm:
    return PlanarArm.from_urdf(FOLDER / f"{file}.urdf", **options)


def rigid(xyz: list[float], turned: Rotation) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turned.as_matrix(), xyz
    return matrix


def triple(joint: ElementTree.Element, tag: str, attribute: str, default: str) -> list[float]:
    element = joint.find(tag)
    return [float(word) for word in getattr(element, "attrib", {}).get(attribute, default).split()]


def tip_pose(text: str, arm: PlanarArm, values: np.ndarray) -> np.ndarray:
    """The pose (4, 4) of an arm's tip link for joint values (N,), from the XML alone."""
    values = dict(zip(arm.joint_names, values, strict=True)) | arm.mount.held
    carriers = {
        joint.find("child").get("link"): joint
        for joint in ElementTree.fromstring(text).iter("joint")
    }
    pose, link = np.eye(4), arm.mount.tip_link
    while link != arm.mount.base_link:
        joint = carriers[link]
        axis = np.array(triple(joint, "axis", "xyz", "1 0 0"))
        axis, value = axis / np.linalg.norm(axis), values.get(joint.get("name"), 0.0)
        origin = rigid(
            triple(joint, "origin", "xyz", "0 0 0"),
            Rotation.from_euler("xyz", triple(joint, "origin", "rpy", "0 0 0")),
        )
        if joint.get("type") == "prismatic":
            motion = rigid(axis * value, Rotation.identity())
        else:
            motion = rigid([0.0] * 3, Rotation.from_rotvec(axis * value))
        pose, link = origin @ motion @ pose, joint.find("parent").get("link")
    return pose


def assert_same_kinematics(
    text: str, arm: PlanarArm, count: int = 20, within: float = 1e-12
) -> None:
    """The arm in its mount brings the tip where the description does, turned as it is there."""
    theta = np.random.default_rng(0).uniform(-3.0, 3.0, (count, arm.dof))
    expected = [tip_pose(text, arm, values) for values in arm.mount.robot_values(theta)]
    poses = arm.mount.tip_poses(arm.forward(theta), arm.headings(theta))
    np.testing.assert_allclose(poses, expected, rtol=0.0, atol=within)


@robots
def test_an_arm_from_a_urdf_brings_the_tip_where_the_robot_does(file, options):
    assert_same_kinematics((FOLDER / f"{file}.urdf").read_text(), read(file, options))


@robots
def test_forward_kinematics_agree_with_pinocchio(file, options):
    pinocchio = pytest.importorskip(
        "pinocchio", reason="Pinocchio (requirements/benchmark.txt) is not installed"
    )
    arm = read(file, options)
    model = pinocchio.buildModelFromUrdf(str(FOLDER / f"{file}.urdf"))
    data, place = model.createData(), {name: index for index, name in enumerate(model.names)}
    theta = np.random.default_rng(1).uniform(-3.0, 3.0, (20, arm.dof))
    poses = arm.mount.tip_poses(arm.forward(theta), arm.headings(theta))
    for values, pose in zip(arm.mount.robot_values(theta), poses, strict=True):
        state = pinocchio.neutral(model)
        named = dict(zip(arm.joint_names, values, strict=True)) | arm.mount.held
        for name, value in named.items():
            joint = model.joints[place[name]]
            circle = [math.cos(value), math.sin(value)]
            state[joint.idx_q : joint.idx_q + joint.nq] = [value] if joint.nq == 1 else circle
        pinocchio.framesForwardKinematics(model, data, state)
        base, tip = (
            data.oMf[model.getFrameId(link)] for link in (arm.mount.base_link, arm.mount.tip_link)
        )
        np.testing.assert_allclose(pose, base.actInv(tip).homogeneous, rtol=0.0, atol=1e-12)


@robots
def test_an_arm_written_and_read_again_is_the_same(file, options):
    likes = {name: 0.1 * index for index, name in enumerate(read(file, options).joint_names)}
    task = options.get("task", "position")
    for prior in ({}, {"prior_mean": likes, "prior_std": 0.37}):
        arm = read(file, options | prior)
        again = PlanarArm.from_urdf(arm.to_urdf(), task=task)
        assert again == arm
        assert_same_kinematics(arm.to_urdf(), again)
        assert PlanarArm.from_dict(json.loads(json.dumps(arm.to_dict()))) == arm


@robots
def test_every_value_within_an_arm_s_limits_is_within_the_robot_s(file, options):
    arm = read(file, options)
    joints = ElementTree.parse(FOLDER / f"{file}.urdf").iter("joint")
    stated = {joint.get("name"): joint for joint in joints}
    for ends in arm.bounds:
        values = arm.mount.robot_values(ends)
        for name, value in zip(arm.joint_names, values, strict=True):
            if stated[name].get("type") == "continuous":
                assert math.isinf(value)
                continue
            lower, upper = (
                float(stated[name].find("limit").get(end)) for end in ("lower", "upper")
            )
            assert lower <= value <= upper
            assert min(value - lower, upper - value) < 1e-12


def test_names_velocities_and_links_come_from_the_description():
    arm = read("scara", {"tip": "tool0", "task": "pose"})
    assert arm.joint_names == ("joint_1", "joint_2", "joint_4")
    assert arm.link_lengths[:2] == (0.325, 0.275)
    assert arm.mount.velocity_limits == (6.7, 12.5, 20.9)
    assert (arm.mount.base_link, arm.mount.tip_link) == ("world", "tool0")
    assert arm.mount.held == {"joint_3": 0.0}


def test_a_slide_along_the_axes_and_a_wrist_on_the_tip_are_carried_along():
    arm = read("scara", {"tip": "tool0", "held": {"joint_4": 1.0}})
    assert arm.dof == 2
    assert arm.mount.held == {"joint_3": 0.0, "joint_4": 1.0}
    lowered = read("scara", {"tip": "tool0", "held": {"joint_3": 0.2}})
    assert arm.mount.xyz[2] - lowered.mount.xyz[2] == pytest.approx(0.2)
    assert read("rail_2r", {}).mount.held == {"lift": 0.3}  # its limit nearest to 0


def test_a_plane_that_lies_flat_has_the_base_link_s_axes_and_a_wall_has_y_upwards():
    assert read("planar_3r", {}).mount.rpy == (0.0, 0.0, 0.0)
    wall = read("wall_2r", {})
    up = wall.mount.base_points(np.array([0.0, 1.0])) - wall.mount.base_points(np.zeros(2))
    np.testing.assert_allclose(up, [0.0, 0.0, 1.0], atol=1e-12)
    assert wall.mount.signs == (-1, -1)


@pytest.mark.parametrize("tilt", [0.0, 1e-5, 0.3, 0.7, 1.0, 1.5, math.pi / 2.0])
def test_the_smallest_changes_of_a_plane_do_not_turn_its_axes(tilt):
    for yaw in np.linspace(-3.0, 3.0, 7):
        normals = np.array([tilt, 0.0, yaw]) + np.random.default_rng(0).normal(0.0, 1e-9, (9, 3))
        planes = [rotation(orientation(rotation(rpy)[:, 2])) for rpy in normals]
        np.testing.assert_allclose(planes, np.tile(planes[0], (9, 1, 1)), atol=1e-7)
        assert min(plane[2, 2] for plane in planes) > -1e-8  # seen from above
        assert tilt < 1.0 or min(plane[2, 1] for plane in planes) > 0.8  # y upwards


def test_a_rail_is_the_arm_s_y_axis():
    arm = read("rail_2r", {})
    assert (arm.base, arm.dof) == ("rail", 3)
    along = arm.mount.base_points(np.array([0.0, 1.0])) - arm.mount.base_points(np.zeros(2))
    np.testing.assert_allclose(along, [0.6, 0.8, 0.0], atol=1e-12)


def test_solutions_of_a_pose_bring_a_scara_s_tool_there():
    """Its wrist turns the tool on the spot: the arm has a lever that the robot has not."""
    arm = read("scara", {"tip": "tool0", "base": "base_link", "task": "pose"})
    text = (FOLDER / "scara.urdf").read_text()
    wanted = tip_pose(text, arm, np.array([0.4, -1.2, 2.0]))
    seen = arm.mount.plane_targets(wanted)
    assert abs(seen.heights) < 1e-12 and seen.tilts < 1e-12
    solutions = IKSolver.exact(arm, task="pose").solve(seen.targets, num_samples=20, seed=1)
    values = solutions.robot_values
    assert len({tuple(np.sign(row)) for row in values}) > 1  # the elbow on either side
    for row in values:
        np.testing.assert_allclose(tip_pose(text, arm, row), wanted, atol=1e-6)


def test_an_arm_with_a_lever_is_for_poses_alone():
    arm = read("scara", {"tip": "tool0", "task": "pose"})
    with pytest.raises(InvalidRequestError, match="task: must be pose"):
        POSITION.within_reach(arm, np.array([0.5, 0.1]))
    with pytest.raises(UnreachableTargetError, match="out of reach: its wrist's distance"):
        POSE.within_reach(arm, np.array([5.0, 0.1, 0.0]))


def test_solutions_of_a_position_bring_a_robot_s_tool_there_within_its_limits():
    arm = read("planar_3r", {})
    text = (FOLDER / "planar_3r.urdf").read_text()
    wanted = np.array([0.45, 0.3, 0.41])
    target, _ = arm.mount.plane_points(wanted)
    solutions = IKSolver.exact(arm).solve(target, num_samples=50, seed=1)
    for values in solutions.robot_values:
        np.testing.assert_allclose(tip_pose(text, arm, values)[:2, 3], wanted[:2], atol=1e-6)
        assert -0.4 <= values[1] <= 2.3 and -1.9 <= values[2] <= 1.2


def test_the_default_prior_is_uniform():
    arm = read("planar_3r", {})
    assert arm.prior == "uniform"
    assert arm.joints[0].is_circle
    assert arm.joints[1].spread == pytest.approx(2.7 / math.sqrt(12.0))


def test_priors_are_said_in_the_robot_s_joint_values():
    stds, means = {"elbow": 0.5, "wrist": 0.3}, {"wrist": 0.4}
    arm = read("planar_3r", {"prior_std": stds, "prior_mean": means})
    assert arm.prior == ("uniform", "normal", "normal")
    assert arm.prior_std == (None, 0.5, 0.3)
    values = arm.mount.robot_values(np.array([0.0, *arm.prior_mean[1:]]))
    # No mean is said of the elbow: it has the middle of its limits.
    np.testing.assert_allclose(values[1:], [0.95, 0.4], atol=1e-12)


def test_what_is_said_goes_before_what_a_description_says_of_priors():
    text = PlanarArm([0.5, 0.5], prior=["normal", "uniform"], prior_std=[0.3, None]).to_urdf()
    moved = PlanarArm.from_urdf(text, prior_mean={"joint_1": 0.7})
    assert (moved.prior_mean, moved.prior_std) == ((0.7, None), (0.3, None))
    liked = PlanarArm.from_urdf(text, prior_std={"joint_2": 0.9})
    assert (liked.prior, liked.prior_std) == ("normal", (0.3, 0.9))
    assert PlanarArm.from_urdf(text, prior="uniform").prior == "uniform"


ARMS = {
    "the paper's": PlanarArm.of_paper(15),
    "limits and means": PlanarArm(
        [0.3, 0.1 + 0.2, 1.0 / 3.0],
        prior_mean=[0.1, -0.7, 2.0],
        prior_std=[0.5, 0.1, 1.0 / 7.0],
        joint_limits=[(-2.5, 2.5), None, (0.2, 2.4)],
        joint_names=["plane", "link_1", "tip_joint"],
    ),
    "circles": PlanarArm([1.0, 2.0, 0.7], prior="uniform"),
    "two kinds": PlanarArm(
        [1.0, 2.0],
        prior=["uniform", "normal"],
        joint_limits=[(-1, 1.5), None],
        prior_std=[None, 0.3],
    ),
    "a rail without limits": PlanarArm([0.5, 0.5, 1.0], [0.25, 0.5, 0.5, 0.5], base="rail"),
    "a rail with limits": PlanarArm([0.5, 1.0], base="rail", joint_limits=(-1.0, 2.0)),
    "millimetres": PlanarArm([350.0, 250.0, 100.0], prior_std=0.5),
    "a few centimetres": PlanarArm([0.02, 0.03, 0.01], prior_std=0.5),
    "velocities": PlanarArm([1.0, 1.0], mount=Mount(velocity_limits=(2.0, None))),
    "names of its links": PlanarArm([1.0, 1.0], mount=Mount(base_link="link_1", tip_link="plane")),
}


@pytest.mark.parametrize("arm", ARMS.values(), ids=ARMS)
def test_any_arm_written_and_read_again_is_the_same(arm):
    text = arm.to_urdf()
    assert PlanarArm.from_urdf(text) == arm
    assert_same_kinematics(text, arm, within=1e-12 * max(1.0, sum(arm.link_lengths)))


def test_the_links_of_a_urdf_are_as_slender_as_any_whatever_their_size():
    def boxes(arm: PlanarArm) -> np.ndarray:
        found = ElementTree.fromstring(arm.to_urdf()).iter("box")
        return np.array([[float(word) for word in box.get("size").split()] for box in found])

    small, large = boxes(ARMS["a few centimetres"]), boxes(PlanarArm([2.0, 3.0, 1.0]))
    np.testing.assert_allclose(100.0 * small, large)
    assert large[:, 0].tolist() == [2.0, 3.0, 1.0]


def test_a_urdf_without_priors_of_ours_is_all_that_others_need():
    pinocchio = pytest.importorskip(
        "pinocchio", reason="Pinocchio (requirements/benchmark.txt) is not installed"
    )
    arm = ARMS["limits and means"]
    model = pinocchio.buildModelFromXML(arm.to_urdf())
    assert list(model.names)[1:] == list(arm.joint_names)
    assert model.lowerPositionLimit[0] == -2.5


numbers = st.floats(-1.0, 1.0).map(lambda number: round(number, 6))


@st.composite
def random_urdfs(draw):
    """Robots of two to five parallel axes either way round, joined by any offset and any turn."""
    text = lambda values: " ".join(repr(float(value)) for value in values)  # noqa: E731
    normal = Rotation.from_euler("xyz", [draw(numbers) * math.pi for _ in range(3)]).as_matrix()[2]
    turned, lines, count = Rotation.identity(), [], draw(st.integers(2, 5))
    for index in range(count + 1):
        xyz, rpy = [draw(numbers) for _ in range(3)], [draw(numbers) * math.pi for _ in range(3)]
        turned = turned * Rotation.from_euler("xyz", rpy)
        axis = turned.inv().apply(normal) * draw(st.sampled_from([1.0, -1.0]))
        kind = "fixed" if index == count else draw(st.sampled_from(["revolute", "continuous"]))
        ends = sorted((-abs(draw(numbers)) - 0.1, abs(draw(numbers)) + 0.1))
        lines.append(
            f'<link name="l{index + 1}"/><joint name="j{index}" type="{kind}">'
            f'<parent link="l{index}"/><child link="l{index + 1}"/>'
            f'<origin xyz="{text(xyz)}" rpy="{text(rpy)}"/><axis xyz="{text(axis)}"/>'
            f'<limit lower="{ends[0]}" upper="{ends[1]}" effort="1" velocity="1"/></joint>'
        )
    return f'<robot name="any"><link name="l0"/>{"".join(lines)}</robot>'


@settings(max_examples=60, deadline=None, derandomize=True)
@given(random_urdfs())
def test_any_robot_of_parallel_axes_is_an_arm_with_its_kinematics(text):
    try:
        arm = PlanarArm.from_urdf(text)
    except UrdfError as error:
        assert "tip" in error.reason or "axis" in error.reason  # two axes happen to be one
    else:
        assert_same_kinematics(text, arm, count=5)
        assert PlanarArm.from_urdf(arm.to_urdf()) == arm
