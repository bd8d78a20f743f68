"""A machine that lacks a package, or has one that does not fit: one line that names it."""

import subprocess
import sys

import pytest

from ik_nn_ros import IKError, IKSolver, InvalidRequestError, MissingPackageError, PlanarArm
from ik_nn_ros.backends import build_sampler
from ik_nn_ros.models import pretrained_path
from ik_nn_ros.ros import commands


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ModuleNotFoundError(name="numba"), "package numba is missing: pip install numba"),
        (
            ModuleNotFoundError(name="sklearn.cluster"),
            "package scikit-learn is missing: pip install scikit-learn",
        ),
        (ModuleNotFoundError(name="rclpy"), "package rclpy is missing: source the setup files"),
        (
            ModuleNotFoundError(name="ik_nn_interfaces.srv"),
            "package ik_nn_interfaces is missing: source the setup files",
        ),
        (
            ImportError("Numba needs NumPy 2.3\nor less"),
            "a Python package cannot be used: Numba needs NumPy 2.3 or less",
        ),
    ],
)
def test_the_sentence_names_the_package_and_what_helps(error, sentence):
    assert sentence in str(MissingPackageError(error))
    assert "\n" not in str(MissingPackageError(error))


@pytest.mark.parametrize("name", ["scipy", "yaml", "threadpoolctl"])
def test_what_the_package_offers_says_what_it_lacks(name):
    program = f"""
import sys
sys.modules[{name!r}] = None
import ik_nn_ros
try:
    for offer in ik_nn_ros.__all__:
        getattr(ik_nn_ros, offer)
    ik_nn_ros.IKSolver.exact(ik_nn_ros.PlanarArm((0.4, 0.3, 0.2), prior_std=0.5))
except ik_nn_ros.IKError as error:
    print(error)
"""
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    assert "is missing: pip install" in outcome.stdout


@pytest.mark.parametrize("command", [commands.ik_server, commands.solve_ik])
def test_an_executable_that_lacks_a_package_says_so_in_one_line(command, monkeypatch, capsys):
    def lacking(module):
        raise ModuleNotFoundError(name="scipy.spatial")

    monkeypatch.setattr(commands, "_end_on_signals", lambda status: None)
    monkeypatch.setattr(commands, "import_module", lacking)
    assert command() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{command.__name__}: the Python package scipy is missing: pip install scipy"


def test_representatives_without_scikit_learn_are_an_error_of_ours(monkeypatch):
    solutions = IKSolver.exact(PlanarArm((0.4, 0.3, 0.2), prior_std=0.5)).solve((0.6, 0.2), 20)
    monkeypatch.delitem(sys.modules, "ik_nn_ros.posterior.representatives", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingPackageError, match="pip install scikit-learn"):
        solutions.representatives(3)


def test_without_numba_and_pytorch_numba_is_what_to_install():
    program = """
import sys
sys.modules["numba"] = sys.modules["torch"] = None
from ik_nn_ros import IKSolver, InvalidRequestError
for model in ("exact", "cinn", "cvae", "inn"):
    for backend in ("auto", "numba"):
        try:
            IKSolver.from_pretrained(4, model, backend=backend)
        except InvalidRequestError as error:
            print(error)
"""
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    lines = outcome.stdout.splitlines()
    assert len(lines) == 8, outcome.stderr
    assert all(line.endswith("pip install numba") for line in lines)
    assert not outcome.stderr


@pytest.mark.parametrize("model", ["exact", "cvae", "cinn"])
@pytest.mark.parametrize("device", ["meta", "nonsense", "", "cpu:x", "cuda:99"])
def test_a_device_that_does_not_compute_is_refused_in_one_line(device, model):
    pytest.importorskip("torch")
    with pytest.raises(IKError, match=f"got '{device}'") as refused:
        IKSolver.from_pretrained(4, model, device=device)
    assert "\n" not in str(refused.value)


def test_a_device_that_lacks_what_a_network_needs_is_refused(monkeypatch):
    pytest.importorskip("torch")
    from ik_nn_ros.backends import eager
    from ik_nn_ros.checkpoint import load_checkpoint

    def lacking(self, targets, latents):
        raise NotImplementedError("no such operation\nhere")

    monkeypatch.setattr(eager.EagerDecoder, "decode", lacking)
    with pytest.raises(InvalidRequestError, match="'cpu' cannot evaluate cvae: no such operation"):
        build_sampler(load_checkpoint(pretrained_path("cvae", 4)).model, "cpu", "torch")
