"""The search: its space, its study, and a whole one, on one machine and on another."""

import csv
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import optuna
import pytest
import yaml
from ray.tune.error import TuneError
from sqlalchemy.exc import OperationalError

from training.__main__ import main
from training.search import tuning
from training.search.space import load_space
from training.search.study import (
    DIVERGED_LOSS,
    NAME,
    REPORT_EPOCHS,
    SearchStudy,
    StudyError,
    best_of,
)
from training.search.tuning import REDUCTION
from training.train.config import ConfigError, load_config

ROOT = Path(__file__).resolve().parents[3]
SPACES = ROOT / "config" / "search"
PAPER = {  # Tables I and II
    "inn": {
        "optimizer.learning_rate": (0.0001, 0.005, "log"),
        "optimizer.weight_decay": (0.00001, 0.001, "log"),
        "network.coupling_layers": (6, 10, "linear"),
        "network.subnet_layers": (3, 7, "linear"),
        "network.neurons": (100, 300, "linear"),
    },
    "cvae": {
        "optimizer.learning_rate": (0.0001, 0.01, "log"),
        "optimizer.weight_decay": (0.00001, 0.001, "log"),
        "network.layers": (3, 15, "linear"),
        "network.neurons": (200, 500, "linear"),
    },
}
TINY = {
    "model": "cvae",
    "ranges": {
        "optimizer.learning_rate": {"min": 1e-30, "max": 1e30, "scale": "log"},
        "network.layers": {"min": 1, "max": 2},
        "network.neurons": {"min": 8, "max": 16},
    },
    "fixed": {"data": {"num_samples": 2000}, "epochs": 20, "batch_size": 50},
}
TRIALS = 20
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
node = {"object_store_memory": 80_000_000}
head = node | {"num_cpus": 0, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=head)
cluster.add_node(**node, num_cpus=2)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


def write(folder, **changes):
    path = folder / "space.yaml"
    path.write_text(yaml.safe_dump(TINY | changes))
    return path


def command(folder, config, num_trials, *arguments):
    return [sys.executable, "-m", "training", "search", "--model", "cvae", "--dof", "3"] + [
        *("--config", str(config), "--output", str(folder), "--trials", str(num_trials)),
        *arguments,
    ]


def rows(folder):
    return list(csv.DictReader((folder / "cvae_3.csv").read_text().splitlines()))


def study_of(folder, dof=3):
    return SearchStudy(folder / "study.db", load_space(write(folder), "cvae", dof), dof)


def add_trial(study, loss):
    """A trial whose last loss is given, as Ray's searcher leaves it in a study."""
    record = optuna.load_study(study_name=NAME, storage=study.storage)
    distributions = {"network.layers": optuna.distributions.IntDistribution(1, 2)}
    record.add_trial(
        optuna.trial.create_trial(
            params={"network.layers": 1},
            distributions=distributions,
            value=loss,
            intermediate_values=dict.fromkeys(range(1, study.total_reports), 0.9),
        )
    )


def num_trials(file):
    """Finished trials in a study's file, which may be about to be made."""
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as study,
    ):
        return study.execute("select count(*) from trials where state = 'COMPLETE'").fetchone()[0]
    return 0


def killed_half_way(arguments, file):
    """How many trials a search leaves whose driver is killed after some."""
    process = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 300.0
    try:
        while num_trials(file) < 3:
            assert process.poll() is None, "the search ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
        process.wait()
        return num_trials(file)
    finally:
        kill_session(process.pid)


