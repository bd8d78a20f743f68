"""Requests about a node's parameters, which rclpy answers however long they are."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import SetParametersResult

MOST_PARAMETERS = 100  # of one request; a node has some 30, and each change takes a millisecond


def too_long(request: Any) -> str | None:
    """Why a request is refused that names more parameters than others can wait for."""
    counts = (len(getattr(request, field, ())) for field in ("parameters", "names", "prefixes"))
    if (count := max(counts)) > MOST_PARAMETERS:
        return f"at most {MOST_PARAMETERS} parameters in one request, got {count}"
    return None


def refuse(response: Any, reason: str) -> Any:
    """Write a refusal into a response, where it has a place for one; others stay empty."""
    result = SetParametersResult(successful=False, reason=reason)
    if hasattr(response, "results"):
        response.results = [result]
    elif isinstance(getattr(response, "result", None), SetParametersResult):
        response.result = result
    return response
