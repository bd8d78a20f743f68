"""MoveIt's GetPositionIK, on stand-ins of its messages: the fields that are read and written."""

import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.ros import answering as module
from ik_nn_ros.ros import moveit
from ik_nn_ros.ros.answering import Answering
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.solvers import Solvers
from ik_nn_ros.ros.targets import planar_pose

ARM = PlanarArm.of_paper(4)
SEED = [0.5, -0.4, 0.3, -0.2]
HEADING = 0.15  # [rad], a little less than where the seed state points
KINDS = ("joint", "position", "orientation", "visibility")


@pytest.fixture(scope="module")
def answering():
    settings = ServerParameters(dof=4, model="exact", num_samples=200, ignore_collisions=False)
    return Answering(Solvers(settings), Frames("base_link", None), logger=None)


def request(pose=None, **fields):
    names = ["finger", *ARM.joint_names]
    state = SimpleNamespace(joint_state=JointState(name=names, position=[0.7, *SEED]))
    constraints = SimpleNamespace(**{f"{kind}_constraints": [] for kind in KINDS})
    asked = {
        "group_name": "arm",
        "robot_state": state,
        "constraints": constraints,
        "avoid_collisions": False,
        "ik_link_name": "tool0",
        "pose_stamped": PoseStamped(
            pose=pose or planar_pose(*ARM.forward(np.array(SEED)), HEADING)
        ),
        "ik_link_names": [],
        "pose_stamped_vector": [],
        "timeout": Duration(),
    }
    return SimpleNamespace(ik_request=SimpleNamespace(**asked | fields))


def answer(answering, asked, texts=("message", "source")):
    """MoveIt's response, with the names that texts have had, and what our service said."""
    code = SimpleNamespace(val=0, **dict.fromkeys(texts, ""))
    response = SimpleNamespace(solution=SimpleNamespace(joint_state=None), error_code=code)
    return response, answering.get_position_ik(asked, response)


def position_of(response):
    """A success's joint positions, which meet the pose of `request`."""
    assert response.error_code.val == 1
    state = response.solution.joint_state
    assert tuple(state.name) == ARM.joint_names
    position = np.array(state.position)
    np.testing.assert_allclose(ARM.forward(position), ARM.forward(np.array(SEED)), atol=1e-6)
    assert position.sum() == pytest.approx(HEADING, abs=1e-6)
    return position


def test_a_pose_is_answered_with_the_seed_state_carried_onto_it(answering):
    position, again = (position_of(answer(answering, request())[0]) for _ in range(2))
    np.testing.assert_array_equal(position, again)
    target = (*ARM.forward(np.array(SEED)), HEADING)
    samples = IKSolver.exact(ARM, "pose").solve(target, 200, seed=1, seed_state=SEED).positions
    assert np.linalg.norm(position - SEED) <= np.linalg.norm(samples[0] - SEED)


def test_a_seed_state_that_is_a_solution_stays(answering):
    pose = planar_pose(*ARM.forward(np.array(SEED)), sum(SEED))
    response, _ = answer(answering, request(pose))
    np.testing.assert_allclose(response.solution.joint_state.position, SEED, atol=1e-12)


@pytest.mark.parametrize("seed_state", [None, JointState()], ids=["barred", "without"])
def test_where_the_seed_state_leads_nowhere_the_nearest_sample_is_the_answer(
    answering, monkeypatch, seed_state
):
    barred = SimpleNamespace(converged=False)
    monkeypatch.setattr(module, "carry_on", lambda *_: barred)
    fields = {} if seed_state is None else {"robot_state": SimpleNamespace(joint_state=seed_state)}
    response, ours = answer(answering, request(**fields))
    every = np.reshape(ours.positions, (-1, 4))
    assert len(every) == 200
    np.testing.assert_array_equal(position_of(response), every[0])
    if seed_state is None:
        assert np.all(np.diff(np.linalg.norm(every - SEED, axis=1)) >= 0.0)


