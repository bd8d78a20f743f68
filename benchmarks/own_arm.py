"""An arm of one's own: from a YAML file to the first answer, and to a network that was trained."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.size import Size
from benchmarks.timing import Timing, seconds_of
from ik_nn_ros.solver import IKSolver
from measuring.stages import OnStage

ROOT = Path(__file__).resolve().parents[1]
TARGET = (0.6, 0.3)  # [m]
SAMPLES = 1000
SOLVE = f"""
import sys
from ik_nn_ros import IKSolver, load_arm
IKSolver.exact(load_arm(sys.argv[1])).solve({TARGET}, {SAMPLES}, seed=1)
"""


@dataclass(frozen=True)
class OwnArmResult:
    """What it takes to have README's arm of one's own answered.

    Attributes:
        first_answer: by `exact`, from Python's start on, with machine code kept from before.
        training: from the command's start to the network's weights file [s].
        effective_share: of the trained network's answer for one target.
    """

    first_answer: Timing
    training: float
    effective_share: float


def measure_own_arm(size: Size, on_stage: OnStage) -> OwnArmResult:
    """In processes of their own, as a user would."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "my_arm.yaml"
        file.write_text(_readme_s_arm())
        ask = [sys.executable, "-c", SOLVE, str(file)]
        on_stage("its first answer")
        subprocess.run(ask, check=True)  # compiles, if nobody has
        answers = [seconds_of(lambda: subprocess.run(ask, check=True)) for _ in range(size.starts)]
        on_stage("its network's training")
        train = [sys.executable, "-m", "training", "train", str(file), "--output", folder]
        train += ["--no-measure", "--device", "cpu", *size.training]
        seconds = seconds_of(
            lambda: subprocess.run(train, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        )
        solver = IKSolver.from_checkpoint(Path(folder) / "model.safetensors")
    share = solver.solve(TARGET, SAMPLES, seed=1).effective_share
    return OwnArmResult(Timing.of(answers), seconds, share)


def _readme_s_arm() -> str:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return next(block for block in blocks if "link_lengths" in block)
