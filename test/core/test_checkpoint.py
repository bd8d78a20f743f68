"""Weights files: what comes back, and what is refused."""

import json
import math
import pickle

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ik_nn_ros import CheckpointError, IKSolver, PlanarArm
from ik_nn_ros.backends import BACKENDS
from ik_nn_ros.checkpoint import FORMAT_VERSION, load_checkpoint, save_checkpoint
from ik_nn_ros.models.networks import build_network, restore_network

ARM = PlanarArm((0.5, 0.7, 0.4, 1.0), prior_std=0.3)


@pytest.fixture(params=["cinn", "cvae", "inn"])
def network(request):
    config = {
        "cvae": {"layers": 1, "neurons": 8},
        "inn": {"coupling_layers": 3, "subnet_layers": 2, "neurons": 8},
        "cinn": {"coupling_layers": 3, "subnet_layers": 1, "neurons": 8},
    }
    network = build_network(request.param, ARM, config[request.param])
    network.fit_target_scale(torch.tensor([[2.0, -0.5], [1.0, 0.5]]))
    return network


@pytest.fixture
def path(tmp_path, network):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, network, {"epochs": 3}, {"e_resim": 0.5})
    return path


def test_a_network_comes_back_as_it_was(path, network):
    restored = load_checkpoint(path)
    assert restored.model.arm == ARM
    assert restored.model.config == network.config
    assert restored.training == {"epochs": 3}
    assert restored.metrics == {"e_resim": 0.5}
    targets, latents = torch.rand(5, 2), torch.randn(5, network.latent_dim)
    again = restore_network(restored.model)
    assert torch.equal(again.decode(targets, latents), network.decode(targets, latents))


def test_others_may_read_the_file_as_any_other(path):
    any_other = path.with_name("any_other")
    any_other.touch()
    assert path.stat().st_mode == any_other.stat().st_mode


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing\.safetensors: does not exist"):
        load_checkpoint(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("kept", [0, 4, 0.5, 0.99])
def test_a_truncated_file_is_refused(path, kept):
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        load_checkpoint(path)


def test_a_pickle_is_refused_and_never_executed(path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was executed",))

    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        load_checkpoint(path)


def describe(path, **changes):
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        description = json.loads(file.metadata()["ik_nn_ros"])
    save_file(tensors, path, metadata={"ik_nn_ros": json.dumps(description | changes)})


def test_a_future_format_is_refused(path):
    describe(path, format_version=FORMAT_VERSION + 1)
    with pytest.raises(CheckpointError, match=f"format version {FORMAT_VERSION + 1}"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "unheard_of"},
        {"config": {"surprise": 1}},
        {"arm": {"link_lengths": [0.5] * 5 + [1.0]}},
        {"arm": {"link_lengths": [1.0]}},
        {"arm": {"link_lengths": [10**400, 1.0]}},
        {"config": {"layers": 10**30, "neurons": 8}},
        {"config": {"coupling_layers": 10**9, "subnet_layers": 1, "neurons": 8}},
    ],
)
def test_a_description_that_does_not_fit_its_tensors_is_refused(path, changes):
    describe(path, **changes)
    with pytest.raises(CheckpointError, match="does not hold the network"):
        load_checkpoint(path)


def change(path, **changes):
    """Replace tensors of a file, or leave them out."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = {name: one for name, one in (load_file(path) | changes).items() if one is not None}
    save_file(tensors, path, metadata=metadata)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"target_std": None}, "missing or not known: target_std"),
        ({"more": torch.zeros(1)}, "missing or not known: more"),
        ({"target_mean": torch.zeros(3)}, r"target_mean must be \(2,\), is \(3,\)"),
        ({"target_mean": torch.tensor([0.0, math.nan])}, "target_mean must be finite"),
        ({"target_std": torch.tensor([1.0, 0.0])}, "target_std must be positive"),
        ({"target_std": torch.ones(2).bfloat16()}, "type BF16 in target_std; F16, F32, F64"),
    ],
)
def test_tensors_that_are_not_the_network_s_are_named(path, changes, reason):
    change(path, **changes)
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("network", "name", "tensor"),
    [
        ("cinn", "to_joints", torch.ones(3, 3).double()),
        ("cinn", "flow.transform.transforms.2.mask", torch.ones(3).bool()),
        ("inn", "flow.module_list.1.perm", torch.tensor([0, 1, 2, 7])),
        ("inn", "flow.module_list.1.perm", torch.tensor([0.0, 1.0, 2.0, 3.0])),
        ("inn", "flow.module_list.1.perm_inv", torch.tensor([0, 0, 1, 1])),
    ],
    indirect=["network"],
)
def test_what_no_training_leaves_behind_is_refused(path, name, tensor):
    change(path, **{name: tensor})
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(path)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("number", [torch.float16, torch.float64])
def test_weights_of_other_precisions_are_served(path, number, backend):
    floats = {name: one for name, one in load_file(path).items() if one.is_floating_point()}
    change(path, **{name: one.to(number) for name, one in floats.items()})
    target = ARM.forward(np.full(4, 0.2))
    positions = IKSolver.from_checkpoint(path, backend=backend).solve(target, 200, seed=1).positions
    assert np.linalg.norm(ARM.forward(positions) - target, axis=1).max() <= 1e-6


def test_a_safetensors_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="no description"):
        load_checkpoint(path)
