"""The wheel, as pip installs it: what it holds, and that what it asks for suffices."""

import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ik_nn_ros.compilation import CODE_FOLDER

ROOT = Path(__file__).parents[2]
INSTALLED = (".py", ".safetensors")  # of the package's folder
SHARE = ".data/data/share/"
SOLVE = """
import sys
import ik_nn_ros
from ik_nn_ros import IKSolver, PlanarArm

assert ik_nn_ros.__file__.startswith(sys.prefix)
arm = PlanarArm([0.4, 0.3, 0.25], prior_std=0.5, joint_limits=(-2.0, 2.0))
asked = [(IKSolver.from_pretrained(dof=6), (3.0, 0.5)), (IKSolver.exact(arm), (0.5, 0.4))]
for solver, target in asked:
    solutions = solver.solve(target)
    assert solutions.positions.shape == (1000, solver.arm.dof)
    assert solutions.position_errors.max() < 1e-6
    assert len(solutions.representatives(3).indices) == 3
assert IKSolver.from_pretrained(6, "cinn").arm == IKSolver.from_pretrained(6).arm
assert not {"torch", "matplotlib", "rclpy"} & sys.modules.keys()
"""

pytest.importorskip("setuptools", minversion="70.1", reason="only later ones build wheels alone")


def run(*command: str | Path, **options) -> None:
    """Run a command; its output is shown where it fails."""
    outcome = subprocess.run(command, capture_output=True, text=True, **options)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from the source distribution, which thus has all that it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    metadata = ("egg_info", "--egg-base", folder)  # not into the repository
    run(sys.executable, "setup.py", *metadata, "sdist", "--dist-dir", folder, cwd=ROOT)
    (archive,) = folder.glob("*.tar.gz")
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", "wheel", *options, archive)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """The interpreter of a virtual environment that has the wheel and what it asks for, no more."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    options = ("--no-deps", "--no-index", "--ignore-installed", "--prefix", folder)
    run(sys.executable, "-m", "pip", "install", *options, wheel)
    (site,) = folder.glob("lib/python*/site-packages")
    (metadata,) = site.glob("*.dist-info")
    for needed in distributions(Distribution.at(metadata).requires):
        for name in {file.parts[0] for file in needed.files} - {"..", "__pycache__"}:
            (site / name).symlink_to(needed.locate_file(name))
    return folder / "bin" / "python"


def distributions(requirements: Iterable[str]) -> Iterable[Distribution]:
    """What requirements and their own ask for, of what is installed beside these tests."""
    found: dict[str, Distribution] = {}
    asked = list(map(Requirement, requirements))
    while asked:
        requirement = asked.pop()
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name not in found:
            found[requirement.name] = distribution(requirement.name)
            assert requirement.specifier.contains(found[requirement.name].version)
            asked += map(Requirement, found[requirement.name].requires or ())
    return found.values()


def test_it_holds_the_package_its_weights_and_what_the_node_is_started_with(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    files = [path for path in (ROOT / "ik_nn_ros").rglob("*") if path.suffix in INSTALLED]
    package = {path.relative_to(ROOT).as_posix() for path in files}
    shared = {name for name in held if SHARE in name}
    assert {name for name in held if name.startswith("ik_nn_ros/")} == package
    assert {name.partition(SHARE)[2] for name in shared} == {
        "ament_index/resource_index/packages/ik_nn_ros",
        "ik_nn_ros/package.xml",
        "ik_nn_ros/config/ik_server.yaml",
        "ik_nn_ros/config/posterior.rviz",
        "ik_nn_ros/launch/ik_server.launch.py",
    }
    assert all(".dist-info/" in name for name in held - package - shared)


def test_alone_it_solves_without_ros_and_without_pytorch(python, tmp_path):
    """With the machine code that these tests keep: that of the same sources."""
    environment = {"NUMBA_CACHE_DIR": str(CODE_FOLDER.parent)}
    run(python, "-I", "-W", "error", "-c", SOLVE, cwd=tmp_path, env=environment)
