"""A weights file that was changed anywhere is refused, or answers as before: nothing in between."""

import hashlib
import json
from itertools import cycle

import numpy as np
import pytest
import torch

from ik_nn_ros import CheckpointError, IKSolver, PlanarArm
from ik_nn_ros.backends import BACKENDS
from ik_nn_ros.checkpoint import load_checkpoint, save_checkpoint, tensors_sum
from ik_nn_ros.models.networks import build_network, trained_model
from ik_nn_ros.tensor_file import NUMBERS

ARM = PlanarArm((0.5, 0.7, 0.4, 1.0), 0.3, [(-2.0, 2.5), None, (-1.0, 1.0), (-2.0, 2.0)])
CONFIGS = {
    "cvae": {"layers": 1, "neurons": 8},
    "inn": {"coupling_layers": 3, "subnet_layers": 2, "neurons": 8},
    "cinn": {"neurons": 8, "hidden_layers": 1, "bins": 6},
}
OF_EACH_KIND = 2
SOME_TYPES = ("F16", "F64", "I64", "I32", "BOOL", "BF16", "U8")
OTHER_ARMS = (
    {"link_lengths": [0.5, 0.7, 0.4, 1.001]},
    {"link_lengths": "5741"},
    {"link_lengths": ["0.5", "0.7", "0.4", "1.0"]},
    {"link_lengths": [0.5, 0.7, 0.4, True]},
    {"link_lengths": [0.5, 0.7, 0.4, 10**400]},
    {"link_lengths": [0.5, 0.7, 0.4, float("nan")]},
    {"link_lengths": [0.7, 0.4, 1.0], "base": "rail"},
    {"base": "rail"},
    {"prior_std": [0.3, 0.3, 0.3, 0.31]},
    {"prior_std": "0.3"},
    {"prior_mean": [0.0, 0.01, 0.0, 0.0]},
    {"prior": "uniform"},
    {"joint_limits": None},
    {"joint_limits": [[-2.0, 2.4], None, [-1.0, 1.0], [-2.0, 2.0]]},
    {"joint_limits": [[-2.0, 2.5], [-1.0, 1.0], [-1.0, 1.0], [-2.0, 2.0]]},
    {"joint_names": [1, 2, 3, 4]},
    {"joint_names": "abcd"},
    {"mount": "flat"},
)


def parts(content):
    """Header and tensors of a file."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def joined(header, data):
    """The inverse of `parts`; the header may be a text."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return len(text).to_bytes(8, "little") + text + data


def names(header):
    return [name for name in header if name != "__metadata__"]


def flipped(content, rng, begin=0, end=None):
    place, changed = rng.integers(begin, end or len(content)), bytearray(content)
    changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


def a_bit(content, rng):
    return flipped(content, rng)


def a_bit_of_the_header(content, rng):
    return flipped(content, rng, 0, 8 + int.from_bytes(content[:8], "little"))


def a_bit_of_the_tensors(content, rng):
    return flipped(content, rng, 8 + int.from_bytes(content[:8], "little"))


def another_length(content, rng):
    length = rng.integers(2 * len(content))
    return content[:length].ljust(length, b"\0")


def a_block_of_zeros(content, rng):
    place = rng.integers(len(content) - 64)
    return content[:place] + bytes(64) + content[place + 64 :]


def another_type(content, rng):
    header, data = parts(content)
    header[rng.choice(names(header))]["dtype"] = str(rng.choice(SOME_TYPES))
    return joined(header, data)


def another_place(content, rng):
    header, data = parts(content)
    one, other = rng.choice(names(header), 2, replace=False)
    offsets = [header[name]["data_offsets"] for name in (other, one)]
    header[one]["data_offsets"], header[other]["data_offsets"] = offsets
    return joined(header, data)


def another_shape(content, rng):
    header, data = parts(content)
    header[rng.choice(names(header))]["shape"].append(1)
    return joined(header, data)


def a_doubled_entry(content, rng):
    header, data = parts(content)
    one, other = rng.choice(names(header), 2, replace=False)
    more = ("", json.dumps({one: header[other]})[1:-1], json.dumps({one: header[one]})[1:-1])
    first, last = rng.choice(more, 2)
    text = ",".join(filter(None, (first, json.dumps(header)[1:-1], last)))
    return joined("{" + text + "}", data)


