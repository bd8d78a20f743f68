"""How a target is to be answered: every option of `IKSolver.solve`, checked, in one place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

from ik_nn_ros.arguments import finite_vector
from ik_nn_ros.errors import InvalidRequestError


@dataclass(frozen=True)
class SolveOptions:
    """What `IKSolver.solve` is told beside the target, the number of samples and the seed.

    >>> SolveOptions(position_tolerance=1e-4).refine
    True

    Args:
        refine: project the samples onto the target; else return them as the model draws them.
        position_tolerance: largest distance of a refined solution's TCP from the target [m].
        heading_tolerance: largest difference of its heading from a pose's [rad].
        seed_state: (dof,) joint positions [rad]; solutions come nearest to it first.
        allow_approximate: solve for the nearest reachable target if the given one is out of reach.
        weighted: return a model's draws with their weights instead of unweighted samples.
        exact: accept exact samples among a model's draws by their weights.

    Raises:
        InvalidRequestError: a tolerance that is not positive, a seed state that is not finite, or
            samples that are to be weighted and exact.
    """

    refine: bool = True
    position_tolerance: float = 1e-6
    heading_tolerance: float = 1e-6
    seed_state: Sequence[float] | None = None
    allow_approximate: bool = False
    weighted: bool = False
    exact: bool = False

    def __post_init__(self) -> None:
        for name, unit in (("position_tolerance", "m"), ("heading_tolerance", "rad")):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0.0 < value < math.inf:
                raise InvalidRequestError(
                    name, f"must be positive and finite [{unit}], got {value!r}"
                )
        if self.weighted and self.exact:
            raise InvalidRequestError("exact", "exact samples are all alike: not weighted, too")
        if self.seed_state is not None:
            state = finite_vector("seed_state", self.seed_state)
            object.__setattr__(self, "seed_state", tuple(state.tolist()))

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
