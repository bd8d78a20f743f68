"""Robots from their URDFs: asked in their own frames, answered in their own joint values."""

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from geometry_msgs.msg import Point, PointStamped, Pose, PoseStamped
from rclpy.serialization import deserialize_message
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros import PlanarArm
from ik_nn_ros.checkpoint import save_checkpoint
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.answering import Answering
from ik_nn_ros.ros.arms import served_arm
from ik_nn_ros.ros.errors import InvalidParameterError
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.markers import posterior_markers, start_markers
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.requests import clicked_request
from ik_nn_ros.ros.solvers import Solvers
from ik_nn_ros.ros.targets import quaternion_of

Code = SolveIK.Response
SCARA = {"base_link": "base_link", "tip_link": "tool0"}  # whose wrist turns against the others
QUILL = {"joint_1": 0.4, "joint_2": -0.7, "joint_3": 0.0, "joint_4": 1.1}
BENT = {"shoulder": 0.3, "elbow": 0.8, "wrist": -0.4}  # of planar_3r, whose elbow points down


@pytest.fixture(scope="session")
def urdfs(root):
    return root / "test" / "core" / "arm" / "urdf"


@pytest.fixture(scope="module")
def serve(urdfs):
    """Answers as the node does, for an arm in a file; one server for each."""
    servers = {}

    def serve(name, **links):
        if name not in servers:
            settings = ServerParameters(arm=str(urdfs / name), num_samples=20, **links)
            solvers = Solvers(settings)
            servers[name] = Answering(solvers, Frames(solvers.settings.base_frame, None), None)
        return servers[name]

    return serve


@pytest.fixture
def scara(serve):
    return serve("scara.urdf", **SCARA)


@pytest.fixture
def planar(serve):
    return serve("planar_3r.urdf")


def numbers(element, name, default):
    return np.array([float(n) for n in element.get(name, default).split()])


def tip_pose(path, base, tip, values):
    """Where a URDF says that its tip is, in the base link's frame: (4, 4)."""
    joints = {
        joint.find("child").get("link"): joint
        for joint in ElementTree.parse(path).getroot().findall("joint")
    }
    pose = np.eye(4)
    while tip != base:
        joint = joints[tip]
        origin = joint.find("origin")
        here, motion = np.eye(4), np.eye(4)
        if origin is not None:
            here[:3, 3] = numbers(origin, "xyz", "0 0 0")
            here[:3, :3] = Rotation.from_euler("xyz", numbers(origin, "rpy", "0 0 0")).as_matrix()
        value = values.get(joint.get("name"), 0.0)
        if joint.get("type") != "fixed":
            axis = numbers(joint.find("axis"), "xyz", "1 0 0")
            axis /= np.linalg.norm(axis)
            if joint.get("type") == "prismatic":
                motion[:3, 3] = value * axis
            else:
                motion[:3, :3] = Rotation.from_rotvec(value * axis).as_matrix()
        pose = here @ motion @ pose
        tip = joint.find("parent").get("link")
    return pose


def as_message(pose):
    x, y, z = pose[:3, 3].tolist()
    return Pose(position=Point(x=x, y=y, z=z), orientation=quaternion_of(pose[:3, :3]))


def asked(answering, pose, match_heading=True, **fields):
    request = SolveIK.Request(
        target=PoseStamped(pose=as_message(pose)), match_heading=match_heading, **fields
    )
    response = SolveIK.Response()
    answering.solve_ik(request, response)
    return response


def values_of(response):
    """The joint values of every solution, by name."""
    assert response.error_code == Code.SUCCESS, response.message
    rows = np.reshape(response.positions, (-1, len(response.joint_names)))
    return [dict(zip(response.joint_names, row, strict=True)) for row in rows]


def test_a_pose_in_the_base_link_s_frame_is_answered_in_the_robot_s_joint_values(scara, urdfs):
    pose = tip_pose(urdfs / "scara.urdf", "base_link", "tool0", QUILL)
    response = asked(scara, pose, random_seed=1)
    found = values_of(response)
    assert response.joint_names == ["joint_1", "joint_2", "joint_4"]
    assert response.best.header.frame_id == "base_link"
    best = dict(zip(response.best.name, response.best.position, strict=True))
    assert best == found[0] | {"joint_3": 0.0}  # the slide is carried along
    for values in found:
        met = tip_pose(urdfs / "scara.urdf", "base_link", "tool0", values)
        np.testing.assert_allclose(met, pose, rtol=0.0, atol=1e-6)


