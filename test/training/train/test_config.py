"""Training files: what is read, what is refused and how that is said."""

import math
import os
from pathlib import Path

import pytest
import yaml

from ik_nn_ros.arm.files import load_arm
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.models import ARCHITECTURES
from ik_nn_ros.models.architectures import CINNConfig
from training.train.config import ConfigError, TrainingConfig, load_config
from training.train.objectives import OBJECTIVES

FOLDER = Path(__file__).resolve().parents[3] / "config" / "train"
VALID = {
    "model": "cvae",
    "arm": {"link_lengths": [0.5, 0.5, 1.0]},
    "network": {"layers": 2, "neurons": 8},
    "optimizer": {"learning_rate": 0.001},
}

INN = {"coupling_layers": 2, "subnet_layers": 2, "neurons": 8}
CINN = {"neurons": 8, "hidden_layers": 1}


def _of_arm(**fields):
    return {"arm": {"link_lengths": [0.5, 0.5, 1.0], **fields}}


def write(folder, **changes):
    path = folder / "training.yaml"
    path.write_text(yaml.safe_dump(VALID | changes))
    return path


def test_every_network_has_an_objective():
    assert OBJECTIVES.keys() == ARCHITECTURES.keys()


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_files_are_valid(path):
    config = load_config(path)
    network = config.build_network()
    assert network.config.kind == config.model
    assert network.task is config.build_task()
    assert network.arm == config.build_arm()
    config.build_objective()


def test_the_defaults_are_the_paper_s_schedule(tmp_path):
    config = load_config(write(tmp_path))
    assert (config.data.num_samples, config.data.train_share) == (1_000_000, 0.7)
    assert (config.batch_size, config.epochs) == (1000, 60)
    assert config.total_steps == 42_000
    assert TrainingConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modle": "cvae"}, ["modle", "unknown key", "model, arm"]),
        ({"model": "gan"}, ["model", "'cvae'", "'inn'"]),
        ({"optimizer": {"learning_rat": 1}}, ["optimizer.learning_rat", "learning_rate"]),
        ({"optimizer": {"learning_rate": -1.0}}, ["optimizer.learning_rate", "greater than 0"]),
        (
            {"optimizer": {"learning_rate": 1.0, "muon": 2.0}},
            ["optimizer", "muon moves the hidden layers of cinn"],
        ),
        ({"network": {"layers": 2, "nuerons": 8}}, ["network", "nuerons", "layers, neurons"]),
        ({"network": {"layers": 0, "neurons": 8}}, ["network", "positive integer"]),
        ({"network": {"layers": 2}}, ["network", "neurons"]),
        ({"arm": {"link_lengths": [1.0]}}, ["arm", "2 or more"]),
        ({"arm": {"links": [1.0, 1.0]}}, ["arm", "links", "link_lengths"]),
        ({"objective": {"kl": 1}}, ["objective", "kl", "kl_weight"]),
        ({"objective": {"kl_weight": -1}}, ["objective", "kl_weight", "greater than or equal"]),
        ({"arm": {}}, ["arm", "link_lengths missing"]),
        ({"arm": {"link_lengths": 5}}, ["arm", "2 or more positive numbers", "5"]),
        (
            {"arm": {"link_lengths": [1.0, 1.0], "joint_limits": [1, 2, 3]}},
            ["arm", "joint_limits must be 2 pairs"],
        ),
        (
            {"model": "inn", "network": {**INN, "clamp": "wide"}},
            ["network", "a value of a wrong type", "'wide'"],
        ),
        (
            {"model": "cinn", "network": CINN, "arm": {"link_lengths": [1.0, 1.0]}},
            ["network", "3 or more joints for a position", "exact"],
        ),
        (
            {"model": "cinn", "network": CINN, "task": "pose"},
            ["network", "4 or more joints for a pose", "exact"],
        ),
        ({"model": "cinn", "network": {"bins": 0}}, ["network", "bins", "positive integer"]),
        (
            {"model": "cinn", "network": {}, "objective": {"reach_share": 2.0}},
            ["objective", "reach_share", "less than or equal to 1"],
        ),
        (
            {"model": "inn", "network": INN},
            ["objective", "fit_weight", "sample_weight", "required"],
        ),
        (
            {"model": "inn", "network": INN, "arm": {"link_lengths": [1.0, 1.0]}},
            ["network", "inn needs 3 or more joints for a position", "exact"],
        ),
        (_of_arm(joint_limits=[[-90, 90]] * 3), ["arm", "joint_1", "radians", "-1.571, 1.571"]),
        (_of_arm(joint_limits=[0, 180], prior="uniform"), ["arm", "radians", "0.000, 3.142"]),
        (_of_arm(prior_mean=[0, 45, 0]), ["arm", "joint_2: prior_mean", "radians", "0.785"]),
        (_of_arm(prior_std=20), ["arm", "prior_std", "radians", "0.349"]),
        (_of_arm(joint_limits=[[3, 3.1]] * 3), ["arm", "joint_1", "none of its samples", "widen"]),
        (_of_arm(joint_names=["a", "a", "b"]), ["arm", "3 different names"]),
        ({"data": {"num_samples": -5}}, ["data.num_samples", "greater than or equal to 10"]),
        (
            {"data": {"num_samples": 10**12}},
            ["data.num_samples", "less than or equal to 100000000"],
        ),
        ({"data": {"num_samples": True}}, ["data.num_samples", "no switch"]),
        ({"seed": 10**30}, ["seed", "less than 9223372036854775808"]),
        ({"optimizer": {"learning_rate": math.inf}}, ["optimizer.learning_rate", "finite"]),
        ({"objective": {"kl_weight": math.inf}}, ["objective", "kl_weight", "finite"]),
        (
            {"model": "cvae", "network": {"layers": 3, "neurons": 10_000}},
            ["network", "cvae would have", "numbers, at most 20000000"],
        ),
        ({"model": "inn", "network": INN | {"clamp": math.inf}}, ["network", "clamp", "positive"]),
        (
            {"model": "inn", "network": INN, "objective": {"kernel_widths": []}},
            ["objective", "kernel_widths", "at least 1"],
        ),
        ({"model": "cinn", "network": {}, "objective": {"places": 10**9}}, ["places", "1000"]),
        ({"task": "pose"}, ["network", "cvae learns position, not pose"]),
        ({"task": "dance"}, ["task", "'position'", "'pose'", "dance"]),
        ({"seed": -1}, ["seed", "greater than or equal to 0"]),
        ({"data": {"train_share": 1.0}}, ["data.train_share", "less than 1"]),
        ({"data": {"num_samples": 10, "train_share": 0.99}}, ["train_share", "10 of 10"]),
        ({"data": {"num_samples": 1000}, "batch_size": 701}, ["batch_size", "700, got 701"]),
    ],
)
def test_a_bad_key_or_value_is_named_with_what_is_allowed(tmp_path, changes, words):
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, **changes))
    for word in ["training.yaml", *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_task_is_a_position_unless_it_is_said(tmp_path):
    assert load_config(write(tmp_path)).build_task() is POSITION
    arm = {"link_lengths": [0.5, 0.5, 0.5, 1.0]}
    config = load_config(write(tmp_path, model="cinn", network=CINN, arm=arm, task="pose"))
    assert config.build_task() is POSE
    assert config.build_network().task is POSE
    assert TrainingConfig.model_validate_json(config.model_dump_json()) == config


def test_a_network_all_of_whose_fields_have_defaults_needs_none(tmp_path):
    path = tmp_path / "training.yaml"
    fields = VALID | {"model": "cinn"}
    del fields["network"]
    path.write_text(yaml.safe_dump(fields))
    assert load_config(path).build_network().config == CINNConfig()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "network.*layers, neurons missing"),
        ({"model": "cinn", "arm": {"link_lengths": [1.0, 1.0]}}, "network.*3 or more joints"),
    ],
)
def test_a_network_that_is_not_said_is_checked_too(tmp_path, changes, words):
    path = tmp_path / "training.yaml"
    fields = VALID | changes
    path.write_text(yaml.safe_dump({key: fields[key] for key in fields if key != "network"}))
    with pytest.raises(ConfigError, match=words):
        load_config(path)


