"""From requests to responses without a node: the time, and faults."""

import itertools
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import IKSolver
from ik_nn_ros.errors import CheckpointError
from ik_nn_ros.ros import answering as module
from ik_nn_ros.ros.answering import Answering
from ik_nn_ros.ros.deadline import Deadline
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.solvers import Solvers

Code = SolveIK.Response


class Log(list):
    """A logger that keeps its lines."""

    error = list.append


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def answering(log):
    solvers = Solvers(ServerParameters(dof=4, model="exact", num_samples=20))
    return Answering(solvers, Frames("base_link", None), log)


@pytest.fixture
def ticking(monkeypatch):
    """A clock on which every look takes a second."""
    ticks = partial(next, itertools.count())
    monkeypatch.setattr(module, "Deadline", partial(Deadline, clock=ticks))


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


@pytest.mark.parametrize("timeout", [0.0, 4.0])
def test_within_the_time_or_without_a_limit_it_answers(answering, ticking, timeout):
    _, response = answer(answering, timeout=timeout, num_representatives=3)
    assert response.error_code == Code.SUCCESS
    assert len(response.representatives) == 3


@pytest.mark.parametrize(
    ("timeout", "elapsed", "solutions", "representatives"),
    [(0.5, "1.000", 0, 0), (1.5, "2.000", 0, 0), (2.5, "3.000", 20, 0), (3.5, "4.000", 20, 3)],
    ids=["sampling", "projecting", "choosing representatives", "answering"],
)
def test_out_of_time_it_stops_before_the_next_stage_with_what_is_ready(
    answering, ticking, timeout, elapsed, solutions, representatives
):
    solved, response = answer(answering, timeout=timeout, num_representatives=3)
    assert solved is None
    assert response.error_code == Code.TIMED_OUT
    assert response.message == f"timeout: {elapsed} s have passed, {timeout:.3f} s were allowed"
    assert len(response.positions) == 4 * solutions
    assert len(response.representatives) == representatives


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
