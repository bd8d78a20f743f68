"""Work that lasts asks whether to go on, and stops in good order where it is not to."""

from unittest import mock

import numba
import numpy as np
import pytest

from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.arm.projection import project
from ik_nn_ros.arm.task import POSITION
from ik_nn_ros.errors import TimedOutError
from ik_nn_ros.options import SolveOptions
from ik_nn_ros.path import Branch, follow
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.representatives import STARTS, representatives
from ik_nn_ros.posterior.tables import DISTANCES
from ik_nn_ros.stopping import Deadline, go_on, stopped_by
from ik_nn_ros.threads import in_threads

ARM = PlanarArm.of_paper(4)
TARGET = (2.0, 0.4)
ANGLES = np.linspace(0.0, 0.6, 40)
CIRCLE = 2.0 * np.stack((np.cos(ANGLES), np.sin(ANGLES)), axis=1)


class Asked:
    """Counts how often work asks, and stops it then."""

    def __init__(self, most=10**9):
        self.times, self.most = 0, most

    def __call__(self):
        self.times += 1
        if self.times > self.most:
            raise TimedOutError(2.0, 1.0)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Others do not ask, whatever the number of cores."""
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)


def new_arm():
    """An arm whose tables nobody has made yet."""
    return PlanarArm((0.5, 0.4, 0.3, np.random.default_rng().uniform(0.2, 0.3)))


def building():
    arm = new_arm()
    return lambda: ExactPosterior(arm)


def drawing():
    solver = IKSolver.exact(ARM)
    return lambda: solver.solve(TARGET, 20_000, seed=1, refine=False)


def accepting():
    """In rounds, as long as too few are accepted."""
    solver = IKSolver.from_pretrained(4, "cinn")
    return lambda: solver.solve(TARGET, 4000, seed=1, refine=False, exact=True)


def network():
    solver = IKSolver.from_pretrained(4, "cinn")
    return lambda: solver.solve(TARGET, 20_000, seed=1, refine=False)


def decoder():
    solver = IKSolver.from_pretrained(4, "inn")
    return lambda: solver.solve(TARGET, 10_000, seed=1, refine=False).log_densities


def decoder_in_pytorch():
    pytest.importorskip("torch")
    from ik_nn_ros.backends import eager

    solver = IKSolver.from_pretrained(4, "inn", backend="torch")

    def work():
        with mock.patch.object(eager, "CHUNK_SIZE", 500):
            return solver.solve(TARGET, 5000, seed=1, refine=False).log_densities

    return work


def projecting():
    start = np.full((5, 4), 0.3)
    return lambda: project(ARM, start, np.array(TARGET), 1e-6)


def regions():
    solutions = IKSolver.exact(ARM).solve(TARGET, 200, seed=1)
    return lambda: solutions.representatives(5)


def following():
    solver = IKSolver.exact(ARM)
    return lambda: list(follow(solver, CIRCLE, 20, seed=1))


def closing():
    way = np.array(list(follow(IKSolver.exact(ARM), CIRCLE, 20, seed=1)))
    branch = Branch(ARM, POSITION, SolveOptions(), 0.2)
    there_and_back = np.concatenate((CIRCLE, CIRCLE[-2::-1]))
    return lambda: branch.closed(np.concatenate((way, way[-2::-1])), there_and_back)


@pytest.mark.parametrize(
    ("prepared", "least"),
    [
        (building, 20),
        (drawing, 20),
        (accepting, 6),
        (network, 20),
        (decoder, 8),
        (decoder_in_pytorch, 20),
        (projecting, 3),
        (regions, 4),
        (following, 40),
        (closing, 40),
    ],
)
def test_work_that_may_last_asks_often_and_stops_where_it_is_told_to(prepared, least, monkeypatch):
    """By one thread: of several, each takes as many pieces as it comes to, and only one asks."""
    monkeypatch.setattr("ik_nn_ros.posterior.weighted.num_threads", lambda: 1)
    work = prepared()
    with stopped_by(stopping := Asked(most=2)), pytest.raises(TimedOutError):
        work()
    assert stopping.times == 3
    with stopped_by(asked := Asked()):
        work()
    assert asked.times >= least


def test_regions_of_many_samples_are_looked_for_some_iterations_at_a_time():
    """A start of k-means takes seconds where no regions stand out."""
    positions = np.random.default_rng(1).uniform(-3.0, 3.0, (2000, 4))
    with stopped_by(asked := Asked()):
        representatives(ARM, positions, 30)
    assert asked.times > 2 * STARTS


def test_tables_that_were_stopped_go_on_and_are_the_same():
    """Else a request whose time is shorter than their making would never be answered."""
    arm = new_arm()
    rounds = 0
    while True:
        rounds += 1
        try:
            with stopped_by(Asked(most=10)):
                stopped = ExactPosterior(arm)
            break
        except TimedOutError:
            assert rounds < 1000
    assert rounds > 2
    at_once = ExactPosterior(PlanarArm(arm.link_lengths, joint_names=["a", "b", "c", "d"]))
    assert stopped.tables.grid[1, DISTANCES] > 0
    for one, other in zip(stopped.tables, at_once.tables, strict=True):
        assert one is not other
        assert np.array_equal(one, other)


def test_checks_nest_and_end_with_their_block():
    outer, inner = Asked(), Asked()
    with stopped_by(outer):
        with stopped_by(inner):
            go_on()
        go_on()
    go_on()
    assert (outer.times, inner.times) == (2, 1)


def test_a_deadline_runs_from_its_start():
    deadline = Deadline(1.0, start=5.0, clock=iter((5.9, 6.1)).__next__)
    deadline.check()
    with pytest.raises(TimedOutError, match="1.100 s have passed, 1.000 s were allowed"):
        deadline.check()


def test_threads_stop_with_the_one_that_asks():
    done = []
    with stopped_by(Asked(most=3)), pytest.raises(TimedOutError):
        in_threads(done.append, range(10**6), 3)
    assert len(done) < 10**6
