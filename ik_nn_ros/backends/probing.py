"""Whether a sampler draws what its network drew when its weights file was written.

A checksum tells a damaged file; this tells a file whose description was changed, checksum and all,
and a backend that computes something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.errors import CheckpointError
from ik_nn_ros.models.trained import Probe

if TYPE_CHECKING:
    from ik_nn_ros.posterior.sampler import Sampler

ROWS = 4  # samples
MOST_OFF = 1e-6  # of the largest target: the arm's part of the arithmetic is in float64
NEARBY = 1e-6  # of a target: some roundings of float32
LEAST_TOLERANCE, OF_NEARBY = 1e-3, 10.0  # of the prior's deviation; of what a target nearby changes


def make_probe(file: Path, sampler: Sampler) -> Probe:
    """What a sampler draws for targets of its arm's prior."""
    arm = sampler.arm
    uniforms = np.random.default_rng(0).uniform(0.05, 0.95, (ROWS, arm.dof)).round(6)
    targets = _targets(arm, sampler.task, uniforms)
    positions = _drawn(sampler, uniforms, targets)
    nearby = _drawn(sampler, uniforms, targets * (1.0 + NEARBY))
    tolerances = LEAST_TOLERANCE + OF_NEARBY * _apart(arm, nearby, positions)
    return Probe(file, uniforms, targets, positions, tolerances)


def read_probe(file: Path, fields: Mapping[str, Any], arm: PlanarArm, task: Task) -> Probe:
    """A probe that a file holds as lists.

    Raises:
        KeyError, TypeError, ValueError: the lists are no probe, or that of another arm or task.
    """
    probe = Probe(file, *(np.array(fields[name], float) for name in Probe._fields[1:]))
    dof = arm.dof
    for values, shape in zip(probe[1:], [(ROWS, dof), None, (ROWS, dof), (ROWS,)], strict=True):
        if shape not in (None, values.shape):
            raise ValueError(f"the probe has arrays of {values.shape} in place of {shape}")
    targets = _targets(arm, task, probe.uniforms)
    if targets.shape != probe.targets.shape:
        raise ValueError("the probe is of another task")
    if not (np.abs(targets - probe.targets) <= MOST_OFF * np.abs(targets).max(axis=0)).all():
        raise ValueError("the probe's targets are not those of the arm's prior")
    return probe


def require_probe(sampler: Sampler, probe: Probe) -> None:
    """Raise CheckpointError unless a sampler draws what it drew when its file was written."""
    positions = _drawn(sampler, probe.uniforms, probe.targets)
    off = _apart(sampler.arm, positions, probe.positions)
    odd = ~(off <= probe.tolerances)
    if odd.any():
        reason = (
            f"holds another network than was written: {odd.sum()} of {ROWS} samples differ from "
            f"those stored in it, by up to {off[odd].max():.3g} of the prior's deviation"
        )
        raise CheckpointError(probe.file, reason)


def _targets(arm: PlanarArm, task: Task, uniforms: np.ndarray) -> np.ndarray:
    """What quantiles (n, N) of the prior reach, then all lower and all upper limits: (n + 2, size).

    Quartiles stand for limits where there are none.
    """
    limits, quartiles = np.array(arm.bounds), np.repeat([[0.25], [0.75]], arm.dof, axis=1)
    ends = np.where(np.isfinite(limits), limits, arm.prior_quantiles(quartiles))
    return task.forward(arm, np.concatenate((arm.prior_quantiles(uniforms), ends)))


def _drawn(sampler: Sampler, uniforms: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A sample for each row of uniforms (n, N), for as many targets: (n, N)."""
    return np.concatenate(
        [
            sampler.sample(target[None], 1, _Numbers(numbers)).positions[0]
            for numbers, target in zip(uniforms, targets[: len(uniforms)], strict=True)
        ]
    )


def _apart(arm: PlanarArm, positions: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How far configurations (n, N) are apart, in deviations of the prior: (n,).

    A draw that leads nowhere is no distance from another one, and infinitely far from all else.
    """
    off = (np.abs(arm.joint_differences(positions, others)) / arm.joint_scale).max(axis=1)
    nowhere = np.isnan(positions).any(axis=1) & np.isnan(others).any(axis=1)
    return np.where(nowhere, 0.0, np.nan_to_num(off, nan=np.inf))


class _Numbers:
    """Numbers given once and for all in the place of a generator's, which NumPy may change.

    Args:
        uniforms: (k,) in (0, 1); each row of what is asked for has the first ones.
    """

    def __init__(self, uniforms: np.ndarray) -> None:
        self._uniforms = uniforms

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.broadcast_to(self._uniforms[: shape[-1]], shape).copy()

    def standard_normal(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        from scipy.special import ndtri  # here, as in `arm.joints`

        return ndtri(self.random(shape)).astype(dtype)
