"""The tests can be run where ROS is installed and PyTorch is not, as `colcon test` does."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from ik_nn_ros import backends

ROOT = Path(__file__).parents[2]
# What ROS's launch_testing does to loggers, as a plugin that comes before conftest.py.
LAUNCH_TESTING = """
import logging

class LaunchLogger(logging.Logger):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.propagate = False

logging.setLoggerClass(LaunchLogger)
"""
WITHOUT_TORCH = "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')"


@pytest.fixture
def run_pytest(tmp_path, monkeypatch):
    """Runs pytest on a file of the tests, with a module that is found before all others."""

    def run(name: str, module: str, *arguments: str) -> subprocess.CompletedProcess:
        (tmp_path / f"{name}.py").write_text(module)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        command = [sys.executable, "-m", "pytest", "-q", "-rs", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)

    return run


def test_the_package_s_loggers_propagate():
    """As pytest before its version 9 needs them to, for `caplog`."""
    assert logging.getLogger(backends.__name__).propagate


def test_beside_launch_testing_they_do_too(run_pytest):
    test = f"{__file__}::{test_the_package_s_loggers_propagate.__name__}"
    outcome = run_pytest("launch_logger", LAUNCH_TESTING, "-p", "launch_logger", test)
    assert outcome.returncode == 0, outcome.stdout


def test_without_pytorch_the_files_that_import_it_are_skipped(run_pytest):
    files = ["test/core/test_backends.py", "test/core/test_hull.py"]
    outcome = run_pytest("torch", WITHOUT_TORCH, *files)
    assert outcome.returncode == 0, outcome.stdout
    assert "torch is not installed" in outcome.stdout
    assert " passed, 1 skipped" in outcome.stdout


def test_without_pytorch_every_file_is_collected_or_skipped(run_pytest):
    outcome = run_pytest("torch", WITHOUT_TORCH, "--collect-only", "-p", "no:cacheprovider", "test")
    assert outcome.returncode == 0, outcome.stdout
    assert "test_planar_arm.py::test_numpy_and_torch_agree" in outcome.stdout
