"""How the server fares, for /diagnostics."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.ros.parameters import ServerParameters

RECENT_ANSWERS = 1000
PERCENTILES = (50, 95, 99)
CODE_NAMES = {
    getattr(SolveIK.Response, name): name
    for name in (
        "SUCCESS",
        "TIMED_OUT",
        "INVALID_ROBOT_STATE",
        "FRAME_TRANSFORM_FAILURE",
        "NO_IK_SOLUTION",
        "FAILURE",
        "INVALID_REQUEST",
        "MODEL_NOT_FOUND",
    )
}


class RequestStatistics:
    """Counts all answers by their error code, and keeps the latest ones' times."""

    def __init__(self) -> None:
        self._codes: Counter[int] = Counter()
        self._recent: deque[float] = deque(maxlen=RECENT_ANSWERS)
        self._faults = 0

    def record(self, error_code: int, seconds: float) -> None:
        """One answer more, which took that long [s]."""
        self._codes[error_code] += 1
        self._recent.append(seconds)

    def record_fault(self) -> None:
        """One callback more that a fault ended; it was none of a request that was answered."""
        self._faults += 1

    @property
    def internal_errors(self) -> int:
        """Answers that a fault of the server's own prevented, and faults of other callbacks."""
        return self._codes[SolveIK.Response.FAILURE] + self._faults

    def values(self) -> dict[str, str]:
        """Requests, answers by code, faults, and percentiles of the time that answers took."""
        values = {"requests": str(self._codes.total())}
        values |= {CODE_NAMES[code]: str(count) for code, count in sorted(self._codes.items())}
        if self._faults:
            values["faults of callbacks"] = str(self._faults)
        if self._recent:
            times = 1e3 * np.percentile(self._recent, PERCENTILES)
            for percentile, milliseconds in zip(PERCENTILES, times, strict=True):
                values[f"latency p{percentile} [ms]"] = f"{milliseconds:.3f}"
        return values


def diagnostic_array(
    node_name: str, stamp: Time, settings: ServerParameters, statistics: RequestStatistics
) -> DiagnosticArray:
    """The server's status: a warning once it has met a fault of its own, else OK.

    Args:
        node_name: fully qualified, so that servers in several namespaces can be told apart.
        stamp: now.
        settings: the parameters now.
        statistics: of all requests so far.
    """
    status = DiagnosticStatus(
        level=DiagnosticStatus.OK, name=f"{node_name}: requests", message="answering"
    )
    if statistics.internal_errors:
        status.level = DiagnosticStatus.WARN
        status.message = f"{statistics.internal_errors} internal errors, see the log"
    values = {
        "model": settings.model,
        "dof": str(settings.dof),
        "device": settings.device,
        "backend": settings.backend,
    }
    values |= statistics.values()
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    array = DiagnosticArray(status=[status])
    array.header.stamp = stamp
    return array