def a_doubled_description(content, rng):
    header, data = parts(content)
    again = json.loads(header["__metadata__"]["ik_nn_ros"]) | {"task": "pose"}
    text = json.dumps({"__metadata__": {"ik_nn_ros": json.dumps(again)}})[:-1]
    return joined(text + "," + json.dumps(header)[1:], data)


def edited(description, rng):
    arm, config = description["arm"], description["config"]
    what = rng.integers(4)
    if what == 0:
        name = rng.choice(list(config))
        return description | {"config": config | {str(name): config[name] * 2}}
    if what == 1:
        return description | {"task": str(rng.choice(["pose", "dance"]))}
    if what == 2:
        lost = rng.choice(list(description))
        return {key: one for key, one in description.items() if key != lost}
    return description | {"arm": arm | OTHER_ARMS[rng.integers(len(OTHER_ARMS))]}


def another_description(content, rng):
    header, data = parts(content)
    metadata = header["__metadata__"]
    metadata["ik_nn_ros"] = json.dumps(edited(json.loads(metadata["ik_nn_ros"]), rng))
    return joined(header, data)


def sealed(header, data, description):
    """With sums that fit, as anyone may write them."""
    tensors = {
        name: np.frombuffer(data[slice(*one["data_offsets"])], NUMBERS[one["dtype"]])
        for name, one in ((name, header[name]) for name in names(header))
    }
    tensors = {name: one.reshape(header[name]["shape"]) for name, one in tensors.items()}
    text = json.dumps(description | {"tensors": tensors_sum(tensors)})
    sums = {"ik_nn_ros": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return joined(header | {"__metadata__": sums}, data)


def a_description_on_purpose(content, rng):
    header, data = parts(content)
    return sealed(header, data, edited(json.loads(header["__metadata__"]["ik_nn_ros"]), rng))


def nothing_that_matters(content, rng):
    header, data = parts(content)
    description = json.loads(header["__metadata__"]["ik_nn_ros"])
    return sealed(header, data, description | {"metrics": {"e_resim": 0.0}})


MUTATIONS = (
    a_bit,
    a_bit_of_the_header,
    a_bit_of_the_tensors,
    another_length,
    a_block_of_zeros,
    another_type,
    another_place,
    another_shape,
    a_doubled_entry,
    a_doubled_description,
    another_description,
    a_description_on_purpose,
    nothing_that_matters,
)


def mutated(content, count):
    """So many files made of one, each with what was done to it."""
    rng = np.random.default_rng(len(content))
    for _, mutation in zip(range(count), cycle(MUTATIONS), strict=False):
        yield mutation.__name__, mutation(content, rng)


def answers(path, backend):
    """What a file answers, or None if it is refused."""
    try:
        solver = IKSolver.from_checkpoint(path, backend=backend)
    except CheckpointError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 600
        return None
    target = solver.task.forward(solver.arm, np.full(solver.arm.dof, 0.2))
    return target, solver.solve(target, 20, seed=1, position_tolerance=1e-4).positions


@pytest.fixture(params=CONFIGS)
def path(request, tmp_path):
    torch.manual_seed(0)
    network = build_network(request.param, ARM, CONFIGS[request.param])
    save_checkpoint(tmp_path / "model.safetensors", trained_model(network), {}, {})
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_file_that_was_changed_is_refused_or_answers_as_before(path, backend):
    target, positions = answers(path, backend)
    accepted, content = set(), path.read_bytes()
    for what, changed in mutated(content, OF_EACH_KIND * len(MUTATIONS)):
        path.write_bytes(changed)
        again = answers(path, backend)
        if again is not None:
            accepted.add(what)
            np.testing.assert_array_equal(again[0], target, what)
            np.testing.assert_array_equal(again[1], positions, what)
    assert "nothing_that_matters" in accepted
    assert accepted <= {"nothing_that_matters", "a_doubled_entry", "a_doubled_description"}


def test_another_arm_is_refused_whatever_the_sums_say(path):
    header, data = parts(path.read_bytes())
    description = json.loads(header["__metadata__"]["ik_nn_ros"])
    for fields in OTHER_ARMS:
        other = description | {"arm": description["arm"] | fields}
        path.write_bytes(sealed(header, data, other))
        with pytest.raises(CheckpointError):
            load_checkpoint(path)
            pytest.fail(f"took {fields} for the arm")
