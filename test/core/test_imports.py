"""The directions of import: the core runs where there is no ROS, no plotting, no training."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ik_nn_ros

BLOCKED = (
    "rclpy",
    "launch",
    "launch_ros",
    "diagnostic_msgs",
    "geometry_msgs",
    "sensor_msgs",
    "std_msgs",
    "tf2_ros",
    "trajectory_msgs",
    "visualization_msgs",
    "ik_nn_interfaces",
    "matplotlib",
    "training",
    "measuring",
    "benchmarks",
    "tools",
    "pydantic",
)
NEVER = {  # what a part must not import; a part is a folder or a module of the package
    "chain": ("posterior", "models", "backends", "solver", "solutions", "options", "path"),
    "posterior": ("models", "backends", "solver", "solutions", "options", "path"),
    "models": ("posterior", "backends", "solver", "solutions", "options", "path"),
    "backends": ("solver", "solutions", "options", "path"),
}
ARM_NEEDS = ("arm", "arrays", "errors", "threads", "compilation", "stopping", "texts", "user_path")
NOT_INSTALLED = ("training", "measuring", "benchmarks", "tools", "examples", "test")
CLONE_NEVER = {  # the same of the parts that are run from a clone
    "measuring": ("training", "benchmarks", "tools"),
    "training": ("benchmarks", "tools"),
    "training.train": ("measuring", "training.search", "training.paper", "training.commands"),
    "training.search": ("measuring", "training.paper", "training.commands"),
    "training.paper": ("training.search", "training.commands"),
    "benchmarks": ("training.search", "tools"),
}
PACKAGE = Path(ik_nn_ros.__file__).parent
CLONE = Path(__file__).resolve().parents[2]
SCRIPT = """
import importlib, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise AssertionError(f"the core imports {{name}}")
sys.meta_path.insert(0, Blocker())
for name in {modules!r}:
    importlib.import_module(name)
print(len({modules!r}))
"""

SERVING = """
import sys
from ik_nn_ros import IKSolver
from ik_nn_ros.models import WEIGHTS_FOLDER
for model in ("cinn", "cvae", "inn", "exact"):
    solver = IKSolver.from_pretrained(4, model)
    solutions = solver.solve((2.4, 0.2), 50, seed=1)
    assert len(solutions) > 40
    assert model == "cvae" or solutions.log_densities.shape == (len(solutions),)
    assert (solutions.weights is None) == (model in ("cvae", "inn"))
    assert not solutions.off_distribution
    assert len(solutions.representatives(3).indices) == 3
for name in ("cinn_rail", "inn_rail", "cvae_full_circle_vector", "cvae_full_circle_wrapped"):
    solver = IKSolver.from_checkpoint(WEIGHTS_FOLDER / f"{name}.safetensors", device="cpu:0")
    solver.solve_many([(1.2, 0.1), (1.1, 0.2)], 50, seed=1)
    assert solver.sample([(1.2, 0.1)]).shape == (1, solver.arm.dof)
solver = IKSolver.from_pretrained(4, "cinn", task="pose")
assert solver.solve((2.3, 0.3, 0.2), 50, seed=1).heading_errors.max() < 1e-6
assert not {"torch", "safetensors"} & sys.modules.keys()
"""


def modules_below(folder: Path) -> dict[str, Path]:
    """The files of a package and its parts by the dotted names of their modules."""
    names = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        names[".".join(part for part in parts if part != "__init__")] = path
    return names


MODULES = modules_below(PACKAGE)
CLONE_MODULES = {
    name: path
    for part in ("measuring", "training", "benchmarks")
    for name, path in modules_below(CLONE / part).items()
}


def imports_of(source: str, package: str) -> Iterator[str]:
    """Every module that a text imports: at once, lazily in a function, or for its types only.

    ``package`` is where relative imports start. Of ``from a import b`` it is a.b where that is a
    module of the package, else a.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            parts = [*(above if node.level else []), *filter(None, [node.module])]
            for alias in node.names:
                full = ".".join([*parts, alias.name])
                yield full if full in MODULES | CLONE_MODULES else ".".join(parts)


@cache
def graph() -> dict[str, set[str]]:
    """What each module imports, of the package, of the clone and from outside."""
    modules = MODULES | CLONE_MODULES
    packages = {
        name: name if path.name == "__init__.py" else name.rpartition(".")[0]
        for name, path in modules.items()
    }
    return {
        name: set(imports_of(path.read_text(), packages[name])) for name, path in modules.items()
    }


def is_in(module: str, part: str) -> bool:
    """Whether a module is a package or one of the modules below it."""
    return f"{module}.".startswith(f"{part}.")


def part_of(module: str) -> str:
    """The folder or module right below the package; of another module its first name."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == PACKAGE.name else first


def test_the_imports_of_a_text_are_found_wherever_they_stand():
    source = """
import os.path
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from ik_nn_ros.arm.planar_arm import PlanarArm
def late():
    from ik_nn_ros import solver
    from ik_nn_ros.models import architecture
    from .. import path
    from .exact import draw
"""
    assert list(imports_of(source, "ik_nn_ros.posterior")) == [
        "os.path",
        "typing",
        "ik_nn_ros.arm.planar_arm",
        "ik_nn_ros.solver",
        "ik_nn_ros.models",
        "ik_nn_ros.path",
        "ik_nn_ros.posterior.exact",
    ]


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module):
    part = part_of(module)
    imported = {other: part_of(other) for other in graph()[module]}
    assert not {other for other, its in imported.items() if its in NEVER.get(part, ())}
    assert not {other for other, its in imported.items() if its in NOT_INSTALLED}
    ours = {other: its for other, its in imported.items() if other.startswith(PACKAGE.name)}
    assert part == "ros" or "ros" not in ours.values()
    assert part != "arm" or set(ours.values()) <= set(ARM_NEEDS)
    assert module == PACKAGE.name or PACKAGE.name not in ours


@pytest.mark.parametrize("part", CLONE_NEVER)
def test_imports_of_what_is_run_from_a_clone_point_one_way(part):
    found = {
        f"{module} imports {other}"
        for module in CLONE_MODULES
        if is_in(module, part)
        for other in graph()[module]
        if any(is_in(other, never) for never in CLONE_NEVER[part])
    }
    assert not found


def test_no_modules_import_one_another_in_a_circle():
    """Nor lazily or for types only: one end of each import can be read without the other."""
    inner = {name: imported & graph().keys() for name, imported in graph().items()}
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()
    TopologicalSorter(inner).prepare()


def test_every_core_module_imports_without_ros_plotting_and_training():
    pytest.importorskip("torch")
    modules = [name for name in MODULES if part_of(name) != "ros"]
    assert "ik_nn_ros.solver" in modules
    script = SCRIPT.format(blocked=BLOCKED, modules=modules)
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split() == [str(len(modules))]


def test_compiled_networks_are_served_without_pytorch():
    """It takes seconds to import, and hundreds of megabytes."""
    outcome = subprocess.run([sys.executable, "-c", SERVING], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