@pytest.mark.parametrize("texts", [("message", "source"), ("error_message", "error_source"), ()])
def test_avoiding_collisions_is_refused_in_a_sentence(answering, texts):
    response, ours = answer(answering, request(avoid_collisions=True), texts)
    assert response.error_code.val == moveit.COLLISION_CHECKING_UNAVAILABLE
    assert response.solution.joint_state is None
    assert "collisions are not checked here" in ours.message
    said = [getattr(response.error_code, name) for name in texts]
    assert said == ([ours.message, "ik_nn_ros"] if texts else [])


def test_a_server_that_is_told_to_answers_moveit_s_plugin(answering):
    """It always asks to avoid collisions."""
    before = answering.settings
    answering.settings = before.changed({"ignore_collisions": True})
    try:
        response, _ = answer(answering, request(avoid_collisions=True))
    finally:
        answering.settings = before
    assert response.error_code.val == 1


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        (request(pose_stamped_vector=[PoseStamped()]), -16, "the arm has one TCP"),
        (
            request(
                constraints=SimpleNamespace(
                    **{f"{kind}_constraints": [] for kind in KINDS[1:]}, joint_constraints=[1]
                )
            ),
            -16,
            "must be empty, got joint_constraints",
        ),
        (request(planar_pose(9.0, 0.0)), -31, "out of reach"),
        (request(robot_state=SimpleNamespace(joint_state=JointState(position=[0.0]))), -17, "4"),
        (
            request(
                timeout=Duration(nanosec=1),
                robot_state=SimpleNamespace(joint_state=JointState()),
            ),
            -6,
            "timeout",
        ),
    ],
)
def test_errors_have_moveit_s_codes(answering, asked, code, words):
    response, ours = answer(answering, asked)
    assert response.error_code.val == code
    assert words in response.error_code.message == ours.message
    assert response.solution.joint_state is None


def test_a_model_that_is_not_there_is_a_failure_in_moveit_s_terms(answering):
    before = answering.settings
    answering.settings = before.changed({"model": "cvae"})
    without = SimpleNamespace(joint_state=JointState())
    try:
        response, ours = answer(answering, request(robot_state=without))
    finally:
        answering.settings = before
    assert ours.error_code == SolveIK.Response.MODEL_NOT_FOUND
    assert response.error_code.val == 99999


def test_a_fault_on_the_way_is_a_failure_in_moveit_s_terms(answering, monkeypatch):
    """Whoever asked is answered."""

    def broken(*_):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(module, "carry_on", broken)
    lines = []
    logger = SimpleNamespace(error=lambda line, **_: lines.append(line))
    monkeypatch.setattr(answering, "_logger", logger)
    response, ours = answer(answering, request())
    assert ours.error_code == response.error_code.val == SolveIK.Response.FAILURE
    assert response.error_code.message == "internal error: ZeroDivisionError: a fault"
    assert response.solution.joint_state is None
    assert lines[0].endswith("ZeroDivisionError: a fault")


# A server for which MoveIt's messages are installed, of another type.
SERVER_WITH_MOVEIT = """
import sys
from types import ModuleType
from std_srvs.srv import Trigger
from ik_nn_ros.ros.node import main

sys.modules["moveit_msgs"] = ModuleType("moveit_msgs")
sys.modules["moveit_msgs.srv"] = ModuleType("moveit_msgs.srv")
sys.modules["moveit_msgs.srv"].GetPositionIK = Trigger
sys.exit(main())
"""


def test_the_service_is_offered_where_moveit_s_messages_are_installed(client, listener):
    arguments = ["--ros-args", "-p", "dof:=3", "-p", "model:=exact"]
    server = subprocess.Popen([sys.executable, "-c", SERVER_WITH_MOVEIT, *arguments])
    try:
        client.wait_for_server(60.0)
        types = dict(listener.node.get_service_names_and_types())
        listener.wait_until(lambda: listener.node.count_services("get_position_ik") == 1)
        assert types["/solve_ik"] == ["ik_nn_interfaces/srv/SolveIK"]
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60.0) == 0