def test_an_objective_that_is_not_said_is_checked_too(tmp_path):
    with pytest.raises(ConfigError, match="objective: fit_weight: Field required"):
        load_config(write(tmp_path, model="inn", network=INN))


def test_angles_of_more_than_a_turn_and_rails_of_any_length_are_taken(tmp_path):
    limits = [[-6.3, 6.3], [-12.5, 12.5], None]
    assert load_config(write(tmp_path, **_of_arm(joint_limits=limits))).build_arm().dof == 3
    rail = {"link_lengths": [250.0, 250.0], "base": "rail", "prior_std": [100.0, 0.5, 0.5]}
    assert load_config(write(tmp_path, arm=rail)).build_arm().unit > 300.0


def test_of_a_cinn_the_arm_will_do(tmp_path):
    path = tmp_path / "my_arm.yaml"
    path.write_text("model: cinn\narm: {link_lengths: [0.5, 0.5, 1.0], prior_std: 0.2}")
    shipped = load_config(FOLDER / "cinn_circle_6.yaml")
    assert load_config(path) == shipped.model_copy(update=_of_arm(prior_std=0.2))
    path.write_text(path.read_text() + "\noptimizer: {learning_rate: 0.004}\nepochs: 3")
    changed = load_config(path)
    optimizer = shipped.optimizer.model_copy(update={"learning_rate": 0.004})
    assert (changed.optimizer, changed.epochs) == (optimizer, 3)
    assert changed.data == shipped.data


def test_an_arm_may_be_a_robot_s(tmp_path):
    urdf = FOLDER.parents[1] / "test" / "core" / "arm" / "urdf" / "planar_3r.urdf"
    path = tmp_path / "my_arm.yaml"
    path.write_text(f"model: cinn\narm: {{urdf: {urdf}}}")
    assert load_config(path) == load_config(urdf)
    assert load_config(urdf).build_arm() == load_arm(urdf)


def test_a_batch_can_be_all_of_the_training_data(tmp_path):
    config = load_config(
        write(tmp_path, data={"num_samples": 100, "train_share": 0.29}, batch_size=29)
    )
    assert config.steps_per_epoch == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [", "is not YAML"),
        (b"model: \xff", "is not YAML"),
        (b"model: cinn\n\tepochs: 3", "is not YAML"),
        (b"model: 2020-99-99", "is not YAML"),
        (b"[" * 5000, "is not YAML"),
        (b"epochs: 3\nepochs: 4", "found 2 times the key 'epochs'"),
        (b"", "must have the keys model, arm, task, network, .*, got None"),
        (b"- just a list", r"must have the keys model, .*, got \['just a list'\]"),
    ],
)
def test_a_file_that_is_no_training_is_refused(tmp_path, content, words):
    path = tmp_path / "training.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"training\.yaml: .*{words}"):
        load_config(path)


def test_a_pipe_is_no_training(tmp_path):
    path = tmp_path / "training.yaml"
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is no file"):
        load_config(path)


def test_a_long_value_of_a_wrong_kind_is_told_in_short(tmp_path):
    with pytest.raises(ConfigError, match="epochs: ") as caught:
        load_config(write(tmp_path, epochs=[1] * 50_000))
    assert len(str(caught.value)) < 300


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "nothing.yaml")
