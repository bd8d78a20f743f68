"""What a network of the conditionals is trained on, and which targets that is about.

Targets of the prior, as in the paper's dataset, and others spread over the whole reach, so that the
network also knows what the prior hardly ever shows. Each lesson is one exact draw: the state that
each free joint meets on it, and places that stand for the exact conditional there, with their
masses. So a lesson says more than the one angle that was drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, Field

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.errors import InvalidArmError
from ik_nn_ros.models.cinn import CINN
from ik_nn_ros.posterior.exact import ExactPosterior
from training.train.teacher import taught

RIM = 0.05  # of the reach: how near its ends the targets there are
RIM_POWER = 4  # of a uniform number: most of them are much nearer
BASE_SHARE = 0.3  # of the targets at the reach's ends that are at the inner one
MOST_ROUNDS = 50  # of targets, until as many as wanted have a posterior


@dataclass(frozen=True)
class Lessons:
    """What the teacher says of m draws, at the states of F free joints.

    Attributes:
        features: (F, m, f) float32, see `chain.features`.
        masses: (F, m, S, k) float32, that each place stands for; a state's have sum 1.
        places: (F, m, S, k) float32 in [0, 1] of each slot's interval.
    """

    features: torch.Tensor
    masses: torch.Tensor
    places: torch.Tensor

    def __len__(self) -> int:
        return self.features.shape[1]

    def fit(self, network: CINN) -> None:
        """Store the features' scale in a network."""
        network.fit_scale(self.features)

    def batch(
        self, rows: torch.Tensor | slice, progress: torch.Tensor, generator: torch.Generator
    ) -> Lessons:
        """Some of the lessons."""
        return Lessons(self.features[:, rows], self.masses[:, rows], self.places[:, rows])


class Spread(BaseModel):
    """Which targets the lessons are about.

    Attributes:
        reach_share: of all targets, how many are spread over the reach; the others are the prior's.
        rim_share: of those, how many lie within `RIM` of the reach's ends.
        places: of each slot, that stand for its conditional.
    """

    reach_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    rim_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.2
    places: Annotated[int, Field(ge=1, le=1000)] = 4


def make_lessons(
    arm: PlanarArm, task: Task, spread: Spread, count: int, rng: np.random.Generator
) -> Lessons:
    """So many lessons, in random order."""
    teacher = ExactPosterior(arm, task)
    of_reach = round(spread.reach_share * count)
    parts = [
        _lessons_of(teacher, spread, amount, on_reach, rng)
        for amount, on_reach in ((count - of_reach, False), (of_reach, True))
        if amount > 0
    ]
    order = rng.permutation(count)
    features, masses, places = (
        torch.from_numpy(np.concatenate(arrays, axis=1)[:, order])
        for arrays in zip(*parts, strict=True)
    )
    return Lessons(features, masses, places)


def _lessons_of(
    teacher: ExactPosterior, spread: Spread, count: int, on_reach: bool, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Lessons about targets of the prior, or about some spread over the reach."""
    arm, task = teacher.arm, teacher.task
    parts: list[tuple[np.ndarray, ...]] = []
    found = 0
    for _ in range(MOST_ROUNDS):
        if on_reach:
            targets = reach_targets(arm, task, count, spread.rim_share, rng)
        else:
            targets = task.forward(arm, arm.sample_prior(count, rng))
        parts.append(taught(teacher, targets, spread.places, rng))
        found += parts[-1][0].shape[1]
        if found >= count:
            return tuple(
                np.concatenate(arrays, axis=1)[:, :count] for arrays in zip(*parts, strict=True)
            )
    raise InvalidArmError(
        f"{found} of {MOST_ROUNDS * count} targets on the reach have solutions within the limits, "
        "too few to learn from; a smaller reach_share does without them"
    )


def reach_targets(
    arm: PlanarArm, task: Task, count: int, rim_share: float, rng: np.random.Generator
) -> np.ndarray:
    """Targets (count, size) over the reach of the links, uniform by area, or near its ends.

    Of a pose the wrist is where they are, and the heading is uniform. From a rail they are so about
    where the prior puts the arm.
    """
    lengths = task.carried(arm, np.zeros(task.size)).link_lengths
    inner, outer = arm.base_joint.reach(lengths)
    near = (outer - inner) * RIM * rng.random(count) ** RIM_POWER
    at_base = rng.random(count) < BASE_SHARE
    at_end = np.where(at_base, inner + near, outer - near)
    inside = np.sqrt(rng.uniform(inner**2, outer**2, count))
    distance = np.where(rng.random(count) < rim_share, at_end, inside)
    bearing = rng.uniform(-math.pi, math.pi, count)
    targets = distance[:, None] * np.stack((np.cos(bearing), np.sin(bearing)), axis=1)
    if arm.base == "rail":
        targets[:, 1] += arm.sample_prior(count, rng)[:, 0]
    if task.size == targets.shape[1]:
        return targets
    targets = np.concatenate((targets, rng.uniform(-math.pi, math.pi, (count, 1))), axis=1)
    targets[:, :2] += task.carried(arm, targets).beyond
    return targets