def test_an_axis_that_points_down_and_a_bent_zero_are_the_robot_s_own(planar, urdfs):
    path = urdfs / "planar_3r.urdf"
    pose = tip_pose(path, "base_link", "tool0", BENT)
    for match_heading in (False, True):
        for values in values_of(asked(planar, pose, match_heading, random_seed=1)):
            met = tip_pose(path, "base_link", "tool0", values)
            columns = slice(0 if match_heading else 3, 4)
            np.testing.assert_allclose(met[:, columns], pose[:, columns], rtol=0.0, atol=1e-6)
            assert -0.4 <= values["elbow"] <= 2.3 and -1.9 <= values["wrist"] <= 1.2


def test_a_seed_state_has_the_robot_s_names_and_values(planar, urdfs):
    pose = tip_pose(urdfs / "planar_3r.urdf", "base_link", "tool0", BENT)
    seed_state = JointState(
        name=["wrist", "finger", "elbow", "shoulder"], position=[-0.4, 9.0, 0.8, 0.3]
    )
    first, *others = values_of(
        asked(planar, pose, False, seed_state=seed_state, num_samples=300, random_seed=1)
    )
    distances = [
        math.hypot(*(values[name] - BENT[name] for name in BENT)) for values in [first, *others]
    ]
    assert distances[0] < 0.3
    assert distances == sorted(distances)


@pytest.mark.parametrize(
    ("shift", "turned", "words"),
    [
        (0.01, 0.0, r"z must be 0.217 m in base_link \(within 4.5e-07 m\), .*got .*0.227"),
        (0.0, 0.2, "be one that tool0 has .*0.2000 rad off"),
    ],
)
def test_a_pose_that_the_tip_cannot_have_is_refused_with_how_far_off_it_is(
    scara, urdfs, shift, turned, words
):
    pose = tip_pose(urdfs / "scara.urdf", "base_link", "tool0", QUILL)
    pose[2, 3] += shift
    pose[:3, :3] = Rotation.from_euler("x", turned).as_matrix() @ pose[:3, :3]
    response = asked(scara, pose)
    assert response.error_code == Code.INVALID_REQUEST
    with pytest.raises(AssertionError, match=words):
        values_of(response)


def test_a_point_off_a_plane_that_does_not_lie_flat_is_told_the_nearest_in_it(serve, urdfs):
    wall = serve("wall_2r.urdf", base_link="link1", tip_link="camera_link")
    pose = tip_pose(urdfs / "wall_2r.urdf", "link1", "camera_link", {"joint1": 0.5, "joint2": 1.0})
    place = pose[:3, 3].copy()
    pose[1, 3] += 0.25
    response = asked(wall, pose, match_heading=False)
    assert "0.25 m off it; the nearest point in it is (" in response.message
    told = response.message.rpartition("(")[2].rstrip(")").split(", ")
    np.testing.assert_allclose(np.array(told, dtype=float), place, atol=1e-6)


def test_an_arm_whose_wrist_turns_on_the_spot_answers_poses_alone(scara, urdfs):
    pose = tip_pose(urdfs / "scara.urdf", "base_link", "tool0", QUILL)
    response = asked(scara, pose, match_heading=False)
    assert response.error_code == Code.INVALID_REQUEST
    assert "match_heading: must be true: joint_4 turns tool0 on the spot" in response.message


def test_a_path_has_the_robot_s_values_and_keeps_its_velocities(planar, urdfs):
    path = urdfs / "planar_3r.urdf"
    poses = [
        tip_pose(path, "base_link", "tool0", BENT | {"elbow": 0.8 + 0.02 * step})
        for step in range(6)
    ]
    request = SolveIKPath.Request(
        targets=[as_message(pose) for pose in poses],
        seed_state=JointState(name=list(BENT), position=list(BENT.values())),
        time_step=1e-3,
        random_seed=1,
    )
    response = SolveIKPath.Response()
    planar.solve_ik_path(request, response)
    assert response.error_code == Code.SUCCESS, response.message
    trajectory = response.trajectory
    times = [p.time_from_start.sec + 1e-9 * p.time_from_start.nanosec for p in trajectory.points]
    values = np.array([point.positions for point in trajectory.points])
    velocities = np.array([point.velocities for point in trajectory.points])
    for row, pose in zip(values, poses, strict=True):
        met = tip_pose(
            path, "base_link", "tool0", dict(zip(trajectory.joint_names, row, strict=True))
        )
        np.testing.assert_allclose(met[:3, 3], pose[:3, 3], atol=1e-6)
    assert np.all(np.abs(velocities) <= np.array([2.5, 3.0, 4.0]) + 1e-9)
    means = np.diff(values, axis=0) / np.diff(times)[:, None]
    assert np.abs(means).max() > 1.0  # as fast as it may: the signs can be told
    clear = np.abs(means[1:-1]) > 0.1
    between = 0.5 * (velocities[1:-2] + velocities[2:-1])
    assert np.all(np.sign(between[clear]) == np.sign(means[1:-1][clear]))


