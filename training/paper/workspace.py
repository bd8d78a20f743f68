"""How networks fare from the middle of the prior's bulk to the rim of the reach and beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.projection import project
from ik_nn_ros.backends.eager import eager_sampler
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.models.networks import restore_network
from ik_nn_ros.options import POSITION_TOLERANCE
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.sampler import Sampler
from ik_nn_ros.posterior.weighted import WeightedSampler, effective_shares
from measuring.files import ResultError, read_file, write_file
from measuring.metrics import resimulation
from measuring.mmd import mmd2
from measuring.results import fingerprint
from measuring.stages import OnStage

LEAST_SHARE = 0.6  # of the full reach, for the nearest target of a map


@dataclass(frozen=True)
class MapSize:
    """How fine a map is.

    Attributes:
        distances, bearings: how many of each.
        samples: for each target, of the network and of the exact posterior.
    """

    distances: int = 14
    bearings: int = 9
    samples: int = 300


QUICK_MAP = MapSize(2, 2, 30)


@dataclass(frozen=True)
class WorkspaceMap:
    """What a network measures at the targets of a polar grid.

    Attributes:
        model: the network's kind.
        weights: SHA-256 of its tensors.
        size: how fine the grid is.
        targets: (x, y) [m], distance after distance.
        log_evidence: of each target under the prior [nats, per m^2].
        e_resim: [m^2].
        mmd2: against the exact posterior, raw samples.
        converged: share of the samples that projection brings within the tolerance.
        effective_share: of its draws; None where it knows no weights.
    """

    model: str
    weights: str
    size: MapSize
    targets: list[tuple[float, float]]
    log_evidence: list[float]
    e_resim: list[float]
    mmd2: list[float]
    converged: list[float]
    effective_share: list[float] | None = None


def measure_workspace(
    weights: Sequence[Path], size: MapSize, file: Path, on_stage: OnStage
) -> list[WorkspaceMap]:
    """Maps of networks of one arm, which ``file`` keeps; they are measured only where it has not.

    Args:
        weights: the networks.
        size: how fine the maps are.
        file: JSON.
        on_stage: told what begins, for a progress line.
    """
    known = _read(file)
    if [(one.weights, one.size) for one in known] == [(fingerprint(w), size) for w in weights]:
        return known
    if not weights:
        return []
    networks = [restore_network(load_checkpoint(path).model) for path in weights]
    arm, rng = networks[0].arm, np.random.default_rng(0)
    targets = _polar_grid(arm, size)
    on_stage("workspace: exact sampling")
    exact = ExactPosterior(arm)
    log_evidence = exact.log_evidence(targets)
    reference = exact.sample(targets, size.samples, rng).positions
    maps = []
    for path, network in zip(weights, networks, strict=True):
        on_stage(f"workspace: {network.config.kind}")
        sampler = eager_sampler(network)
        samples = sampler.sample(targets, size.samples, rng).positions
        rows = zip(samples, targets, strict=True)
        tolerance = POSITION_TOLERANCE * arm.unit
        projections = [project(arm, one, to, tolerance) for one, to in rows]
        maps.append(
            WorkspaceMap(
                model=network.config.kind,
                weights=fingerprint(path),
                size=size,
                targets=targets.tolist(),
                log_evidence=log_evidence.tolist(),
                e_resim=[
                    resimulation(arm.forward(one), to).e_resim
                    for one, to in zip(samples, targets, strict=True)
                ],
                mmd2=[mmd2(*pair) for pair in zip(samples, reference, strict=True)],
                converged=[float(projection.converged.mean()) for projection in projections],
                effective_share=_effective_shares(sampler, targets, size.samples, rng),
            )
        )
    write_file(file, maps)
    return maps


def _effective_shares(
    sampler: Sampler, targets: np.ndarray, num_draws: int, rng: np.random.Generator
) -> list[float] | None:
    if not isinstance(sampler, WeightedSampler):
        return None
    return [
        float(effective_shares(sampler.draw(target, num_draws, rng).log_weights))
        for target in targets
    ]


def _polar_grid(arm: PlanarArm, size: MapSize) -> np.ndarray:
    """Targets (distances * bearings, 2) [m], denser towards the rim, on one side of the x axis.

    The prior and the arm are their own mirror images.
    """
    reach = arm.reach[1]
    slack = reach * (1.0 - LEAST_SHARE) * np.linspace(0.02, 1.0, size.distances) ** 2
    bearings = np.linspace(0.0, 0.5 * np.pi, size.bearings)
    distances, bearings = np.meshgrid(reach - slack, bearings, indexing="ij")
    return arm.base_joint.points(distances.ravel(), bearings.ravel())


def _read(file: Path) -> list[WorkspaceMap]:
    """The maps of a file; none where there is no such file of this version."""
    try:
        return read_file(file, list[WorkspaceMap])
    except ResultError:
        return []
