"""Solvers and answers go to other processes, and answer there as here."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.arm.task import TASKS

TARGET = (2.2, 0.4, 0.3)
LIMITED = PlanarArm([0.5, 0.5, 0.5, 1.0], prior_std=0.5, joint_limits=[(-1.5, 1.5)] * 4)
SOLVERS = {
    "exact": lambda: IKSolver.from_pretrained(4, "exact"),
    "exact, limits": lambda: IKSolver.exact(LIMITED),
    "exact, poses": lambda: IKSolver.from_pretrained(4, "exact", task="pose"),
    "cinn, poses": lambda: IKSolver.from_pretrained(4, "cinn", task="pose"),
    **{
        f"{model}, {backend}": lambda model=model, backend=backend: IKSolver.from_pretrained(
            4, model, backend=backend
        )
        for model in ("cinn", "cvae", "inn")
        for backend in ("numba", "torch")
    },
}


def through_pickle(value):
    return pickle.loads(pickle.dumps(value))


def assert_equal(one, other):
    for name in ("positions", "position_errors", "heading_errors", "weights", "log_densities"):
        values, others = getattr(one, name), getattr(other, name)
        assert (values is None) is (others is None)
        if values is not None:
            np.testing.assert_array_equal(values, others)
    assert one.off_distribution is other.off_distribution
    assert one.task is other.task


@pytest.mark.parametrize("copied", [through_pickle, copy.deepcopy], ids=["pickled", "copied"])
@pytest.mark.parametrize("name", SOLVERS)
def test_a_copied_solver_answers_the_same(name, copied):
    solver = SOLVERS[name]()
    other = copied(solver)
    assert (other.model, other.backend, other.arm) == (solver.model, solver.backend, solver.arm)
    target = TARGET[: solver.task.size]
    answer = solver.solve(target, 30, seed=1)
    assert_equal(answer, other.solve(target, 30, seed=1))
    assert_equal(answer, copied(answer))
    assert_equal(answer, copied(copied(answer)))


@pytest.mark.parametrize("name", ["exact", "inn, torch"])
def test_samples_keep_their_densities(name):
    sampler = SOLVERS[name]().sampler
    samples = sampler.sample(np.array([TARGET[:2]]), 20, np.random.default_rng(1))
    np.testing.assert_array_equal(through_pickle(samples).log_densities, samples.log_densities)


def test_there_is_one_of_each_task():
    for task in TASKS.values():
        assert through_pickle(task) is copy.deepcopy(task) is task


def test_a_pool_of_processes_answers_as_this_one():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for name in ("exact", "cinn, numba"):
            solver = SOLVERS[name]()
            answer = pool.submit(solver.solve, TARGET[:2], 20, 1)
            assert_equal(answer.result(), solver.solve(TARGET[:2], 20, 1))