def kill_session(leader):
    """Kill what is left of the session that a process started: Ray's agents linger a minute."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # ended meanwhile
            session = int(stat.read_text().rpartition(")")[2].split()[3])
            if session == leader:
                os.kill(int(stat.parent.name), signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster of two nodes; the one whose address it is has no processor."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            address = process.stdout.readline().strip()
            assert address
            yield address
            process.communicate(timeout=60)
        finally:
            kill_session(process.pid)


@pytest.fixture(scope="module")
def search(cluster, tmp_path_factory):
    """A killed search that went on, on another machine: its folder, and its trials when it died.

    Half of its learning rates are far too large.
    """
    folder = tmp_path_factory.mktemp("search")
    arguments = command(folder, write(folder), TRIALS)
    before = killed_half_way(arguments, folder / "cvae_3.db")
    finished = subprocess.run(
        [*arguments, "--address", cluster], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.stderr == ""
    assert finished.returncode == 0
    assert f"{TRIALS}/{TRIALS}" in finished.stdout
    return folder, before


def test_a_killed_search_keeps_its_trials_and_ends_with_as_many_as_wanted(search):
    folder, before = search
    assert 0 < before < TRIALS
    assert num_trials(folder / "cvae_3.db") == TRIALS
    table = rows(folder)
    assert [int(row["number"]) for row in table] == list(range(1, TRIALS + 1))
    assert len({row["optimizer.learning_rate"] for row in table}) == TRIALS


def test_bad_trials_are_stopped_early_and_unstable_ones_recorded(search):
    table = rows(search[0])
    diverged = [row for row in table if row["status"] == "diverged"]
    assert 0 < len(diverged) < TRIALS
    for row in diverged:
        assert row["loss"] == ""
        assert float(row["optimizer.learning_rate"]) > 0.01
    ends = {(row["status"], int(row["epochs"])) for row in table if row not in diverged}
    rungs = {("stopped", REPORT_EPOCHS), ("stopped", REPORT_EPOCHS * REDUCTION)}
    assert {("finished", 20)} < ends <= {("finished", 20)} | rungs
    counts = json.loads((search[0] / "cvae_3.json").read_text())["counts"]
    assert counts.pop("trials") == sum(counts.values()) == TRIALS
    assert counts["diverged"] == len(diverged)


def test_the_best_is_the_smallest_loss_of_the_table(search):
    best = min((row for row in rows(search[0]) if row["loss"]), key=lambda row: float(row["loss"]))
    summary = json.loads((search[0] / "cvae_3.json").read_text())
    assert summary["best"]["number"] == int(best["number"])
    assert summary["best"]["loss"] == float(best["loss"])
    assert (
        summary["settings"]["ranges"]
        == load_space(search[0] / "space.yaml", "cvae", 3).model_dump(mode="json")["ranges"]
    )
    assert summary["versions"].keys() == {"torch", "ray", "optuna"}


def test_the_best_is_a_training_file_with_the_full_data(search):
    config = load_config(search[0] / "cvae_3.yaml")
    best = json.loads((search[0] / "cvae_3.json").read_text())["best"]
    assert config.network == {
        "layers": best["parameters"]["network.layers"],
        "neurons": best["parameters"]["network.neurons"],
    }
    assert config.optimizer.learning_rate == best["parameters"]["optimizer.learning_rate"]
    assert (config.data.num_samples, config.epochs, config.batch_size) == (1_000_000, 60, 50)
    weights = config.build_network().num_parameters
    assert best["num_parameters"] == weights
    assert config.build_arm().dof == 3


def test_a_missing_cluster_is_one_line_at_once(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    assert main(command(tmp_path, write(tmp_path), 8, "--address", address)[3:]) == 1
    error = capsys.readouterr().err
    assert f"no Ray cluster at {address}" in error
    assert error.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_said_before_the_search(tmp_path, capsys):
    (tmp_path / "file").touch()
    arguments = command(tmp_path / "file" / "search", write(tmp_path), 8)
    assert main(arguments[3:]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_study_is_the_same_when_it_is_opened_again(tmp_path):
    study = study_of(tmp_path)
    for loss in (0.7, DIVERGED_LOSS, 0.5):
        add_trial(study, loss)
    again = study_of(tmp_path)
    assert again.trials == study.trials
    assert [trial.status for trial in again.trials] == ["finished", "diverged", "finished"]
    assert [trial.loss for trial in again.trials] == [0.7, None, 0.5]
    assert best_of(again.trials).number == 3
    assert again.versions == study.versions


def test_a_trial_that_was_killed_is_no_trial(tmp_path):
    study = study_of(tmp_path)
    optuna.load_study(study_name=NAME, storage=study.storage).ask()
    assert (study.num_begun, study.trials) == (1, [])


def test_the_study_of_another_search_is_refused(tmp_path):
    study_of(tmp_path)
    with pytest.raises(StudyError, match="other dof; choose another --output") as caught:
        study_of(tmp_path, dof=4)
    assert caught.value.path == tmp_path / "study.db"


def test_a_damaged_study_is_refused(tmp_path):
    study_of(tmp_path)
    (tmp_path / "study.db").write_bytes(b"no database, but long enough to be one" * 100)
    with pytest.raises(StudyError, match="study.db is no study.*not a database"):
        study_of(tmp_path)


def test_a_full_disk_during_the_search_is_said(tmp_path, monkeypatch):
    """Tune hides the database's error in the context of one of its own."""

    class Tuner:
        def fit(self):
            try:
                raise OperationalError("INSERT", {}, OSError("database or disk is full"))
            except OperationalError:
                raise TuneError("a traceback") from None

    monkeypatch.setattr(tuning, "_connect", lambda address: None)
    monkeypatch.setattr(tuning, "_tuner", lambda *_: Tuner())
    with pytest.raises(StudyError, match="study.db cannot be written: .*disk is full"):
        tuning.search(study_of(tmp_path), 8, None, pytest.fail)