def test_a_limit_is_told_as_the_robot_has_it(planar, urdfs):
    path = urdfs / "planar_3r.urdf"
    poses = [
        tip_pose(path, "base_link", "tool0", BENT | {"wrist": -1.8 - 0.1 * step})
        for step in range(4)
    ]
    request = SolveIKPath.Request(
        targets=[as_message(pose) for pose in poses],
        match_heading=True,
        seed_state=JointState(name=list(BENT), position=[0.3, 0.8, -1.8]),
        random_seed=1,
    )
    response = SolveIKPath.Response()
    planar.solve_ik_path(request, response)
    assert response.error_code == Code.NO_IK_SOLUTION
    assert "wrist is at its lower limit -1.900 rad" in response.message
    x, y, z = poses[2][:3, 3]
    assert f"breaks at target 3, ({x:.4f}, {y:.4f}, {z:.4f}) m" in response.message


def test_a_click_on_the_plane_is_a_target_in_it(planar, urdfs):
    place = tip_pose(urdfs / "planar_3r.urdf", "base_link", "tool0", BENT)[:3, 3]
    x, y, z = place.tolist()
    arm = planar._solvers.arm
    click = PointStamped(point=Point(x=x, y=y, z=z + 0.005))
    request = clicked_request(click, Frames("base_link", None), arm)
    response = SolveIK.Response()
    request.random_seed = 1
    planar.solve_ik(request, response)
    for values in values_of(response):
        met = tip_pose(urdfs / "planar_3r.urdf", "base_link", "tool0", values)
        np.testing.assert_allclose(met[:3, 3], place, atol=1e-6)


def in_frame(marker):
    """The marker's points (n, 3) in the frame of its header."""
    place, turned = marker.pose.position, marker.pose.orientation
    points = np.array([(point.x, point.y, point.z) for point in marker.points])
    turn = Rotation.from_quat((turned.x, turned.y, turned.z, turned.w))
    return turn.apply(points) + (place.x, place.y, place.z)


def test_the_arms_are_drawn_where_the_robot_is(scara, serve, urdfs):
    answerings = {
        ("scara.urdf", "base_link", "tool0"): (scara, QUILL),
        ("wall_2r.urdf", "link1", "camera_link"): (
            serve("wall_2r.urdf", base_link="link1", tip_link="camera_link"),
            {"joint1": 0.5, "joint2": 1.0},
        ),
    }
    for (name, base, tip), (answering, values) in answerings.items():
        pose = tip_pose(urdfs / name, base, tip, values)
        request = SolveIK.Request(target=PoseStamped(pose=as_message(pose)), random_seed=1)
        request.match_heading = name == "scara.urdf"
        arm = answering._solvers.arm
        solved = answering.solve_ik(request, SolveIK.Response())
        message = posterior_markers(arm, solved.solutions, "a line", base, 20)
        markers = deserialize_message(message, MarkerArray).markers
        by_name = {marker.ns: marker for marker in markers}
        layer = 5.0 * 0.0015 * arm.reach[1]
        np.testing.assert_allclose(in_frame(by_name["best"])[-1], pose[:3, 3], atol=layer)
        target = by_name["target"].pose.position
        np.testing.assert_allclose((target.x, target.y, target.z), pose[:3, 3], atol=layer)
        assert deserialize_message(start_markers(arm, "a line", base), MarkerArray).markers


