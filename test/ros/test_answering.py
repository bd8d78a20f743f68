"""From requests to responses without a node: the time, and faults."""

import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.errors import CheckpointError
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.ros import answering as module
from ik_nn_ros.ros.answering import Answering
from ik_nn_ros.ros.errors import ShutdownError
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.solvers import Solvers
from ik_nn_ros.stopping import Deadline, stopped_by

Code = SolveIK.Response


class Log(list):
    """A logger that keeps its lines."""

    def error(self, message, *, throttle_duration_sec):
        assert throttle_duration_sec > 0.0
        self.append(message)


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def answering(log):
    solvers = Solvers(ServerParameters(dof=4, model="exact", num_samples=20))
    return Answering(solvers, Frames("base_link", None), log)


class Clock:
    """A clock that stands still but for what is made to take its time."""

    now = 0.0

    def let_last(self, monkeypatch, owner, name, seconds=5.0):
        """Let a function take so long."""
        function = getattr(owner, name)

        def lasting(*arguments, **keywords):
            result = function(*arguments, **keywords)
            self.now += seconds
            return result

        monkeypatch.setattr(owner, name, lasting)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "Deadline", partial(Deadline, clock=lambda: clock.now))
    return clock


def answer(answering, x=2.0, timeout=0.0, **fields):
    request = SolveIK.Request(random_seed=1, **fields)
    request.target.pose.position.x = x
    request.timeout.sec, request.timeout.nanosec = int(timeout), int(1e9 * (timeout % 1.0))
    response = SolveIK.Response()
    return answering.solve_ik(request, response), response


def test_what_is_shown_is_what_was_answered(answering):
    solved, response = answer(answering)
    assert response.error_code == Code.SUCCESS
    assert np.array_equal(np.reshape(response.positions, (20, 4)), solved.solutions.positions)
    assert (solved.model, solved.solve_time) == ("exact", response.solve_time)
    assert response.best.header.frame_id == "base_link"


STAGES = {  # what takes its time -> solutions and representatives that are ready
    "loading": (Solvers, "of", 0, 0),
    "sampling": (ExactPosterior, "sample", 0, 0),
    "projecting": (PlanarArm, "wrapped", 20, 0),
    "answering": (module, "fill_solutions", 20, 0),
    "choosing representatives": (module, "fill_representatives", 20, 3),
}


@pytest.mark.parametrize("timeout", [0.0, 6.0])
@pytest.mark.parametrize("stage", STAGES)
def test_within_the_time_or_without_a_limit_it_answers(
    answering, clock, monkeypatch, stage, timeout
):
    clock.let_last(monkeypatch, *STAGES[stage][:2])
    _, response = answer(answering, timeout=timeout, num_representatives=3)
    assert response.error_code == Code.SUCCESS
    assert len(response.representatives) == 3


@pytest.mark.parametrize("stage", STAGES)
def test_out_of_time_it_stops_in_or_after_each_stage_with_what_is_ready(
    answering, clock, monkeypatch, stage
):
    *what, solutions, representatives = STAGES[stage]
    clock.let_last(monkeypatch, *what)
    solved, response = answer(answering, timeout=4.5, num_representatives=3)
    assert solved is None
    assert response.error_code == Code.TIMED_OUT
    assert response.message == "timeout: 5.000 s have passed, 4.500 s were allowed"
    assert len(response.positions) == 4 * solutions
    assert len(response.representatives) == representatives


@pytest.mark.parametrize("kind", ["solve_ik", "solve_ik_path", "get_position_ik"])
def test_a_request_that_waited_for_too_long_is_refused_and_not_solved(answering, monkeypatch, kind):
    """Its time runs from its arrival."""
    monkeypatch.setattr(Solvers, "of", lambda *_: pytest.fail("solved"))
    request = SolveIK.Request()
    request.target.pose.position.x = 2.0
    if kind == "solve_ik_path":
        request = SolveIKPath.Request(targets=[request.target.pose])
    request.timeout.nanosec = 200_000_000
    response = SolveIKPath.Response() if kind == "solve_ik_path" else SolveIK.Response()
    if kind == "get_position_ik":
        monkeypatch.setattr(module, "parse_position_ik", lambda asked, _: asked)
        monkeypatch.setattr(module, "fill_position_ik", lambda *_: None)
        request.seed_state.position = [0.1] * 4
        response = answering.get_position_ik(request, None, time.monotonic() - 1.0)
    else:
        getattr(answering, kind)(request, response, time.monotonic() - 1.0)
    assert response.error_code == Code.TIMED_OUT
    assert "0.200 s were allowed" in response.message


def test_a_shutdown_stops_a_request_without_a_trace(answering, log):
    def stop():
        raise ShutdownError

    with stopped_by(stop):
        _, response = answer(answering)
    assert (response.error_code, response.message) == (Code.TIMED_OUT, "the server ends")
    assert log == []


def test_a_package_that_is_missing_is_told_without_a_traceback(answering, log, monkeypatch):
    monkeypatch.delitem(sys.modules, "ik_nn_ros.posterior.representatives", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    _, response = answer(answering, num_representatives=3)
    assert response.error_code == Code.FAILURE
    assert "package scikit-learn is missing: pip install scikit-learn" in response.message
    assert log == []


def test_weights_that_break_while_it_runs_are_a_fault_of_its_own(answering, log, monkeypatch):
    def broken(*_, **__):
        raise CheckpointError(Path("inn_4.safetensors"), "is damaged")

    monkeypatch.setattr(IKSolver, "from_pretrained", broken)
    _, response = answer(answering, model="inn")
    assert response.error_code == Code.FAILURE
    assert "CheckpointError: weights file inn_4.safetensors: is damaged" in response.message
    assert "Traceback" in log[0]
    assert answer(answering)[1].error_code == Code.SUCCESS


@pytest.mark.parametrize("count", [21, 101])
def test_too_many_representatives_are_refused_with_nothing_else(answering, count):
    solved, response = answer(answering, num_representatives=count)
    assert solved is None
    assert response.error_code == Code.INVALID_REQUEST
    assert "num_representatives: must be from 1 to" in response.message
    assert len(response.positions) == len(response.joint_names) == 0


def test_a_refusal_is_no_fault(answering, log):
    assert answer(answering, 9.0)[1].error_code == Code.NO_IK_SOLUTION
    assert log == []


def test_limits_beyond_half_a_turn_leave_both_bends_of_an_elbow(tmp_path, log):
    arm = "link_lengths: [0.5, 0.4], prior: uniform, joint_limits: [[-3.0, 3.0], [0.5, 5.8]]"
    (tmp_path / "arm.yaml").write_text(f"arm: {{{arm}}}")
    solvers = Solvers(ServerParameters(dof=2, arm=str(tmp_path / "arm.yaml")))
    _, response = answer(Answering(solvers, Frames("base_link", None), log), x=0.7)
    elbows = np.sort(response.positions[1::2])
    np.testing.assert_allclose(elbows.sum(), 2.0 * np.pi)
    assert 0.5 < elbows[0] < np.pi < elbows[1] < 5.8
    assert response.error_code == Code.SUCCESS
