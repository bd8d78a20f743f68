"""What is compiled, and when."""

import gc

import numpy as np
import pytest
from numba.core.errors import TypingError

from ik_nn_ros import compilation


def test_what_machine_code_calls_is_compiled_into_it_alone(monkeypatch):
    monkeypatch.setattr(compilation, "CODE_FOLDER", None)

    @compilation.inlined
    def twice(value):
        return 2.0 * value

    @compilation.plain
    def double(values):
        for i in range(len(values)):
            values[i] = twice(values[i])

    @compilation.compiled
    def doubled(values):
        copy = values.copy()
        double(copy)
        return copy

    functions, values = (twice, double, doubled), np.ones(3)
    np.testing.assert_array_equal(doubled(values), [2.0, 2.0, 2.0])
    assert [len(function.signatures) for function in functions] == [0, 0, 1]
    double(values)  # from Python as well
    np.testing.assert_array_equal(values, [2.0, 2.0, 2.0])
    assert twice(4.0) == 8.0
    assert [len(function.signatures) for function in functions] == [1, 1, 1]


def test_what_cannot_be_compiled_leaves_the_collector_at_work(monkeypatch):
    monkeypatch.setattr(compilation, "CODE_FOLDER", None)

    @compilation.compiled
    def impossible(value):
        during.append(value)

    during = []
    with pytest.raises(TypingError):
        impossible(1.0)
    assert gc.isenabled()
