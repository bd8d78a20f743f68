"""The figures on /diagnostics."""

import re

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.ros.diagnostics import (
    CODE_NAMES,
    RECENT_ANSWERS,
    RequestStatistics,
    diagnostic_array,
)
from ik_nn_ros.ros.parameters import ServerParameters

Code = SolveIK.Response


def test_every_error_code_has_its_name():
    names = {name for name in dir(type(Code)) if re.fullmatch("[A-Z][A-Z_]+", name)}
    assert {getattr(Code, name): name for name in names} == CODE_NAMES


def test_answers_are_counted_by_code_and_only_recent_times_kept():
    statistics = RequestStatistics()
    statistics.record(Code.TIMED_OUT, 100.0)
    for index in range(RECENT_ANSWERS):
        statistics.record(Code.SUCCESS, 1e-3 * index)
    assert statistics.values() == {
        "requests": "1001",
        "TIMED_OUT": "1",
        "SUCCESS": "1000",
        "latency p50 [ms]": "499.500",
        "latency p95 [ms]": "949.050",
        "latency p99 [ms]": "989.010",
    }


def test_a_fault_of_its_own_is_a_warning():
    statistics = RequestStatistics()

    def status():
        (status,) = diagnostic_array("/a/ik_server", Time(), ServerParameters(), statistics).status
        return status

    statistics.record(Code.NO_IK_SOLUTION, 1e-3)
    assert (status().level, status().message) == (DiagnosticStatus.OK, "answering")
    statistics.record(Code.FAILURE, 1e-3)
    assert status().level == DiagnosticStatus.WARN
    assert status().message == "1 internal errors, see the log"
    statistics.record_fault()
    assert status().message == "2 internal errors, see the log"
    assert statistics.values()["faults of callbacks"] == "1"
