"""``python -m ik_nn_ros.compile``: compile all machine code now, so that no start has to.

It goes to the folder of the user who runs this, or below NUMBA_CACHE_DIR; `ik_nn_ros.kept_code`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.errors import IKError, MissingPackageError

# Arms share their machine code. These run all of it: with limits that the prior never feels and
# with such that it does, with joints that are looked up in tables, without any, without free ones.
ARMS = (
    PlanarArm((1.0,) * 4, 0.2, (-1.0, 1.0)),
    PlanarArm((1.0,) * 4, 0.5, (-1.0, 1.0)),
    PlanarArm((1.0,) * 3, 0.5, (-1.0, 1.0)),
    PlanarArm((1.0,) * 2, 0.5),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile what the exact sampler and the shipped networks need; 0, or 1 with one line."""
    parser = argparse.ArgumentParser(prog="python -m ik_nn_ros.compile", description=__doc__)
    parser.parse_args(arguments)
    start = time.process_time()
    try:
        folder = _compile()
    except ImportError as error:
        return _failed(MissingPackageError(error))
    except IKError as error:
        return _failed(error)
    if folder is None:
        return 1  # the log says why
    print(f"machine code is in {folder}: {time.process_time() - start:.0f} s of a processor")
    return 0


def _compile() -> Path | None:
    """Where machine code is kept; None where it is not."""
    from ik_nn_ros.compilation import CODE_FOLDER
    from ik_nn_ros.models import WEIGHTS_FOLDER
    from ik_nn_ros.solver import IKSolver

    if CODE_FOLDER is not None:
        for arm in ARMS:
            IKSolver.exact(arm)
        for path in sorted(WEIGHTS_FOLDER.glob("*.safetensors")):
            IKSolver.from_checkpoint(path)
    return CODE_FOLDER


def _failed(error: IKError) -> int:
    print(f"ik_nn_ros.compile: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
