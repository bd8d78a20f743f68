"""The peers and their registry: a further one is one file and one row here."""

from __future__ import annotations

from benchmarks.peers.authors import CONFIGS, Authors
from benchmarks.peers.base import MissingPeerError, Peer
from benchmarks.peers.damped_least_squares import DampedLeastSquares
from benchmarks.peers.ours import Ours
from benchmarks.peers.rejection import RefinedRejection, Rejection
from benchmarks.peers.scipy_restarts import ScipyLeastSquares
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.models import available_models
from ik_nn_ros.posterior import EXACT

__all__ = ["Authors", "DampedLeastSquares", "Ours", "Peer", "Rejection", "peers_of"]

AUTHORS_MODELS = ("cvae", "inn")


def peers_of(arm: PlanarArm) -> list[Peer]:
    """All that can answer for one of the paper's arms: ours first, then the others.

    Raises:
        MissingPeerError: a package that is compared with is not installed.
    """
    # Here, because only `make bench` installs them, and nothing else needs them.
    try:
        from benchmarks.peers.ikpy_restarts import Ikpy
        from benchmarks.peers.pinocchio_restarts import Pinocchio
    except ModuleNotFoundError as error:
        raise MissingPeerError(error.name) from None

    dof = arm.dof
    networks = [model for model, dofs in available_models().items() if dof in dofs]
    ours = [Ours(arm, model) for model in (EXACT, *networks)]
    any_arm = (
        Rejection, RefinedRejection, DampedLeastSquares, Pinocchio, ScipyLeastSquares, Ikpy
    )  # fmt: skip
    authors = [
        Authors(arm, model)
        for model in AUTHORS_MODELS
        if (CONFIGS / f"{model}_{dof}.yaml").exists()
    ]
    return [*ours, *(make(arm) for make in any_arm), *authors]
