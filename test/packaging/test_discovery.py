"""The first ROS commands find both packages, by rosdep's and colcon's own discovery."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rosdep2.catkin_packages import find_catkin_packages_in

ROOT = Path(__file__).parents[2]
BOTH = {"ik_nn_interfaces", "ik_nn_ros"}


DOCUMENTS = [ROOT / "README.md", ROOT / "docs" / "ros.md"]


def documented(start: str) -> list[str]:
    """The one command of README and docs/ros.md that starts so, as its words."""
    text = "".join(path.read_text() for path in DOCUMENTS)
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith(start)]
    (line,) = lines
    return shlex.split(line.partition(" && ")[0], comments=True)


def paths_after(command: list[str], option: str) -> list[str]:
    """The arguments of an option that takes several."""
    rest = command[command.index(option) + 1 :]
    return [*rest[: next((i for i, word in enumerate(rest) if word.startswith("-")), None)]]


def found_by_rosdep(paths: list[str]) -> set[str]:
    return {name for path in paths for name in find_catkin_packages_in(path)}


def found_by_colcon(paths: list[str]) -> set[str]:
    code = "import sys; from colcon_core.command import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "list", "--names-only", "--base-paths", *paths]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(outcome.stdout.split())


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace whose source folder has this repository."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "ik_nn_ros").symlink_to(ROOT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLCON_HOME", str(tmp_path / "colcon"))
    monkeypatch.setenv("COLCON_LOG_PATH", "/dev/null")
    return tmp_path


def test_in_a_clone_rosdep_and_colcon_find_both_packages(workspace, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert found_by_rosdep(paths_after(documented("rosdep install"), "--from-paths")) == BOTH
    for start in ("colcon build --base-paths .", "colcon test --base-paths ."):
        assert found_by_colcon(paths_after(documented(start), "--base-paths")) == BOTH


def test_in_a_workspace_colcon_finds_both_packages(workspace):
    paths = paths_after(documented("colcon build --base-paths src"), "--base-paths")
    assert found_by_colcon(paths) == BOTH
    assert found_by_rosdep(paths) == BOTH
    assert found_by_colcon(paths[:1]) == {"ik_nn_ros"}  # why the second path is there
