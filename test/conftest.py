"""What all tests share."""

import logging
import sys

import pytest

# What only training and its tests need: where it is not installed, as after README's steps for ROS,
# the tests that import it are skipped.
OPTIONAL = ("torch", "FrEIA", "optuna", "ray", "pydantic", "hypothesis", "rosdep2", "safetensors")

# ROS's launch_testing, which pytest loads where ROS is installed, sets a class of loggers that do
# not propagate: what the package logs would not reach the tests.
logging.setLoggerClass(logging.Logger)


@pytest.fixture(autouse=True)
def fixed_seed():
    """Every test draws the same random numbers, whatever ran before it."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """Skip a file that imports what is optional and not installed."""
    outcome = yield
    report = outcome.get_result()
    name = _missing_module(report)
    if name in OPTIONAL:
        report.outcome = "skipped"
        report.longrepr = (str(collector.path), 0, f"Skipped: {name} is not installed")


def _missing_module(report):
    """The name of the package for whose lack a file could not be imported; None otherwise."""
    call = getattr(report, "call", None)
    if report.outcome != "failed" or call is None or call.excinfo is None:
        return None
    error = call.excinfo.value.__cause__
    return error.name.partition(".")[0] if isinstance(error, ModuleNotFoundError) else None
