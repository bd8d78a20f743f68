"""Inverse kinematics that answers with the whole posterior; the ROS node is in `ik_nn_ros.ros`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ik_nn_ros.arm.files import load_arm
    from ik_nn_ros.arm.mount import Mount
    from ik_nn_ros.arm.planar_arm import PlanarArm
    from ik_nn_ros.errors import (
        ArmFileError,
        CheckpointError,
        IKError,
        InvalidArmError,
        InvalidRequestError,
        MissingPackageError,
        ModelNotFoundError,
        NoSolutionError,
        UnreachableTargetError,
        UrdfError,
    )
    from ik_nn_ros.options import SolveOptions
    from ik_nn_ros.solutions import Solutions
    from ik_nn_ros.solver import IKSolver

__all__ = [
    "ArmFileError",
    "CheckpointError",
    "IKError",
    "IKSolver",
    "InvalidArmError",
    "InvalidRequestError",
    "MissingPackageError",
    "ModelNotFoundError",
    "Mount",
    "NoSolutionError",
    "PlanarArm",
    "Solutions",
    "SolveOptions",
    "UnreachableTargetError",
    "UrdfError",
    "load_arm",
]
_MODULES = {
    "IKSolver": "solver",
    "Mount": "arm.mount",
    "PlanarArm": "arm.planar_arm",
    "Solutions": "solutions",
    "SolveOptions": "options",
    "load_arm": "arm.files",
}


def __getattr__(name: str) -> Any:
    # At its first use: SciPy takes long to import, and the executables are to be there before.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_MODULES.get(name, 'errors')}")
    except ImportError as error:
        raise import_module(f"{__name__}.errors").MissingPackageError(error) from error
    return getattr(module, name)
