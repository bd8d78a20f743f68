"""The demo, run as `make demo` runs it: it ends by itself and leaves nothing running."""

import os
import signal
import subprocess
import sys

import pytest


@pytest.fixture
def demo(root, tmp_path):
    """Runs the demo in a process group of its own, so that what it leaves behind can be found."""
    processes = []

    def run(*arguments: str) -> tuple[subprocess.Popen, str, str]:
        command = [sys.executable, str(root / "tools" / "demo.py"), "--target", "3.0", "0.5"]
        process = subprocess.Popen(
            [*command, "--output", str(tmp_path / "demo.png"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(root), "COLUMNS": "120"},
        )
        processes.append(process)
        return process, *process.communicate(timeout=120)

    yield run
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_it_prints_the_best_solutions_and_draws_every_model(demo, tmp_path):
    process, output, errors = demo("--dof", "3", "--model", "exact", "--target", "1.5", "0.5")
    assert process.returncode == 0, errors
    assert "joint_3" in output
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")
    assert "Traceback" not in errors


def test_a_target_out_of_reach_ends_it_with_one_line(demo):
    process, _, errors = demo("--dof", "3", "--model", "exact", "--target", "9.0", "0.0")
    assert process.returncode == 1
    assert "out of reach" in errors.splitlines()[-1]
    assert "Traceback" not in errors


def test_a_server_that_cannot_start_ends_it(demo):
    process, _, errors = demo("--dof", "99", "--model", "cvae")
    assert process.returncode == 1
    assert "no weights for dof 99" in errors
    assert "Traceback" not in errors
