"""Requests as no client should write them: refused, or answered by the contract."""

import math

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import JointState

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import PlanarArm
from ik_nn_ros.ros.errors import RequestRefusedError
from ik_nn_ros.ros.targets import planar_pose

ARM = PlanarArm.of_paper(6)
MALFORMED = 1000
MAX_SAMPLES = 100


@pytest.fixture(scope="module")
def server(start_server, client):
    """A server whose requests are small: it is their number that counts here."""
    server = start_server("-p", "num_samples:=20", "-p", f"max_samples:={MAX_SAMPLES}")
    server.wait_until_ready(client)
    return server


def stamped(x, y, z, frame, sec):
    target = PoseStamped(pose=planar_pose(x, y))
    target.pose.position.z = z
    target.header.frame_id = frame
    target.header.stamp.sec = sec
    return target


numbers = st.floats() | st.sampled_from([0.0, 1.0, 3.0])
counts = st.integers(0, 2**32 - 1) | st.integers(0, 50)
malformed = st.builds(
    SolveIK.Request,
    target=st.builds(
        stamped,
        numbers,
        numbers,
        numbers | st.just(0.0),
        st.sampled_from(["", "base_link", "map"]) | st.text(max_size=5),
        st.integers(-(2**31), 2**31 - 1),
    ),
    match_heading=st.booleans(),
    num_samples=counts,
    model=st.sampled_from(["", "cvae", "gan"]) | st.text(max_size=5),
    raw=st.booleans(),
    position_tolerance=numbers | st.just(0.0),
    seed_state=st.builds(
        JointState,
        name=st.lists(st.sampled_from([f"joint_{index}" for index in range(8)]), max_size=7),
        position=st.lists(numbers, max_size=7),
    )
    | st.just(JointState()),
    random_seed=st.integers(0, 2**64 - 1),
    allow_approximate=st.booleans(),
)

# By 0.66 m, less than the tolerance.
beyond_the_reach = SolveIK.Request(
    target=stamped(0.0, 3.0, 0.0, "", 0), match_heading=True, position_tolerance=1.0
)


def last_link(asked):
    """What a prescribed heading, here 0, fixes of the arm: its last link."""
    return ARM.link_lengths[-1] if asked.match_heading else 0.0


def reach(asked):
    return sum(ARM.link_lengths) - last_link(asked)


def of_last_joint(asked):
    """The base, and where the TCP's position wants the end of the links that are free."""
    point = asked.target.pose.position
    return (0.0, 0.0), (point.x - last_link(asked), point.y)


def is_out_of_reach(asked):
    """By more than the tolerance: as near as that the edge of the reach answers."""
    return math.dist(*of_last_joint(asked)) > reach(asked) + max(asked.position_tolerance, 1e-9)


def must_be_refused(asked):
    """By the contract alone, as far as it can be told without solving."""
    point, state = asked.target.pose.position, asked.seed_state
    # On their way texts end at a NUL.
    frame, model = (text.partition("\0")[0] for text in (asked.target.header.frame_id, asked.model))
    return (
        not all(map(math.isfinite, (point.x, point.y, point.z)))
        or frame not in ("", "base_link")
        or model not in ("", "cinn", "cvae", "inn", "exact")
        or asked.num_samples > MAX_SAMPLES
        or not 0.0 <= asked.position_tolerance < math.inf
        or (is_out_of_reach(asked) and not asked.allow_approximate)
        or not is_seed(state)
        or (asked.match_heading and model in ("cvae", "inn"))
    )


def is_seed(state):
    """A finite position for each of the arm's joints and none twice, or nothing at all."""
    if not state.name and not state.position:
        return True
    names = list(state.name) or list(ARM.joint_names)
    if len(names) != len(state.position) or any(names.count(name) != 1 for name in ARM.joint_names):
        return False
    of_arm = zip(names, state.position, strict=True)
    return all(math.isfinite(position) for name, position in of_arm if name in ARM.joint_names)


def test_malformed_requests_are_refused_and_never_answered_wrongly(server, client, figure):
    counts = {"refused": 0, "answered": 0}

    @settings(
        max_examples=MALFORMED,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(malformed)
    @example(beyond_the_reach)
    def ask(asked):
        try:
            answer = client.solve(asked)
        except RequestRefusedError as refusal:
            assert refusal.code != SolveIK.Response.FAILURE, str(refusal)
            assert "\n" not in str(refusal)
            counts["refused"] += 1
            return
        assert not must_be_refused(asked)
        tcp = ARM.forward(answer.positions)
        base, end = of_last_joint(asked)
        if is_out_of_reach(asked):
            # Not by the distance, which may be more than a float holds.
            end = ARM.base_joint.points(reach(asked), math.atan2(*end[::-1]))
        errors = np.linalg.norm(tcp - (end[0] + last_link(asked), end[1]), axis=1)
        np.testing.assert_allclose(errors, answer.position_errors, atol=1e-6)
        counts["answered"] += 1

    ask()
    assert counts["refused"] > 0.5 * MALFORMED
    assert counts["answered"] > 0
    assert "Traceback" not in server.output()
    figure(**counts, exceptions=0, wrong=0)
