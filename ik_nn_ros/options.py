"""How a target is to be answered: every option of `IKSolver.solve`, checked, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ik_nn_ros.arguments import joint_values, positive_number, truth
from ik_nn_ros.errors import InvalidRequestError

if TYPE_CHECKING:
    from ik_nn_ros.arm.planar_arm import PlanarArm

POSITION_TOLERANCE = 1e-6  # [arm's units]: [m] for the paper's arms
HEADING_TOLERANCE = 1e-6  # [rad]


@dataclass(frozen=True)
class SolveOptions:
    """What `IKSolver.solve` is told beside the target, the number of samples and the seed.

    >>> SolveOptions(position_tolerance=1e-4).refine
    True

    Args:
        refine: project the samples onto the target; else return them as the model draws them.
        position_tolerance: largest distance of a refined solution's TCP from the target [m]; None:
            1e-6 of the arm's unit, see `PlanarArm.unit`.
        heading_tolerance: largest difference of its heading from a pose's [rad]; None: 1e-6.
        seed_state: (dof,) joint positions [rad]; solutions come nearest to it first.
        allow_approximate: solve for the nearest reachable target if the given one is out of reach.
        weighted: return a model's draws with their weights instead of unweighted samples.
        exact: accept exact samples among a model's draws by their weights.

    Raises:
        InvalidRequestError: a tolerance that is not positive, a seed state that is not finite and
            up to 1e9, a switch that is neither true nor false, or samples that are to be weighted
            and exact.
    """

    refine: bool = True
    position_tolerance: float | None = None
    heading_tolerance: float | None = None
    seed_state: Sequence[float] | None = None
    allow_approximate: bool = False
    weighted: bool = False
    exact: bool = False

    def __post_init__(self) -> None:
        for name in ("refine", "allow_approximate", "weighted", "exact"):
            self._keep(name, truth(name, getattr(self, name)))
        if self.position_tolerance is not None:
            tolerance = positive_number("position_tolerance", self.position_tolerance, "m")
            self._keep("position_tolerance", tolerance)
        tolerance = HEADING_TOLERANCE if self.heading_tolerance is None else self.heading_tolerance
        self._keep("heading_tolerance", positive_number("heading_tolerance", tolerance, "rad"))
        if self.weighted and self.exact:
            raise InvalidRequestError("exact", "exact samples are all alike: not weighted, too")
        if self.seed_state is not None:
            self._keep("seed_state", tuple(joint_values("seed_state", self.seed_state).tolist()))

    def _keep(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def of_arm(self, arm: PlanarArm) -> SolveOptions:
        """These options with an arm's own position tolerance where none is given."""
        if self.position_tolerance is not None:
            return self
        return replace(self, position_tolerance=POSITION_TOLERANCE * arm.unit)

    def changed(self, **keywords: Any) -> SolveOptions:
        """These options with others in their places.

        Raises:
            InvalidRequestError: there is no such option, or see the class.
        """
        names = [one.name for one in fields(self)]
        for name in keywords:
            if name not in names:
                raise InvalidRequestError(name, f"no such option; there are {', '.join(names)}")
        return replace(self, **keywords)
