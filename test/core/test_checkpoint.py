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
from ik_nn_ros.arm.task import POSE, POSITION, TASKS
from ik_nn_ros.backends import BACKENDS
from ik_nn_ros.checkpoint import (
    FORMAT_VERSION,
    POSITIONS_ONLY,
    load_checkpoint,
    save_checkpoint,
)
from ik_nn_ros.models.networks import build_network, restore_network, trained_model

ARM = PlanarArm((0.5, 0.7, 0.4, 1.0), prior_std=0.3)
KNOWN = f"{FORMAT_VERSION} and {POSITIONS_ONLY}"


@pytest.fixture(params=["cinn", "cvae", "inn"])
def network(request):
    config = {
        "cvae": {"layers": 1, "neurons": 8},
        "inn": {"coupling_layers": 3, "subnet_layers": 2, "neurons": 8},
        "cinn": {"neurons": 8, "hidden_layers": 1, "bins": 6},
    }
    network = build_network(request.param, ARM, config[request.param])
    if request.param == "cinn":
        network.fit_scale(torch.randn(*network.mean[:, None].expand(-1, 9, -1).shape))
    else:
        network.fit_target_scale(torch.tensor([[2.0, -0.5], [1.0, 0.5]]))
    return network


@pytest.fixture
def path(tmp_path, network):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, trained_model(network), {"epochs": 3}, {"e_resim": 0.5})
    return path


def test_a_network_comes_back_as_it_was(path, network):
    restored = load_checkpoint(path)
    assert restored.model.arm == ARM
    assert restored.model.task is POSITION
    assert restored.model.config == network.config
    assert restored.training == {"epochs": 3}
    assert restored.metrics == {"e_resim": 0.5}
    again = restore_network(restored.model)
    if network.config.kind == "cinn":
        features = torch.randn(2, 5, network.mean.shape[1])
        assert torch.equal(again(features), network(features))
    else:
        targets, latents = torch.rand(5, 2), torch.randn(5, network.latent_dim)
        assert torch.equal(again.decode(targets, latents), network.decode(targets, latents))


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_network_comes_back_with_its_task(task, tmp_path):
    network = build_network("cinn", ARM, {"neurons": 4, "bins": 3}, task)
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, trained_model(network), {}, {})
    assert load_checkpoint(path).model.task is task
    solver = IKSolver.from_checkpoint(path)
    assert solver.task is task
    target = task.forward(ARM, np.array([0.1, 0.3, -0.2, 0.2]))
    solutions = solver.solve(target, 20, seed=1)
    assert (solutions.heading_errors is None) == (task is POSITION)
    assert solutions.position_errors.max() < 1e-12


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


def describe(path, without=None, **changes):
    """Change a file's description, or leave an entry out."""
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        description = json.loads(file.metadata()["ik_nn_ros"]) | changes
    description.pop(without, None)
    save_file(tensors, path, metadata={"ik_nn_ros": json.dumps(description)})


def test_a_future_format_is_refused(path):
    describe(path, format_version=FORMAT_VERSION + 1)
    reason = f"format version {FORMAT_VERSION + 1}, this version of ik_nn_ros reads {KNOWN}"
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(path)


@pytest.mark.parametrize("network", ["cvae", "inn"], indirect=True)
def test_a_file_from_before_there_were_tasks_is_of_positions(path, network):
    describe(path, format_version=POSITIONS_ONLY, without="task")
    model = load_checkpoint(path).model
    assert model.task is POSITION
    assert model.arm == ARM
    for name, tensor in network.state_dict().items():
        assert np.array_equal(model.tensors[name], tensor.numpy()), name


@pytest.mark.parametrize("network", ["cvae", "inn"], indirect=True)
def test_a_pose_of_a_network_that_learns_positions_is_refused(path, network):
    describe(path, task=POSE.name)
    with pytest.raises(CheckpointError, match=f"{network.config.kind} learns position, not pose"):
        load_checkpoint(path)


@pytest.mark.parametrize("network", ["cinn"], indirect=True)
def test_a_network_s_tensors_are_of_its_task(path):
    """A pose leaves fewer free joints."""
    describe(path, task=POSE.name)
    with pytest.raises(CheckpointError, match=r"must be \(1, "):
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
        {"config": {"neurons": 8, "hidden_layers": 10**9}},
        {"config": {"neurons": 8, "hidden_layers": 1, "bins": 7}},
        {"task": "dance"},
        {"task": None},
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


@pytest.mark.parametrize("network", ["cvae", "inn"], indirect=True)
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


@pytest.mark.parametrize("network", ["cinn"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"std": None}, "missing or not known: std"),
        ({"weights.2": torch.zeros(1)}, "missing or not known: weights.2"),
        ({"mean": torch.zeros(2, 3)}, r"mean must be \(2, 13\), is \(2, 3\)"),
        ({"weights.0": torch.zeros(2, 13, 9)}, r"weights.0 must be \(2, 13, 8\)"),
        ({"biases.1": torch.full((2, 28), math.inf)}, "biases.1 must be finite"),
        ({"std": -torch.ones(2, 13)}, "std must be positive"),
        ({"std": torch.zeros(2, 13)}, "std must be positive"),
    ],
)
def test_tensors_that_are_not_cinn_s_are_named(path, changes, reason):
    change(path, **changes)
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("network", "name", "tensor"),
    [
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
