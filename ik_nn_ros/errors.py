"""The errors of the package: one base class, each subclass carrying the data of its case."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from ik_nn_ros.texts import LONGEST_PATH, shown

MOST_WITH_DECIMALS = 1e9  # [m], distances that are not written as powers of ten


class IKError(Exception):
    """Base class. ``str(error)`` is a sentence for a person: what was wrong, what is allowed.

    >>> from ik_nn_ros import IKSolver, PlanarArm
    >>> try:
    ...     PlanarArm((0.4, -0.3))
    ... except IKError as error:
    ...     print(type(error).__name__, error)
    InvalidArmError link_lengths must be 2 or more positive numbers [m]: (0.4, -0.3)
    """


class InvalidArmError(IKError):
    """An arm that cannot exist: fewer than two joints, a length that is not positive, ..."""


class UrdfError(InvalidArmError):
    """A robot description that is no URDF, or whose chain is no planar arm.

    Attributes:
        name: of the joint or link at fault; None where it is the description as a whole.
        reason: what is wrong with it, and what is allowed.
    """

    def __init__(self, name: str | None, reason: str) -> None:
        super().__init__(f"URDF: {reason}" if name is None else f"URDF: '{shown(name)}' {reason}")
        self.name = name
        self.reason = reason


class ArmFileError(IKError):
    """A file that says no arm: missing, too large, not YAML, of another kind, or a wrong arm in it.

    Attributes:
        path: the file.
        reason: what is wrong with it, and what is allowed.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"arm file {shown(path, LONGEST_PATH)}: {reason}")
        self.path = path
        self.reason = reason


class InvalidRequestError(IKError):
    """A request that cannot be answered as it stands.

    Attributes:
        field: name of the offending argument.
        reason: what is wrong with it, and what is allowed.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnreachableTargetError(IKError):
    """A target that no configuration of the arm reaches.

    Attributes:
        distance: the target's distance from the base, from a rail its x [m].
        reach: smallest and largest one that the arm reaches [m].
        name: what the arm's base calls it.
        index: which of several targets, from 0; None for the only one.
    """

    def __init__(
        self,
        distance: float,
        reach: tuple[float, float],
        name: str,
        index: int | None = None,
    ) -> None:
        decimals = decimals_apart(max(reach[0] - distance, distance - reach[1]), least=4)
        distances = (
            f"{value:.{decimals}f} m" if value < MOST_WITH_DECIMALS else f"{value} m"
            for value in (distance, *reach)
        )
        super().__init__(
            "{} out of reach: its {} is {}, the arm reaches {} to {}".format(
                _numbered(index), name, *distances
            )
        )
        self.distance = distance
        self.reach = reach
        self.name = name
        self.index = index


class NoSolutionError(IKError):
    """No configuration was found that meets the tolerances and the joint limits.

    Attributes:
        num_samples: how many samples were tried; 0 where all solutions are known.
        distance: by how much the nearest configuration within the limits that was found misses the
            target [m].
        heading: by how much it misses a pose's heading [rad]; None of a position.
        index: for which of several targets, from 0; None for the only one.
    """

    def __init__(
        self, num_samples: int, distance: float, heading: float | None, index: int | None = None
    ) -> None:
        where = "" if index is None else f"{_numbered(index)}: "
        missed = f"{distance:.3g} m" + ("" if heading is None else f" and {heading:.3g} rad")
        tried = f" after {num_samples} samples" if num_samples else ""
        super().__init__(
            f"{where}no configuration within the joint limits reaches it: the nearest one that was "
            f"found{tried} misses it by {missed}"
        )
        self.num_samples = num_samples
        self.distance = distance
        self.heading = heading
        self.index = index


class PathBreakError(IKError):
    """A path that no continuous motion follows to its end.

    Attributes:
        index: of the first target that is not reached, from 0.
        target: that target, (x, y) [m].
    """

    def __init__(self, index: int, target: Sequence[float], place: str, reason: str) -> None:
        super().__init__(f"the path breaks at target {index + 1}, {place}: {reason}")
        x, y = target[:2]
        self.index = index
        self.target = (x, y)


class PathOpenError(IKError):
    """A path that was to be closed and does not come back to where it began.

    Attributes:
        gap: (dof,) joint positions at its end less those at its beginning [rad].
    """

    def __init__(self, gap: Sequence[float], joint_names: Sequence[str]) -> None:
        joint = max(range(len(gap)), key=lambda index: abs(gap[index]))
        super().__init__(
            "the path does not come back to where it began: at its end "
            f"{joint_names[joint]} is {gap[joint]:+.3f} rad from there; another start or wider "
            "limits may help"
        )
        self.gap = tuple(float(value) for value in gap)


class ModelNotFoundError(IKError):
    """No such model, or no weights of it for this arm.

    Attributes:
        model: the name asked for.
        available: what there is, ready to print.
    """

    def __init__(self, model: str, reason: str, available: Iterable[str]) -> None:
        self.model = model
        self.available = tuple(available)
        super().__init__(
            f"model '{shown(model)}': {reason}; available: {', '.join(self.available)}"
        )


class CheckpointError(IKError):
    """A weights file that is missing, damaged or of another format.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"weights file {shown(path, LONGEST_PATH)}: {reason}")
        self.path = path


class TimedOutError(IKError):
    """Work that took longer than it was allowed.

    Attributes:
        elapsed: time taken so far [s].
        timeout: time allowed [s].
    """

    def __init__(self, elapsed: float, timeout: float) -> None:
        super().__init__(f"timeout: {elapsed:.3f} s have passed, {timeout:.3f} s were allowed")
        self.elapsed = elapsed
        self.timeout = timeout


class MissingPackageError(IKError):
    """A Python package that is not installed, or that cannot be used as it is installed.

    Args:
        error: what importing it has raised.

    Attributes:
        package: its name, as it is imported; empty where the error does not say.
    """

    INSTALLED_AS = {"sklearn": "scikit-learn", "yaml": "PyYAML"}
    OF_ROS = ("rclpy", "tf2_ros", "launch", "interfaces", "msgs")  # ends of names

    def __init__(self, error: ImportError) -> None:
        self.package = (error.name or "").partition(".")[0]
        name = self.INSTALLED_AS.get(self.package, self.package)
        if not isinstance(error, ModuleNotFoundError):
            reason = f"cannot be used: {' '.join(str(error).split())}"
        elif self.package.endswith(self.OF_ROS):
            reason = "is missing: source the setup files of ROS 2 and of this workspace"
        else:
            reason = f"is missing: pip install {name}"
        package = f"the Python package {name}" if name else "a Python package"
        super().__init__(f"{package} {reason}")


def decimals_apart(difference: float, least: int) -> int:
    """With so many decimals, ``least`` or more, two numbers so far apart do not read alike."""
    return max(least, 1 - math.floor(math.log10(difference))) if 0.0 < difference < 1.0 else least


def _numbered(index: int | None) -> str:
    """People count from 1."""
    return "target" if index is None else f"target {index + 1}"
