"""The examples run as they stand."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ASKS_A_SERVER = "ros_client.py"  # which the node's tests start
EXAMPLES = sorted(
    path
    for path in (Path(__file__).parents[2] / "examples").glob("*.py")
    if path.name != ASKS_A_SERVER
)
FEW = {"train": ("--steps", "20", "--no-measure")}  # the minutes that it takes are for people


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs_and_prints_something(path, tmp_path):
    if path.stem in FEW and find_spec("torch") is None:
        pytest.skip("training needs torch, which is not installed")
    command = [sys.executable, path, *FEW.get(path.stem, ())]
    outcome = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.strip()
