"""What a client writes stays its own: one printable line of bounded length, wherever it shows."""

from types import SimpleNamespace

import numpy as np
import pytest
from geometry_msgs.msg import PointStamped, Pose
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros.errors import IKError
from ik_nn_ros.ros.answering import Answering
from ik_nn_ros.ros.faults import described
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.messages import fill_error
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.requests import clicked_request
from ik_nn_ros.ros.solvers import Solvers
from ik_nn_ros.texts import LONGEST_MESSAGE

FORGED = "x\n[ERROR] [17.5] [ik_server]: \x1b[31mforged\x1b[0m\r\u2028"
MANY = 10**5
TEXTS = [FORGED, FORGED * MANY]


class Buffer:
    """Says of a frame what tf2 says, with the frame in it."""

    def lookup_transform(self, target_frame, source_frame, time):
        reason = f'"{source_frame}" passed to lookupTransform argument source_frame does not exist.'
        raise LookupError(reason)


@pytest.fixture(scope="module")
def answering():
    solvers = Solvers(ServerParameters(dof=3, num_samples=5, ignore_collisions=True))
    return Answering(solvers, Frames("base_link", Buffer()), logger=None)


def assert_plain(message):
    assert message.isprintable()
    assert 0 < len(message) < LONGEST_MESSAGE + 100


def refusal(answering, request):
    response = SolveIK.Response()
    assert answering.solve_ik(request, response) is None
    assert response.error_code != SolveIK.Response.FAILURE
    return response.message


@pytest.mark.parametrize("text", TEXTS, ids=["short", "long"])
def test_a_model_s_and_a_frame_s_name(answering, text):
    assert_plain(refusal(answering, SolveIK.Request(model=text)))
    elsewhere = SolveIK.Request()
    elsewhere.target.header.frame_id = text
    assert_plain(refusal(answering, elsewhere))
    click = PointStamped(header=Header(frame_id=text))
    with pytest.raises(IKError) as caught:
        clicked_request(click, Frames("base_link", Buffer()), answering._solvers.arm)
    assert_plain(str(caught.value))


@pytest.mark.parametrize("text", TEXTS, ids=["short", "long"])
def test_a_path_s(answering, text):
    header, state = Header(frame_id=text), JointState(name=[text], position=[0.0])
    for request in (
        SolveIKPath.Request(targets=[Pose()], model=text),
        SolveIKPath.Request(targets=[Pose()], header=header),
        SolveIKPath.Request(targets=[Pose()], seed_state=state),
        SolveIKPath.Request(targets=[Pose()], max_joint_velocities=[-1e300] * MANY),
    ):
        response = SolveIKPath.Response()
        answering.solve_ik_path(request, response)
        assert response.error_code not in (SolveIK.Response.SUCCESS, SolveIK.Response.FAILURE)
        assert_plain(response.message)


@pytest.mark.parametrize(
    "state",
    [
        JointState(name=[FORGED], position=[0.0]),
        JointState(name=[f"{FORGED}{index}" for index in range(900)], position=[0.0] * 900),
        JointState(name=[FORGED] * MANY, position=[0.0] * MANY),
        JointState(position=np.zeros(MANY)),
        JointState(position=[np.nan] * 3),
    ],
    ids=["a name", "many", "more than any robot has", "numbers", "not finite"],
)
def test_a_seed_state_s(answering, state):
    request = SolveIK.Request(seed_state=state)
    request.target.pose.position.x = 1.5
    assert_plain(refusal(answering, request))


@pytest.mark.parametrize("text", TEXTS, ids=["short", "long"])
def test_those_of_moveit_s_service(answering, text):
    pose = SolveIK.Request().target
    pose.header.frame_id = text
    kinds = ("joint", "position", "orientation", "visibility")
    asked = SimpleNamespace(
        group_name=text,
        ik_link_name=text,
        avoid_collisions=False,
        pose_stamped_vector=[],
        constraints=SimpleNamespace(**{f"{kind}_constraints": [] for kind in kinds}),
        pose_stamped=pose,
        robot_state=SimpleNamespace(joint_state=JointState()),
        timeout=SolveIK.Request().timeout,
    )
    code = SimpleNamespace(val=0, message="", source="")
    response = SimpleNamespace(solution=SimpleNamespace(joint_state=None), error_code=code)
    answering.get_position_ik(SimpleNamespace(ik_request=asked), response)
    assert_plain(code.message)


def test_that_of_a_fault():
    response = SolveIK.Response()
    fill_error(response, ValueError(FORGED * MANY))
    assert_plain(response.message)
    *_, last = described(ValueError(FORGED)).split("\n")
    assert "ValueError: x" in last and last.isprintable()
