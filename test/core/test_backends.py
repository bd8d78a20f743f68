"""What evaluates a network: every backend gives what PyTorch gives, or says why it cannot."""

import logging
import sys
import threading

import numba
import numpy as np
import pytest
import torch

from ik_nn_ros import IKSolver, InvalidRequestError, PlanarArm
from ik_nn_ros.backends import BACKENDS, REFERENCE, build_sampler, compiled, eager
from ik_nn_ros.backends.kernels import kinematics
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.models import available_models, pretrained_path
from ik_nn_ros.models.networks import build_network, restore_network, trained_model

FASTER = [name for name in BACKENDS if name != REFERENCE]
LATENT = [
    (model, dof) for model, dofs in available_models().items() for dof in dofs if model != "cinn"
]
WITH_DENSITY = [(model, dof) for model, dof in LATENT if model == "inn"]
TARGET = (3.0, 0.5)


def sampler(model, dof, backend=REFERENCE):
    return IKSolver.from_pretrained(dof, model, backend=backend).sampler


def targets_of(arm, count=40):
    return arm.forward(arm.sample_prior(count, np.random.default_rng(0)))


def drawn(sampler, count=40):
    return sampler.sample(targets_of(sampler.arm, count), 50, np.random.default_rng(1))


def largest(differences):
    return np.abs(differences).max(-1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dof", [4, 6])
def test_at_full_reach_every_sample_of_cinn_is_all_but_the_only_solution(dof, backend):
    solver = IKSolver.from_pretrained(dof, "cinn", backend=backend)
    solutions = solver.solve((solver.arm.reach[1], 0.0), 20, seed=1)
    np.testing.assert_allclose(solutions.positions, 0.0, atol=1e-5)
    assert solutions.position_errors.max() < 1e-11


@pytest.mark.parametrize("backend", FASTER)
@pytest.mark.parametrize(("model", "dof"), LATENT)
def test_a_backend_s_samples_are_pytorch_s(model, dof, backend):
    """Within 1e-5 rad, but for the few that float32 itself leaves uncertain. There PyTorch itself
    is about as far from float64."""
    reference, ours = (drawn(sampler(model, dof, name)).positions for name in (REFERENCE, backend))
    assert np.quantile(largest(ours - reference), 0.998) < 1e-5
    network = restore_network(load_checkpoint(pretrained_path(model, dof)).model).double()
    latents = np.random.default_rng(1).standard_normal(
        (*ours.shape[:2], network.latent_dim), dtype=np.float32
    )
    targets = torch.from_numpy(np.repeat(targets_of(network.arm), ours.shape[1], axis=0))
    with torch.inference_mode():
        exact = network.decode(targets, torch.from_numpy(latents).double().flatten(0, 1))
    exact = exact.numpy().reshape(ours.shape)
    assert np.quantile(largest(reference - exact), 0.99) < 1e-5  # each of its own target
    assert largest(ours - exact).max() < 1e-5 + 4.0 * largest(reference - exact).max()


@pytest.mark.parametrize("backend", FASTER)
@pytest.mark.parametrize(("model", "dof"), WITH_DENSITY)
def test_a_backend_s_densities_are_pytorch_s(model, dof, backend):
    """Of the same samples, so that only the density differs."""
    reference, ours = (sampler(model, dof, name) for name in (REFERENCE, backend))
    samples, targets = drawn(reference), targets_of(reference.arm)
    log_densities = ours._decoder.log_densities(samples.positions, targets)
    assert np.quantile(np.abs(log_densities - samples.log_densities), 0.998) < 2e-4


@pytest.mark.parametrize("backend", FASTER)
@pytest.mark.parametrize("dof", [4, 6])
def test_a_backend_s_draws_of_cinn_are_pytorch_s_with_their_weights(dof, backend):
    """But for the few that float32 itself leaves uncertain, where a density is small."""
    reference, ours = (drawn(sampler("cinn", dof, name)) for name in (REFERENCE, backend))
    assert np.quantile(largest(ours.positions - reference.positions), 0.998) < 1e-4
    assert np.quantile(np.abs(ours.log_weights - reference.log_weights), 0.998) < 1e-3
    np.testing.assert_allclose(ours.log_evidence, reference.log_evidence, atol=0.01)


def test_no_layout_of_the_targets_is_compiled_for_anew():
    ours = IKSolver.from_pretrained(4, "cvae")
    targets = targets_of(ours.arm)
    expected = ours.sample(targets, seed=1)
    known = len(kinematics._position_errors.signatures)
    targets.setflags(write=False)
    for same in (np.asfortranarray(targets), np.repeat(targets, 2, axis=0)[::2], targets):
        assert np.array_equal(ours.sample(same, seed=1), expected)
    assert len(kinematics._position_errors.signatures) == known


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("model", ["cinn", "cvae", "inn"])
def test_no_target_has_no_sample(model, backend):
    solver = IKSolver.from_pretrained(4, model, backend=backend)
    assert solver.sample(np.empty((0, 2))).shape == (0, 4)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("model", ["cvae", "inn"])
def test_chunks_and_threads_change_nothing(model, threads, monkeypatch):
    ours = sampler(model, 4, "numba")
    whole = drawn(ours, 7)
    monkeypatch.setattr(compiled, "CHUNK_SIZE", 32)
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
    chunked = drawn(ours, 7)
    np.testing.assert_allclose(chunked.positions, whole.positions, atol=1e-5)
    if model != "cvae":
        np.testing.assert_allclose(chunked.log_densities, whole.log_densities, atol=1e-3)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_request_is_shared_by_as_many_threads_as_are_allowed(threads, monkeypatch):
    together = threading.Barrier(threads)
    workers = []
    ours = sampler("cvae", 4, "numba")
    kernel = ours._decoder._kernel.positions

    def noted(context, which, latents):
        workers.append(threading.get_ident())
        together.wait(60.0)  # until all of them are at work
        return kernel(context, which, latents)

    monkeypatch.setattr(ours._decoder._kernel, "positions", noted)
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
    ours.sample(np.array([[2.0, 0.3]]), 4 * compiled.WORTH_A_THREAD, np.random.default_rng(0))
    assert len(workers) == len(set(workers)) == threads


def test_no_pass_is_larger_than_a_chunk_however_many_samples(monkeypatch):
    passes = []
    ours = sampler("cvae", 4, "numba")
    kernel = ours._decoder._kernel.positions

    def noted(context, which, latents):
        passes.append(len(latents))
        return kernel(context, which, latents)

    monkeypatch.setattr(ours._decoder._kernel, "positions", noted)
    ours.sample(np.array([[2.0, 0.3]]), 20_001, np.random.default_rng(0))
    assert sum(passes) == 20_001
    assert max(passes) <= compiled.CHUNK_SIZE


def test_densities_are_computed_when_asked_for_and_once(monkeypatch):
    solver = IKSolver.from_pretrained(4, "inn")
    calls = []
    kernel = solver.sampler._decoder._kernel
    monkeypatch.setattr(kernel, "log_densities", lambda *_: calls.append(1) or np.zeros(50))
    solutions = solver.solve((2.0, 0.3), 50, seed=1)
    assert calls == []
    assert solutions.log_densities is solutions.log_densities
    assert calls == [1]


@pytest.mark.parametrize("model", ["cinn", "inn"])
def test_each_solution_keeps_the_density_of_its_own_sample(model):
    solver = IKSolver.from_pretrained(4, model)
    solutions = solver.solve((2.0, 0.3), 50, seed=1, refine=False)
    raw = solver.sampler.sample(np.array([[2.0, 0.3]]), 50, np.random.default_rng(1))
    density_of = dict(zip(map(tuple, raw.positions[0]), raw.log_densities[0], strict=True))
    expected = [density_of[tuple(row)] for row in solutions.positions]
    np.testing.assert_allclose(solutions.log_densities, expected, rtol=1e-9)


def test_auto_takes_the_fastest_and_any_can_be_named():
    assert IKSolver.from_pretrained(4, "cinn").backend == FASTER[0]
    for backend in BACKENDS:
        assert IKSolver.from_pretrained(4, "cinn", backend=backend).backend == backend
        path = pretrained_path("inn", 4)
        assert IKSolver.from_checkpoint(path, backend=backend).backend == backend


def test_a_backend_that_there_is_not_is_refused_with_those_that_there_are():
    for model in ("cinn", "exact"):
        with pytest.raises(InvalidRequestError, match="one of auto, numba, torch, got 'abacus'"):
            IKSolver.from_pretrained(4, model, backend="abacus")


def test_auto_falls_back_to_pytorch_with_one_line(caplog, monkeypatch):
    monkeypatch.setattr(compiled, "KERNELS", {})
    with caplog.at_level(logging.INFO, "ik_nn_ros"):
        solver = IKSolver.from_pretrained(4, "inn")
        solver.solve((2.0, 0.3), 20)
    assert solver.backend == REFERENCE
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("inn: falling back from numba")
    with pytest.raises(InvalidRequestError, match="not inn"):
        IKSolver.from_pretrained(4, "inn", backend="numba")


def test_auto_falls_back_where_numba_is_not_installed(caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "ik_nn_ros.backends.compiled", None)
    with caplog.at_level(logging.INFO, "ik_nn_ros"):
        assert IKSolver.from_pretrained(4, "cvae").backend == REFERENCE
    (record,) = caplog.records
    assert "numba cannot be used: " in record.getMessage()


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_cinn_is_refused_where_numba_is_not_installed(backend, monkeypatch):
    """PyTorch evaluates its network, but the chain is machine code."""
    network = build_network("cinn", PlanarArm.of_paper(4), {"neurons": 4})
    monkeypatch.setitem(sys.modules, "ik_nn_ros.backends.compiled", None)
    monkeypatch.setitem(sys.modules, "ik_nn_ros.backends.chain_sampler", None)
    with pytest.raises(InvalidRequestError, match="model: cinn needs Numba"):
        build_sampler(trained_model(network), "cpu", backend)


@pytest.mark.parametrize("name", ["cinn", "cvae"])
def test_numba_refuses_other_devices_than_the_cpu(name):
    config = {"cinn": {"neurons": 4}, "cvae": {"layers": 1, "neurons": 4}}[name]
    model = trained_model(build_network(name, PlanarArm.of_paper(4), config))
    with pytest.raises(InvalidRequestError, match="not on 'cuda:1'"):
        compiled.compiled_sampler(model, "cuda:1")


def test_the_reference_is_cut_into_chunks_too(monkeypatch):
    reference = sampler("inn", 4)
    whole = drawn(reference, 7)
    monkeypatch.setattr(eager, "CHUNK_SIZE", 32)
    chunked = drawn(reference, 7)
    np.testing.assert_allclose(chunked.positions, whole.positions, atol=1e-5)
    np.testing.assert_allclose(chunked.log_densities, whole.log_densities, atol=1e-3)
