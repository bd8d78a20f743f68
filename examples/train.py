"""A network for an arm of one's own: train, evaluate, ask; `ik_server` serves the same file.

Takes a minute or two on a CPU; further arguments are those of `python -m training train`.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

# `training` is run from the repository, and not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ik_nn_ros import IKSolver
from training.__main__ import main

MY_ARM = """
model: cinn
arm: {link_lengths: [0.4, 0.3, 0.25], prior_std: 0.5, joint_limits: [-2.5, 2.5]}
"""


def train_and_ask(arguments: list[str]) -> None:
    """Train and measure a network, which prints what it found, and ask the network."""
    with TemporaryDirectory() as folder:
        config = Path(folder) / "my_arm.yaml"
        config.write_text(MY_ARM)
        if main(["train", str(config), "--output", folder, *arguments]):
            sys.exit("the training failed")
        solver = IKSolver.from_checkpoint(Path(folder) / "model.safetensors")
        solutions = solver.solve((0.6, 0.3), num_samples=1000, seed=1)
        print(f"{len(solutions)} solutions; effective share {solutions.effective_share:.3f}")


if __name__ == "__main__":  # measuring starts processes, which read this file
    train_and_ask(sys.argv[1:])
