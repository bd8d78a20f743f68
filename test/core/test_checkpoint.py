"""Weights files: what comes back, and what is refused."""

import hashlib
import json
import math
import os
import pickle
import signal
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ik_nn_ros import CheckpointError, IKSolver, PlanarArm, checkpoint
from ik_nn_ros.arm.task import POSE, POSITION, TASKS
from ik_nn_ros.backends import BACKENDS, build_sampler
from ik_nn_ros.checkpoint import FORMAT_VERSION, load_checkpoint, save_checkpoint, tensors_sum
from ik_nn_ros.models import WEIGHTS_FOLDER
from ik_nn_ros.models.networks import build_network, restore_network, trained_model
from ik_nn_ros.tensor_file import read_header

NUMPY = (torch.float16, torch.float32, torch.float64, torch.int64, torch.bool)
ARM = PlanarArm((0.5, 0.7, 0.4, 1.0), prior_std=0.3)


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


def read(path):
    """The tensors and the description of a file, as anyone may read them."""
    with safe_open(path, framework="pt") as file:
        return load_file(path), json.loads(file.metadata()["ik_nn_ros"])


def write(path, tensors, description):
    """Write them with sums that fit, as anyone may who means to deceive."""
    numbers = {name: tensor.numpy() for name, tensor in tensors.items() if tensor.dtype in NUMPY}
    text = json.dumps(description | {"tensors": tensors_sum(numbers)})
    metadata = {"ik_nn_ros": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    save_file(tensors, path, metadata=metadata)


def describe(path, **changes):
    """Change a file's description, and its sum."""
    tensors, description = read(path)
    write(path, tensors, description | changes)


def change(path, **changes):
    """Replace tensors of a file, or leave them out, and their sum."""
    tensors, description = read(path)
    tensors = {name: one for name, one in (tensors | changes).items() if one is not None}
    write(path, tensors, description)


def test_a_future_format_is_refused(path):
    describe(path, format_version=FORMAT_VERSION + 1)
    reason = (
        f"format version {FORMAT_VERSION + 1}, this version of ik_nn_ros reads 2 with a checksum"
    )
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(path)


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_without_a_checksum_says_what_to_do(path, version):
    tensors, description = read(path)
    text = json.dumps(description | {"format_version": version})
    save_file(tensors, path, metadata={"ik_nn_ros": text})
    with pytest.raises(CheckpointError, match="train its network again"):
        load_checkpoint(path)


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


@pytest.mark.parametrize("network", ["cvae", "inn"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"target_std": None}, "missing or not known: target_std"),
        ({"more": torch.zeros(1)}, "missing or not known: more"),
        ({"target_mean": torch.zeros(3)}, r"target_mean must be \(2,\), is \(3,\)"),
        ({"target_mean": torch.tensor([0.0, math.nan])}, "target_mean must be finite"),
        ({"target_std": torch.tensor([1.0, 0.0])}, "target_std must be positive"),
        ({"target_std": torch.ones(2).bfloat16()}, "target_std has numbers of type BF16, only F32"),
        ({"target_std": torch.ones(2).half()}, "target_std has numbers of type F16, only F32"),
        ({"target_std": torch.ones(2).double()}, "target_std has numbers of type F64, only F32"),
        ({"target_std": torch.ones(2).bool()}, "target_std has numbers of type BOOL, only F32"),
        ({"target_std": torch.ones(2).long()}, "target_std must be float32, is int64"),
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
        ("inn", "flow.module_list.1.perm", torch.tensor([0, 1, 2, -1])),
        ("inn", "flow.module_list.1.perm_inv", torch.tensor([0, 0, 1, 1])),
    ],
    indirect=["network"],
)
def test_what_no_training_leaves_behind_is_refused(path, name, tensor):
    change(path, **{name: tensor})
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(path)


@pytest.fixture
def in_bounds():
    """Ends a test that waits, and fails one that takes memory."""

    def alarm(*_):
        raise AssertionError("the file was waited for")

    before = signal.signal(signal.SIGALRM, alarm)
    signal.alarm(60)  # 2 s on a quiet machine
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert peak < 50e6


def sparse(path, content, size):
    path.write_bytes(content)
    os.truncate(path, size)


def header_of(length):
    return length.to_bytes(8, "little")


def with_header(text, data=b""):
    return header_of(len(text.encode())) + text.encode() + data


