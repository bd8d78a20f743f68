"""The directions of import: the core runs where there is no ROS, no plotting, no training."""

import subprocess
import sys
from pathlib import Path

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
    "benchmarks",
    "pydantic",
)
PACKAGE = Path(ik_nn_ros.__file__).parent
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
    assert model in ("cvae", "exact") or solutions.log_densities.shape == (len(solutions),)
    assert not solutions.off_distribution
    assert len(solutions.representatives(3).indices) == 3
for name in ("cinn_rail", "inn_rail", "cvae_full_circle_vector", "cvae_full_circle_wrapped"):
    solver = IKSolver.from_checkpoint(WEIGHTS_FOLDER / f"{name}.safetensors", device="cpu:0")
    solver.solve_many([(1.2, 0.1), (1.1, 0.2)], 50, seed=1)
    assert solver.sample([(1.2, 0.1)]).shape == (1, solver.arm.dof)
assert "torch" not in sys.modules
"""


def core_modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if "ros" not in parts:
            yield ".".join(part for part in parts if part != "__init__")


def test_every_core_module_imports_without_ros_plotting_and_training():
    modules = list(core_modules())
    assert "ik_nn_ros.solver" in modules
    script = SCRIPT.format(blocked=BLOCKED, modules=modules)
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split() == [str(len(modules))]


def test_compiled_networks_are_served_without_pytorch():
    """It takes seconds to import, and hundreds of megabytes."""
    outcome = subprocess.run([sys.executable, "-c", SERVING], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