@pytest.mark.parametrize("model", PAPER)
def test_the_shipped_spaces_are_the_paper_s(model):
    space = load_space(SPACES / f"{model}.yaml", model, 6)
    ranges = {key: (r.min, r.max, r.scale) for key, r in space.ranges.items()}
    assert ranges == PAPER[model]
    config = space.trial_config(space.corner("max"), 6)
    assert (config.data.num_samples, config.epochs, config.batch_size) == (10_000, 60, 1000)
    shipped = load_config(ROOT / "config" / "train" / "paper" / f"{model}_6.yaml")
    full = space.full_config(space.corner("max"), 6)
    assert full.build_objective() == shipped.build_objective()
    assert full.build_arm() == shipped.build_arm()
    assert (full.data, full.epochs) == (shipped.data, shipped.epochs)
    assert full.optimizer.gradient_clip == shipped.optimizer.gradient_clip


LAYERS = {"min": 1, "max": 2}
BOTH = {"network.layers": LAYERS, "network.neurons": {"min": 8, "max": 16}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rangse": {}}, ["rangse", "unknown key", "model, ranges, fixed"]),
        ({"ranges": {}}, ["ranges", "at least 1"]),
        ({"ranges": {"network.layers": {"min": 5, "max": 3}}}, ["layers.max", "greater than min"]),
        ({"ranges": {"network.layers": {"min": 5}}}, ["network.layers.max", "required"]),
        ({"ranges": {"network.layers": LAYERS | {"step": 1}}}, ["layers.step", "min, max, scale"]),
        ({"ranges": {"network.layers": {"min": "a", "max": 3}}}, ["layers.min", "number", "'a'"]),
        ({"ranges": {"network.layers": 3}}, ["network.layers", "keys with values", "3"]),
        (
            {"ranges": {"network.layers": {"min": 0, "max": 3, "scale": "log"}}},
            ["network.layers.scale", "positive min"],
        ),
        ({"ranges": {"netwrk.layers": LAYERS}}, ["netwrk.layers", "network.KEY"]),
        ({"ranges": BOTH | {"network.nuerons": LAYERS}}, ["network", "nuerons", "layers, neurons"]),
        ({"ranges": BOTH | {"network.layers": {"min": 0, "max": 3}}}, ["positive integer"]),
        ({"ranges": {"network.layers": LAYERS}}, ["network", "neurons"]),
        ({"ranges": BOTH}, ["optimizer", "required"]),
        ({"fixed": {"network": {"layers": 3}}}, ["network.layers", "among the ranges"]),
        ({"fixed": {"network": 3}}, ["network", "keys with values", "3"]),
        ({"fixed": {"arm": {}}}, ["arm", "cannot be set here"]),
        ({"fixed": {"epochs": 0}}, ["epochs", "greater than 0"]),
        ({"fixed": {"epoch": 3}}, ["epoch", "unknown key", "epochs"]),
        ({"model": "inn"}, ["model", "is inn", "for cvae"]),
        ({"model": "gan"}, ["model", "'cvae'", "'inn'"]),
    ],
)
def test_a_bad_key_or_value_is_named_with_what_is_allowed(tmp_path, changes, words):
    with pytest.raises(ConfigError) as caught:
        load_space(write(tmp_path, **changes), "cvae", 3)
    for word in ["space.yaml", *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
