"""What every peer offers: solutions of one target."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.errors import IKError
from ik_nn_ros.options import POSITION_TOLERANCE

TOLERANCE = POSITION_TOLERANCE  # [m]
MOST_FAILURES = 1000  # in a row


class MissingPeerError(IKError):
    """A package that is compared with is not installed.

    Attributes:
        package: its name.
    """

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} is not installed; `make bench` installs what is compared")
        self.package = package


class Peer(ABC):
    """A way to get many joint configurations for one target.

    Args:
        arm: the arm.

    Attributes:
        name: as the tables have it.
        one_by_one: whether ten times as many solutions take ten times as long, or less.
        trained: whether its samples mean anything; else only its time does.
        released_mmd2: of weights that the authors released, refined; None where there are none.
    """

    name: str
    one_by_one = False
    trained = True
    released_mmd2: float | None = None

    def __init__(self, arm: PlanarArm) -> None:
        self.arm = arm

    def prepare(self, target: np.ndarray, count: int) -> None:  # noqa: B027
        """What is not part of the time; nothing unless overridden."""

    @abstractmethod
    def solutions(self, target: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """``count`` configurations (count, dof) [rad] for a target (2,) [m]."""


class Restarts(Peer):
    """A local method, started again and again from a draw of the prior.

    The prior is what a user would start from who wants arms like those of the prior. Where the
    method does not end within the tolerance, the start is thrown away.
    """

    one_by_one = True

    @abstractmethod
    def descend(self, start: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Where the method ends (dof,) from one start (dof,) [rad]."""

    def solutions(self, target: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `Peer.solutions`.

        Raises:
            RuntimeError: too many starts in a row failed.
        """
        found: list[np.ndarray] = []
        failures = 0
        while len(found) < count:
            position = self.descend(self.arm.sample_prior(1, rng)[0], target)
            if np.linalg.norm(self.arm.forward(position) - target) <= TOLERANCE:
                found.append(position)
                failures = 0
                continue
            failures += 1
            if failures == MOST_FAILURES:
                raise RuntimeError(f"{self.name}: {failures} starts failed for {target} m")
        return np.array(found)
