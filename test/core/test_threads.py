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
from ik_nn_ros.threads import in_threads, one_blas_thread, pieces

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


@pytest.mark.parametrize("rows", [0, 1, 100, 128, 129, 300, 1000, 1100, 1300, 10_000])
@pytest.mark.parametrize("workers", [1, 2, 3, 16])
def test_pieces_are_all_rows_and_the_first_is_larger_where_each_thread_has_one(rows, workers):
    most, head_start = 640, 128
    found = pieces(rows, workers, most, head_start)
    assert [row for piece in found for row in range(piece.start, piece.stop)] == list(range(rows))
    sizes = [piece.stop - piece.start for piece in found]
    assert max(sizes) <= most
    if rows >= 1000 and rows + (workers - 1) * head_start <= workers * most:
        assert len(found) == workers
        assert sizes[0] == max(sizes[1:], default=rows - head_start) + head_start
        assert max(sizes[1:], default=0) - min(sizes[1:], default=0) <= workers
    elif rows >= 1000:
        assert max(sizes) - min(sizes) <= len(found)


def test_an_error_in_any_thread_is_the_caller_s_after_all_have_ended():
    ended = []

    def work(piece):
        if piece == 3:
            raise ValueError("in the fourth")
        time.sleep(0.02)
        ended.append(piece)

    with pytest.raises(ValueError, match="in the fourth"):
        in_threads(work, range(6), 3)
    count = len(ended)
    time.sleep(0.05)
    assert len(ended) == count