def test_the_frame_is_that_of_the_base_link_unless_another_is_given(urdfs):
    arm = str(urdfs / "rail_2r.urdf")
    base = PlanarArm.from_urdf(arm).mount.base_link
    assert ServerParameters(arm=arm).of_arm(3, base).base_frame == base
    given = ServerParameters(arm=arm, base_frame="left/base").of_arm(3, base)
    assert given.base_frame == "left/base"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"arm": "scara.urdf", "tip_link": "hook"}, "'arm': .*'hook' is no link.*tool0"),
        ({"arm": "ur5.urdf"}, "'arm': .*'shoulder_lift_joint' is skew"),
        ({"arm": "none.urdf"}, "'arm': .*cannot be read: No such file"),
        ({"arm": "robot.xacro"}, "'arm': .*xacro robot.xacro > robot.urdf"),
        ({"robot_description": "robot.urdf"}, "'robot_description': must be a URDF's text"),
        ({"tip_link": "tool0"}, "'tip_link': is a link of a robot: give its URDF"),
        ({"arm": "planar_3r.urdf", "checkpoint": True}, "'arm': is of another arm than checkpoint"),
    ],
)
def test_what_names_no_arm_is_refused_in_a_sentence(urdfs, tmp_path, given, words):
    pytest.importorskip("torch")
    from ik_nn_ros.models.networks import build_network, trained_model

    given = dict(given)
    if "arm" in given:
        given["arm"] = str(urdfs / given["arm"])
    if "checkpoint" in given:
        network = build_network("cvae", PlanarArm((0.4, 0.3, 0.2)), {"layers": 1, "neurons": 8})
        given["checkpoint"] = str(tmp_path / "own.safetensors")
        save_checkpoint(tmp_path / "own.safetensors", trained_model(network), {}, {})
    with pytest.raises(InvalidParameterError, match=words) as caught:
        served_arm(ServerParameters(**given))
    assert "\n" not in str(caught.value)


def test_another_number_of_joints_is_refused():
    with pytest.raises(InvalidParameterError, match="'dof': is 4, but the arm's is 3: leave it"):
        ServerParameters(dof=4).of_arm(3, "base_link")


def test_a_network_serves_the_robot_that_it_was_trained_for(urdfs, tmp_path):
    pytest.importorskip("torch")
    from ik_nn_ros.models.networks import build_network, trained_model

    path = tmp_path / "own.safetensors"
    arm = PlanarArm.from_urdf(urdfs / "planar_3r.urdf")
    network = build_network("cvae", arm, {"layers": 1, "neurons": 8})
    save_checkpoint(path, trained_model(network), {}, {})
    served = served_arm(ServerParameters(arm=str(urdfs / "planar_3r.urdf"), checkpoint=str(path)))
    assert served.arm == arm
    assert served.description("base_link") == (urdfs / "planar_3r.urdf").read_text()


def test_an_arm_without_a_urdf_is_described_from_its_frame_on():
    parameters = ServerParameters(dof=3)
    served = served_arm(parameters)
    again = PlanarArm.from_urdf(served.description("world"))
    assert again.mount.base_link == "world"
    assert again.link_lengths == served.arm.link_lengths


def test_the_node_serves_a_description_and_publishes_it(start_server, client, listener, urdfs):
    text = (urdfs / "scara.urdf").read_text()
    one_line = " ".join(text.split()).replace('"', "'")
    server = start_server(
        *("-p", f'robot_description:="{one_line}"'),
        *("-p", "base_link:=base_link", "-p", "tip_link:=tool0"),
    )
    server.wait_until_ready(client)
    texts, states = [], []
    listener.node.create_subscription(
        String, "robot_description", lambda message: texts.append(message.data), qos.LATCHED
    )
    listener.node.create_subscription(JointState, "best_joint_state", states.append, qos.LATCHED)
    listener.wait_until(lambda: texts)
    assert texts == [one_line]

    pose = tip_pose(urdfs / "scara.urdf", "base_link", "tool0", QUILL)
    request = SolveIK.Request(
        target=PoseStamped(pose=as_message(pose)),
        match_heading=True,
        num_samples=10,
        random_seed=1,
        seed_state=JointState(name=list(QUILL), position=list(QUILL.values())),
    )
    answer = client.solve(request)
    assert answer.joint_names == ("joint_1", "joint_2", "joint_4")
    listener.wait_until(lambda: states)
    shown = dict(zip(states[-1].name, states[-1].position, strict=True))
    assert shown["joint_3"] == 0.0
    assert states[-1].header.frame_id == "base_link"
    met = tip_pose(urdfs / "scara.urdf", "base_link", "tool0", shown)
    np.testing.assert_allclose(met, pose, rtol=0.0, atol=1e-6)
    assert client.arm().mount.tip_link == "tool0"
    assert "with joint_3 = 0 held" in server.output()
