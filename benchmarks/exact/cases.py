"""The arms and tasks that the exact sampler is measured on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from measuring.chart_mixture import ChartMixture

MOST_TRIES = 20_000  # targets drawn until as many as wanted have a solution
RAIL_SHARE = 2.0  # of a rail's deviation, how far along it the arm stands for targets on its reach


@dataclass(frozen=True)
class Case:
    """An arm and what is asked of it.

    Attributes:
        title: for a person.
        keywords: of `PlanarArm`; a version that knows no means understands them, too, if there is
            none in them.
        task: what of the TCP is given.
        far: targets [m] that the prior hardly reaches.
    """

    title: str
    keywords: Mapping[str, Any]
    task: Literal["position", "pose"] = "position"
    far: tuple[tuple[float, float], ...] = field(default=())

    @cached_property
    def arm(self) -> PlanarArm:
        """The arm."""
        return PlanarArm(**self.keywords)

    def targets_on_reach(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Targets (count or fewer, 2 or 3) uniform on the whole reach, those with a posterior.

        Uniform by area on the disc or annulus that the links reach; of a pose the wrist is, and the
        heading is uniform. From a rail they are uniform about where the arm stands, which is
        uniform within twice the rail's deviation. Where joints have limits, a target counts if the
        reference finds a solution, however unlikely.
        """
        reference = ChartMixture(self.arm, self.task)
        limited = any(joint.limits is not None for joint in self.arm.joints)
        targets: list[np.ndarray] = []
        for _ in range(MOST_TRIES):
            if len(targets) == count:
                break
            target = self._target_on_reach(rng)
            if not limited or reference.has_solution(target, rng):
                targets.append(target)
        return np.array(targets)

    def _target_on_reach(self, rng: np.random.Generator) -> np.ndarray:
        pose = self.task == "pose"
        links = np.array(self.arm.link_lengths)
        lengths = links[:-1] if pose else links
        inner, outer = max(0.0, 2.0 * lengths.max() - lengths.sum()), lengths.sum()
        distance, bearing = (
            math.sqrt(rng.uniform(inner**2, outer**2)),
            rng.uniform(-math.pi, math.pi),
        )
        point = distance * np.array((math.cos(bearing), math.sin(bearing)))
        if self.arm.base == "rail":
            rail = self.arm.joints[0].sample(1000, rng)
            point[1] += rail.mean() + RAIL_SHARE * rail.std() * rng.uniform(-1.0, 1.0)
        if not pose:
            return point
        heading = rng.uniform(-math.pi, math.pi)
        return np.append(
            point + links[-1] * np.array((math.cos(heading), math.sin(heading))), heading
        )


def _paper(dof: int, prior_std: float = 0.2) -> dict[str, Any]:
    """The paper's links."""
    return {"link_lengths": (0.5,) * (dof - 1) + (1.0,), "prior_std": prior_std}


def _circle(dof: int) -> dict[str, Any]:
    return {"link_lengths": (0.5,) * (dof - 1) + (1.0,), "prior": "uniform"}


# Elbows that bend one way only: the limits of joints 2, 3 and 6 exclude zero.
LIMITS = ((-1.0, 1.5), (0.3, 2.0), (-2.0, -0.2), (-1.0, 0.6), (-0.5, 1.2), (0.1, 1.3))
UNEQUAL = (0.6, 0.5, 0.4, 0.3, 0.3, 0.2)


def _truncated(dof: int) -> dict[str, Any]:
    """Normal priors cut by limits."""
    return {
        "link_lengths": UNEQUAL[:dof],
        "prior_std": 0.6,
        "joint_limits": LIMITS[:dof],
    }


def _uniform(dof: int) -> dict[str, Any]:
    """Uniform within limits."""
    return {
        "link_lengths": UNEQUAL[:dof],
        "prior": "uniform",
        "joint_limits": LIMITS[:dof],
    }


FAR_6 = ((1.0, 0.0), (0.2, 0.1), (-1.0, 0.5), (0.0, 3.49), (-3.4, 0.0), (3.4999, 0.0))
FAR_10 = ((1.0, 1.0),)

CASES: Mapping[str, Case] = MappingProxyType(
    {
        "normal_4": Case("N(0, 0.2), 4 joints", _paper(4)),
        "normal_6": Case("N(0, 0.2), 6 joints", _paper(6), far=FAR_6),
        "normal_10": Case("N(0, 0.2), 10 joints", _paper(10), far=FAR_10),
        "normal_15": Case("N(0, 0.2), 15 joints", _paper(15)),
        "wide_4": Case("N(0, 1), 4 joints", _paper(4, 1.0)),
        "wide_6": Case("N(0, 1), 6 joints", _paper(6, 1.0)),
        "mean_4": Case(
            "N(mean, 0.3), 4 joints", _paper(4, 0.3) | {"prior_mean": (0.3, 0.8, -0.6, 0.9)}
        ),
        "circle_4": Case("whole circle, 4 joints", _circle(4)),
        "circle_6": Case("whole circle, 6 joints", _circle(6)),
        "circle_10": Case("whole circle, 10 joints", _circle(10)),
        "truncated_3": Case("truncated normal, 3 joints", _truncated(3)),
        "truncated_4": Case("truncated normal, 4 joints", _truncated(4)),
        "truncated_6": Case("truncated normal, 6 joints", _truncated(6)),
        "uniform_3": Case("uniform within limits, 3 joints", _uniform(3)),
        "uniform_4": Case("uniform within limits, 4 joints", _uniform(4)),
        "uniform_6": Case("uniform within limits, 6 joints", _uniform(6)),
        "rail": Case(
            "rail and 3 joints",
            {
                "link_lengths": (0.5, 0.5, 1.0),
                "prior_std": (0.25, 0.5, 0.5, 0.5),
                "base": "rail",
            },
        ),
        "pose_4": Case("pose, N(0, 0.2), 4 joints", _paper(4), "pose"),
        "pose_6": Case("pose, N(0, 0.2), 6 joints", _paper(6), "pose"),
        "pose_limited": Case("pose, truncated normal, 4 joints", _truncated(4), "pose"),
        "pose_limited_6": Case("pose, truncated normal, 6 joints", _truncated(6), "pose"),
        "pose_circle": Case("pose, whole circle, 4 joints", _circle(4), "pose"),
    }
)
