"""What is measured in processes of its own."""

from collections import Counter

import numpy as np
import pytest

from benchmarks.growth import measure_samples
from benchmarks.inference import REFERENCED
from benchmarks.sizes import QUICK
from benchmarks.solvers import fastest_solver, solve_with_densities
from benchmarks.start import largest
from ik_nn_ros.solver import DEFAULT_MODEL


def test_samples_are_counted_in_a_process_whose_memory_never_falls():
    few, more = measure_samples(QUICK, lambda stage: None)
    assert (few.samples, more.samples) == QUICK.samples
    assert 0.0 <= few.memory <= more.memory
    assert few.timing.rounds > 0


@pytest.mark.parametrize("model", [DEFAULT_MODEL, REFERENCED])
def test_densities_are_there_when_they_were_asked_for(model):
    answer = solve_with_densities(fastest_solver(4, model), (2.2, 0.4), 20, seed=1)
    assert np.isfinite(answer.log_densities).all()


def test_small_imports_are_summed_up():
    shares = largest(Counter({f"package_{number}": 1.0 + number for number in range(10)}))
    assert list(shares)[0] == "package_9"
    assert list(shares)[-1] == "all others"
    assert sum(shares.values()) == pytest.approx(55.0)
