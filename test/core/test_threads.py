"""What threads share: BLAS's number of threads is one setting of the whole process."""

import os
import threading
import time

import numpy as np
import pytest
from sklearn.cluster import KMeans
from threadpoolctl import ThreadpoolController

from ik_nn_ros import IKSolver, threads
from ik_nn_ros.posterior import representatives
from ik_nn_ros.threads import one_blas_thread

WAIT = 20.0  # [s], for a thread that would hang
BEFORE = 3  # threads, as somebody else has set


def blas_threads():
    return {
        one.num_threads for one in ThreadpoolController().select(user_api="blas").lib_controllers
    }


@pytest.fixture(autouse=True)
def set_before():
    with one_blas_thread():  # SciPy's BLAS is loaded, and limited from here on
        pass
    with ThreadpoolController().limit(limits=BEFORE, user_api="blas"):
        yield


class Inside:
    """A thread that is inside ``work`` until it is told to leave it."""

    def __init__(self, work):
        self.entered, self._leave = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=work, args=(self,))
        self._thread.start()
        assert self.entered.wait(WAIT)

    def stay(self):
        self.entered.set()
        assert self._leave.wait(WAIT)

    def leave(self):
        self._leave.set()
        self._thread.join(WAIT)
        assert not self._thread.is_alive()


def keep_to_one(inside):
    with one_blas_thread():
        inside.stay()


def test_threads_that_come_first_at_once_count_together(monkeypatch):
    class Slow(threads._OneBlasThread):
        def __init__(self):
            time.sleep(0.3)  # in which the other thread asks for one, too
            super().__init__()

    monkeypatch.setattr(threads, "_OneBlasThread", Slow)
    threads._one_blas_thread.cache_clear()
    together, counters = threading.Barrier(2), []

    def enter():
        together.wait(WAIT)
        with one_blas_thread():
            counters.append(threads._one_blas_thread())
            together.wait(WAIT)

    both = [threading.Thread(target=enter) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(WAIT)
    assert len(counters) == 2 and counters[0] is counters[1]
    assert blas_threads() == {BEFORE}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_blas_has_one_thread_until_the_last_has_left_and_then_its_own(order):
    both = [Inside(keep_to_one), Inside(keep_to_one)]
    assert blas_threads() == {1}
    both[order[0]].leave()
    assert blas_threads() == {1}
    both[order[1]].leave()
    assert blas_threads() == {BEFORE}


def test_an_error_inside_leaves_as_well():
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert blas_threads() == {BEFORE}


@pytest.mark.parametrize("model", ["cinn", "cvae"])
def test_two_threads_that_solve_leave_blas_as_it_was(model):
    """The first one leaves while the second one is still drawing."""
    solver = IKSolver.from_pretrained(4, model)
    expected = solver.solve((2.4, 0.2), 50, seed=1).positions
    first = Inside(keep_to_one)  # as a solve in the midst of its draws
    answers, enough = [], threading.Barrier(2)

    def solve():
        answers.append(solver.solve((2.4, 0.2), 50, seed=1).positions)
        enough.wait(WAIT)

    thread = threading.Thread(target=solve)
    thread.start()
    enough.wait(WAIT)
    first.leave()
    thread.join(WAIT)
    assert blas_threads() == {BEFORE}
    np.testing.assert_array_equal(answers[0], expected)


def test_representatives_restore_no_other_thread_s_setting(monkeypatch):
    solver = IKSolver.from_pretrained(4, "exact")
    positions = solver.solve((2.4, 0.2), 50, seed=1).positions
    drawing, left = Inside(keep_to_one), []

    class Clustering(KMeans):
        def fit(self, *arguments, **keywords):
            with ThreadpoolController().limit(limits=1, user_api="blas"):  # as scikit-learn does
                drawing.leave()
                left.append(blas_threads())
                return super().fit(*arguments, **keywords)

    monkeypatch.setattr(representatives, "KMeans", Clustering)
    representatives.representatives(solver.arm, positions, 3)
    assert left and all(threads == {1} for threads in left)
    assert blas_threads() == {BEFORE}


def test_a_child_process_begins_with_what_was_set_before():
    drawing = Inside(keep_to_one)
    child = os.fork()
    if child == 0:
        with one_blas_thread():
            inside = blas_threads()
        os._exit(0 if inside == {1} and blas_threads() == {BEFORE} else 1)
    _, status = os.waitpid(child, 0)
    drawing.leave()
    assert os.waitstatus_to_exitcode(status) == 0