def tensor_of(shape, end):
    return json.dumps({"one": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}})


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (os.mkfifo, "no regular file"),
        (Path.mkdir, "no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "no regular file"),
        (lambda path: path.symlink_to("/dev/tty"), "not a readable safetensors file"),
        (lambda path: path.symlink_to(path), "not a readable safetensors file"),
        (lambda path: path.symlink_to("/proc/kmsg"), "not a readable safetensors file"),
        (lambda path: path.touch(), "ends early"),
        (lambda path: sparse(path, header_of(10**9), 10**9 + 8), "bytes, at most"),
        (lambda path: sparse(path, header_of(10**9), 10**7), "a header of 1000000000 bytes"),
        (lambda path: path.write_bytes(header_of(2**64 - 1)), "a header of"),
        (
            lambda path: sparse(path, with_header(tensor_of([10**9], 4 * 10**9)), 4 * 10**9 + 99),
            "bytes, at most",
        ),
        (lambda path: path.write_bytes(with_header(tensor_of([10**9], 4 * 10**9))), "tells of"),
        (lambda path: path.write_bytes(with_header(tensor_of([10**9] * 9, 4))), "no sense"),
        (lambda path: path.write_bytes(with_header(tensor_of([10**400], 4))), "no sense"),
        (lambda path: path.write_bytes(with_header(tensor_of([1.0], 4), bytes(4))), "no sense"),
        (lambda path: path.write_bytes(with_header(tensor_of([True], 4), bytes(4))), "no sense"),
        (lambda path: path.write_bytes(with_header(tensor_of("1", 4), bytes(4))), "no sense"),
        (lambda path: path.write_bytes(with_header('{"one": []}')), "no sense"),
        (lambda path: path.write_bytes(with_header("[" * 10**6)), "no JSON"),
        (lambda path: path.write_bytes(with_header('{"a":' * 10**5)), "no JSON"),
        (lambda path: path.write_bytes(with_header("17")), "no JSON"),
        (lambda path: path.write_bytes(with_header("1" * 10**6)), "no JSON"),
        (lambda path: path.write_bytes(with_header('{"__metadata__": 3}')), "no JSON"),
        (lambda path: path.write_bytes(with_header('{"__metadata__": {"a": 3}}')), "no descr"),
        (lambda path: path.write_bytes(with_header('{"\\ud800\\u001b": 3}')), "no sense"),
    ],
)
def test_what_is_no_weights_file_is_refused_before_it_is_read(tmp_path, place, reason, in_bounds):
    place(tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=reason) as refused:
        load_checkpoint(tmp_path / "model.safetensors")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"layers": 10_000, "neurons": 10_000}},
        {"config": {"coupling_layers": 10_000, "subnet_layers": 10_000, "neurons": 8}},
        {"config": {"coupling_layers": 100, "subnet_layers": 100, "neurons": 10_000}},
        {"config": {"neurons": 10_000, "hidden_layers": 10_000}},
        {"config": {"neurons": math.nan}},
        {"config": {"coupling_layers": 3, "subnet_layers": 2, "neurons": 8, "clamp": math.inf}},
        {"arm": {"link_lengths": [0.5] * 20_000}},
        {"arm": {"link_lengths": [0.5] * 100, "joint_limits": [[-2.0, 1.5]] * 100}},
        {"arm": {"link_lengths": [0.5] * 4, "prior_std": 10**400}},
        {"arm": {"link_lengths": [0.5] * 4, "prior_std": [math.nan] * 4}},
        {"arm": {"link_lengths": [0.5] * 4, "joint_names": [None, "\x1b[2J", "c", {}]}},
        {"arm": [[]]},
        {"task": []},
        {"model": {}},
        {"probe": {"uniforms": [[0.5] * 4] * 10_000}},
        {"probe": None},
    ],
)
def test_a_description_of_anything_is_refused_before_a_tensor_is_read(path, changes, in_bounds):
    describe(path, **changes)
    with pytest.raises(CheckpointError, match="does not hold the network") as refused:
        load_checkpoint(path)
    assert str(refused.value).isprintable()


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path, monkeypatch):
    network = build_network("cvae", ARM, {"layers": 2, "neurons": 100})
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, trained_model(network), {}, {})

    def and_shrink(*arguments):
        header = read_header(*arguments)
        os.truncate(path, path.stat().st_size // 2)
        return header

    monkeypatch.setattr(checkpoint, "read_header", and_shrink)
    with pytest.raises(CheckpointError, match="ends early"):
        load_checkpoint(path)


def test_a_network_that_no_file_would_hold_is_not_even_trained():
    with pytest.raises(ValueError, match="would have 400.* numbers, at most 20000000 are kept"):
        build_network("cvae", ARM, {"layers": 3, "neurons": 10_000})


ANOTHER = {
    "cvae": [{"arm": {"prior_mean": 0.1}}, {"task": "pose"}],
    "inn": [{"config": {"clamp": 2.5}}, {"arm": {"link_lengths": [0.5, 0.7, 0.4, 1.0001]}}],
    "cinn": [{"arm": {"prior_std": 0.31}}, {"arm": {"joint_limits": [[-1.5, 1.5]] * 4}}],
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_network_than_was_written_is_refused(path, network, backend):
    tensors, description = read(path)
    for changes in ANOTHER[network.config.kind]:
        others = {
            name: description[name] | one if isinstance(one, dict) else one
            for name, one in changes.items()
        }
        write(path, tensors, description | others)
        with pytest.raises(CheckpointError, match="does not hold|holds another network"):
            IKSolver.from_checkpoint(path, backend=backend)
    name = next(name for name in reversed(tensors) if name.startswith(("decoder", "flow", "bias")))
    write(path, tensors | {name: tensors[name] + 0.1}, description)
    with pytest.raises(CheckpointError, match="holds another network"):
        IKSolver.from_checkpoint(path, backend=backend)


@pytest.mark.parametrize("name", [path.name for path in sorted(WEIGHTS_FOLDER.iterdir())])
def test_shipped_weights_are_far_from_being_refused(name):
    """Whatever rounding another machine's arithmetic has."""
    model = load_checkpoint(WEIGHTS_FOLDER / name).model
    tolerances = model.probe.tolerances / 50.0
    build_sampler(model._replace(probe=model.probe._replace(tolerances=tolerances)), "cpu", "auto")


def test_a_safetensors_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="no description"):
        load_checkpoint(path)
