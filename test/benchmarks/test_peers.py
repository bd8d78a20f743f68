"""Every peer answers with what it promises, and is judged as it deserves."""

import sys
import time

import numpy as np
import pytest

from benchmarks.comparison import compare_on
from benchmarks.peers import Authors, DampedLeastSquares, Ours, Rejection, peers_of
from benchmarks.peers.authors import plain_projection
from benchmarks.peers.base import TOLERANCE, MissingPeerError, Restarts
from benchmarks.peers.rejection import RefinedRejection
from benchmarks.peers.scipy_restarts import ScipyLeastSquares
from benchmarks.size import QUICK, Size
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.projection import project
from ik_nn_ros.posterior import EXACT
from ik_nn_ros.posterior.evidence import NEIGHBOURHOOD
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.solver import DEFAULT_MODEL

ARM = PlanarArm.of_paper(4)
TARGET = np.array([2.2, 0.4])


def ikpy():
    pytest.importorskip("ikpy", reason="ikpy comes with `make bench`")
    from benchmarks.peers.ikpy_restarts import Ikpy

    return Ikpy(ARM)


def pinocchio():
    pytest.importorskip("pinocchio", reason="pin comes with `make bench`")
    from benchmarks.peers.pinocchio_restarts import Pinocchio

    return Pinocchio(ARM)


MAKERS = {
    "exact": lambda: Ours(ARM, EXACT),
    "cinn": lambda: Ours(ARM, "cinn"),
    "cvae": lambda: Ours(ARM, "cvae"),
    "rejection": lambda: Rejection(ARM),
    "refined rejection": lambda: RefinedRejection(ARM),
    "damped least squares": lambda: DampedLeastSquares(ARM),
    "scipy": lambda: ScipyLeastSquares(ARM),
    "ikpy": ikpy,
    "pinocchio": pinocchio,
    "the authors' cvae": lambda: Authors(ARM, "cvae"),
    "the authors' inn": lambda: Authors(ARM, "inn"),
}


class Slow(Restarts):
    """Takes 10 ms for a solution."""

    name = "slow"

    def descend(self, start, target):
        time.sleep(0.01)
        return ExactPosterior(ARM).sample(target[None], 1, np.random.default_rng(0)).positions[0, 0]


class Astray(Restarts):
    """Never gets there."""

    name = "astray"

    def descend(self, start, target):
        return np.zeros(4)


@pytest.mark.parametrize("name", MAKERS)
def test_a_peer_answers_with_different_arms_on_the_target(name):
    peer = MAKERS[name]()
    peer.prepare(TARGET, 12)
    solutions = peer.solutions(TARGET, 12, np.random.default_rng(0))
    assert solutions.shape == (12, 4)
    errors = np.linalg.norm(ARM.forward(solutions) - TARGET, axis=1)
    assert errors.max() <= (NEIGHBOURHOOD if name == "rejection" else TOLERANCE)
    assert len(np.unique(solutions.round(6), axis=0)) == 12


def test_each_peer_is_there_once_and_the_default_model_for_every_arm():
    for package in ("ikpy", "pinocchio"):
        pytest.importorskip(package, reason=f"{package} comes with `make bench`")
    for dof in (3, 4):
        names = [peer.name for peer in peers_of(PlanarArm.of_paper(dof))]
        assert names[0] == DEFAULT_MODEL
        assert len(set(names)) == len(names)


def test_a_peer_that_is_not_installed_is_named(monkeypatch):
    for name in ("ikpy", "ikpy.chain"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "benchmarks.peers.ikpy_restarts", raising=False)
    with pytest.raises(MissingPeerError, match="ikpy.* is not installed; `make bench`"):
        peers_of(ARM)


def test_restarts_that_never_arrive_end_with_an_error():
    with pytest.raises(RuntimeError, match="astray: 1000 starts failed"):
        Astray(ARM).solutions(TARGET, 1, np.random.default_rng(0))


def test_the_comparison_tells_the_posterior_from_restarts():
    size = Size(solutions=(10, 100, 300))
    targets = np.array([TARGET, [2.0, -0.9], [1.6, 1.1]])
    exact, restarts = compare_on(
        ARM, targets, [Ours(ARM, EXACT), DampedLeastSquares(ARM)], size, lambda stage: None
    )
    assert abs(exact.mmd2.mean) < 0.01 < 0.03 < restarts.mmd2.mean
    assert [time.solutions for time in exact.times] == [100, 300]
    assert exact.solutions_per_second == 300 / exact.times[1].timing.median


def test_what_takes_too_long_is_measured_on_less_and_extrapolated():
    size = Size(solutions=(2, 4, 400), seconds_per_call=1.0)
    (slow,) = compare_on(ARM, TARGET[None].repeat(2, 0), [Slow(ARM)], size, lambda stage: None)
    few, many = slow.times
    assert (few.solutions, few.measured) == (4, 4)
    assert (many.solutions, many.measured) == (400, 4)
    assert many.timing.median == pytest.approx(100 * few.timing.median)


def test_untrained_networks_have_a_time_but_no_mmd2_of_their_own():
    (authors,) = compare_on(
        ARM, np.array([TARGET]), [Authors(ARM, "cvae")], QUICK, lambda stage: None
    )
    assert authors.mmd2 is None
    assert authors.released_mmd2 == 4.0e-3


def test_the_plain_projection_ends_where_the_package_s_does():
    arm = PlanarArm.of_paper(6)
    bent = np.full(6, 0.4)
    starts = bent + 0.1 * arm.sample_prior(50, np.random.default_rng(0))
    plain = plain_projection(arm, starts, arm.forward(bent), 1e-6)
    ours = project(arm, starts, arm.forward(bent), 1e-6)
    np.testing.assert_allclose(plain, ours.positions, atol=1e-3)
