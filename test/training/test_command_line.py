"""``python -m training`` from end to end, on a network small enough for a test."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from ik_nn_ros import IKSolver
from ik_nn_ros.checkpoint import load_checkpoint
from training.__main__ import main

RECIPES = Path(__file__).resolve().parents[2] / "config" / "train"
SHIPPED, SHIPPED_CINN = RECIPES / "cvae_6.yaml", RECIPES / "cinn_6.yaml"
CONFIG = {
    "model": "cvae",
    "arm": {"link_lengths": [0.5, 0.5, 1.0]},
    "network": {"layers": 2, "neurons": 32},
    "optimizer": {"learning_rate": 0.003},
    "data": {"num_samples": 10_000},
    "batch_size": 200,
}


def chance(samples, references):
    """In the place of a classifier for each target, which takes ten times as long as the rest."""
    assert all(np.isfinite(one).all() for one in (*samples, *references))
    return np.full(len(samples), 0.5)


def test_train_then_evaluate_then_solve(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("measuring.references.c2st_of_each", chance)
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(CONFIG))
    run = tmp_path / "run"
    common = ["--device", "cpu", "--quick"]
    assert main(["train", str(file), "--steps", "300", "--output", str(run), *common]) == 0
    checkpoint = load_checkpoint(run / "model.safetensors")
    assert checkpoint.training["total_steps"] == 300
    assert checkpoint.training["network"] == CONFIG["network"]
    assert checkpoint.metrics["raw"]["e_resim"] < 0.01

    output = tmp_path / "results"
    arguments = ["--checkpoint", str(run / "model.safetensors")]
    assert main(["evaluate", *arguments, "--output", str(output), *common]) == 0
    assert json.loads((output / "run.json").read_text())["evaluation"]["dof"] == 3
    assert "mmd2, raw" in capsys.readouterr().out

    solver = IKSolver.from_checkpoint(run / "model.safetensors")
    solutions = solver.solve((1.8, 0.2), 50, seed=0)
    assert len(solutions) > 40
    assert solutions.position_errors.max() <= 1e-6


def test_train_writes_weights_without_measuring_where_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("training.commands.train.evaluate", pytest.fail)
    file, run = tmp_path / "small.yaml", tmp_path / "run"
    file.write_text(yaml.safe_dump(CONFIG))
    arguments = ["--steps", "20", "--output", str(run), "--device", "cpu", "--no-measure"]
    assert main(["train", str(file), *arguments]) == 0
    assert load_checkpoint(run / "model.safetensors").metrics == {}
    assert "measuring" not in capsys.readouterr().out


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(CONFIG))
    arguments = ["--steps", "20", "--device", "cpu", "--no-measure"]
    assert main(["train", "~/small.yaml", "--output=~/run", *arguments]) == 0
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert not (tmp_path / "~").exists()


def test_an_interruption_is_one_line(tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.commands.train.train", interrupted)
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(CONFIG))
    assert main(["train", str(file), "--output", str(tmp_path / "run"), "--device", "cpu"]) == 1
    assert capsys.readouterr().err == "interrupted\n"


def test_a_cinn_of_poses_is_trained_measured_and_solves(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("measuring.references.c2st_of_each", chance)
    file, run = tmp_path / "small.yaml", tmp_path / "run"
    fields = CONFIG | {
        "model": "cinn",
        "task": "pose",
        "arm": {"link_lengths": [0.5, 0.5, 0.5, 1.0]},
        "network": {"neurons": 24, "hidden_layers": 1, "bins": 6},
        "optimizer": {"learning_rate": 0.01, "schedule": "cosine"},
        "data": {"num_samples": 4000},
    }
    file.write_text(yaml.safe_dump(fields))
    assert main(["train", str(file), "--steps", "400", "--output", str(run), "--quick"]) == 0
    checkpoint = load_checkpoint(run / "model.safetensors")
    assert checkpoint.training["task"] == checkpoint.model.task.name == "pose"
    assert checkpoint.training["device"] == "cpu"
    metrics = checkpoint.metrics
    assert metrics["raw"]["e_resim"] < 1e-20
    assert metrics["converged"] == 1.0
    assert 0.3 < metrics["effective_share"]["mean"] < 1.0
    assert 0.0 <= metrics["lost"] < 0.05
    assert metrics["mmd_paper"] is None
    assert "effective share" in capsys.readouterr().out

    arguments = ["--checkpoint", str(run / "model.safetensors"), "--output", str(tmp_path / "out")]
    assert main(["evaluate", *arguments, "--quick"]) == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["evaluation"]["dof"] == 4

    solver = IKSolver.from_checkpoint(run / "model.safetensors")
    target = solver.task.forward(solver.arm, np.array([0.2, -0.1, 0.1, 0.3]))
    for exact in (False, True):
        solutions = solver.solve(target, 50, seed=0, exact=exact)
        assert len(solutions) == 50
        assert solutions.position_errors.max() < 1e-12


def test_an_arm_with_narrow_limits_is_trained_and_measured(tmp_path):
    """Most of the prior's targets have no solution within these limits."""
    arm = {
        "link_lengths": [0.4, 0.3, 0.25],
        "joint_limits": [[-3.0, 3.0], [-0.2, 0.2], [-0.2, 0.2]],
    }
    file, run = tmp_path / "narrow.yaml", tmp_path / "run"
    file.write_text(yaml.safe_dump(CONFIG | {"arm": arm | {"prior_std": 0.5}}))
    command = [
        "train",
        str(file),
        "--steps",
        "5",
        "--output",
        str(run),
        "--device",
        "cpu",
        "--quick",
    ]
    assert main(command) == 0
    metrics = load_checkpoint(run / "model.safetensors").metrics
    assert metrics["mmd2"]["floor"]["mean"] == pytest.approx(0.0, abs=0.01)
    assert metrics["mmd_paper"]["floor"]["mean"] < 0.1


def test_weights_are_kept_whatever_comes_of_measuring(tmp_path, monkeypatch):
    file, run = tmp_path / "small.yaml", tmp_path / "run"
    file.write_text(yaml.safe_dump(CONFIG))

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.commands.train.make_references", fail)
    assert main(["train", str(file), "--steps", "5", "--output", str(run), "--device", "cpu"]) == 1
    assert IKSolver.from_checkpoint(run / "model.safetensors").model == "cvae"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "nowhere.yaml"], "nowhere.yaml: No such file"),
        (["evaluate", "--model", "cvae", "--dof", "99"], "no weights for dof 99"),
        (["evaluate", "--model", "cvae"], "--dof: belongs to --model"),
        (["evaluate", "--checkpoint", "model", "--dof", "6"], "--dof: belongs to --model"),
        (["train", str(SHIPPED), "--device", "abacus"], "on which this machine computes"),
        (["train", str(SHIPPED_CINN), "--device", "cuda"], "runs on the cpu alone, got 'cuda'"),
    ],
)
def test_errors_are_one_line_and_a_status(arguments, words, capsys):
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1
