"""The loop: it learns, it is deterministic, it resumes exactly, it says when it fails."""

import math
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ik_nn_ros.backends.eager import eager_sampler
from ik_nn_ros.posterior.weighted import effective_shares
from measuring.metrics import resimulation
from training.train.config import TrainingConfig
from training.train.data import make_dataset
from training.train.run import MODEL_FILE, STATE_FILE, RunFolderError, train
from training.train.trainer import Trainer, TrainingDivergedError

ROOT = Path(__file__).resolve().parents[3]
CVAE = {
    "model": "cvae",
    "arm": {"link_lengths": [0.5, 0.5, 1.0]},
    "network": {"layers": 2, "neurons": 32},
    "optimizer": {"learning_rate": 0.003, "schedule": "cosine"},
    "data": {"num_samples": 10_000},
    "batch_size": 200,
}
CINN = CVAE | {
    "model": "cinn",
    "arm": {"link_lengths": [0.5, 0.5, 0.5, 1.0]},
    "network": {"neurons": 24, "hidden_layers": 1, "bins": 6},
    "optimizer": {"learning_rate": 0.01, "schedule": "cosine", "muon": 2.0},
    "data": {"num_samples": 4000},
}
CINN_POSE = CINN | {"task": "pose"}
INN = CVAE | {
    "model": "inn",
    "arm": {"link_lengths": [0.5, 0.5, 0.5, 0.5, 1.0]},
    "network": {"coupling_layers": 4, "subnet_layers": 2, "neurons": 32},
    "objective": {
        "fit_weight": 10,
        "latent_weight": 100,
        "reconstruction_weight": 0.1,
        "sample_weight": 100,
    },
}


def silent(step, total_steps, terms):
    """A listener that is not interested."""


def weights(folder):
    return torch.load(folder / STATE_FILE, weights_only=True)["trainer"]["network"]


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def e_resim(network, targets):
    sampler = eager_sampler(network)
    samples = sampler.sample(targets, 1, np.random.default_rng(0)).positions[:, 0]
    return resimulation(network.arm.forward(samples), targets).e_resim


@pytest.mark.parametrize("fields", [CVAE, INN], ids=["cvae", "inn"])
def test_a_short_training_beats_an_untrained_network_by_far(tmp_path, fields):
    config = TrainingConfig(**fields)
    trained = train(config, tmp_path, "cpu", 400, silent)
    targets = trained.data.test.targets.double().numpy()
    untrained = config.build_network()
    untrained.fit_target_scale(trained.data.train.targets)
    assert e_resim(trained.network, targets) < 0.1 * e_resim(untrained, targets)


def mean_effective_share(network, count=30):
    """The mean effective share of 200 draws on each of some targets of the prior."""
    sampler, rng = eager_sampler(network), np.random.default_rng(5)
    targets = network.task.forward(network.arm, network.arm.sample_prior(count, rng))
    draws = [sampler.draw(target, 200, rng).log_weights for target in targets]
    return effective_shares(np.array(draws)).mean()


@pytest.mark.parametrize("fields", [CINN, CINN_POSE], ids=["position", "pose"])
def test_most_draws_of_a_cinn_are_effective_after_a_short_training(tmp_path, fields):
    config = TrainingConfig(**fields)
    trained = train(config, tmp_path, "cpu", 600, silent)
    untrained = config.build_network()
    trained.data.train.fit(untrained)
    before, after = map(mean_effective_share, (untrained, trained.network))
    assert after > 0.5
    assert after > before + 0.2


@pytest.mark.parametrize("fields", [CVAE, INN, CINN], ids=["cvae", "inn", "cinn"])
def test_the_seed_fixes_the_result(tmp_path, fields):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(TrainingConfig(**fields, seed=seed), tmp_path / name, "cpu", 20, silent)
    assert_same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    with pytest.raises(AssertionError):
        assert_same(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.parametrize("fields", [CVAE, CINN_POSE], ids=["cvae", "cinn"])
def test_a_killed_run_resumes_to_the_very_weights_of_an_uninterrupted_one(tmp_path, fields):
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(fields, sort_keys=False))
    command = [sys.executable, "-m", "training", "train", str(file), "--steps", "3000", "--quick"]
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        [*command, "--output", str(folder), "--device", "cpu"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    while not (folder / STATE_FILE).exists():
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    saved = torch.load(folder / STATE_FILE, weights_only=True)["trainer"]["step"]
    assert 0 < saved < 3000

    config = TrainingConfig(**fields)
    steps = []
    train(config, folder, "cpu", 3000, lambda step, total, terms: steps.append(step))
    assert steps[0] > saved
    train(config, tmp_path / "uninterrupted", "cpu", 3000, silent)
    assert_same(weights(folder), weights(tmp_path / "uninterrupted"))


def test_a_loss_that_is_not_finite_ends_with_the_step_s_number(tmp_path):
    config = TrainingConfig(**CVAE | {"optimizer": {"learning_rate": 1e30}})
    with pytest.raises(TrainingDivergedError, match="diverged at step") as caught:
        train(config, tmp_path, "cpu", 100, silent)
    assert 1 < caught.value.step < 50
    assert caught.value.terms.keys() == {"reconstruction", "kl"}


def test_the_state_of_another_training_is_not_continued(tmp_path):
    train(TrainingConfig(**CVAE), tmp_path, "cpu", 2, silent)
    with pytest.raises(RunFolderError, match="holds another training"):
        train(TrainingConfig(**CVAE, seed=9), tmp_path, "cpu", 2, silent)


@pytest.mark.parametrize("size", [0, 1000])
def test_a_state_that_is_damaged_is_said(tmp_path, size):
    train(TrainingConfig(**CVAE), tmp_path, "cpu", 2, silent)
    state = tmp_path / STATE_FILE
    state.write_bytes(state.read_bytes()[:size])
    with pytest.raises(RunFolderError, match="has a damaged state.pt"):
        train(TrainingConfig(**CVAE), tmp_path, "cpu", 2, silent)


def test_a_state_of_another_kind_is_said(tmp_path):
    config = TrainingConfig(**CVAE)
    train(config, tmp_path, "cpu", 2, silent)
    state = torch.load(tmp_path / STATE_FILE, weights_only=True)
    for other in ({"step": 2}, [2], None, state | {"trainer": {}}, state | {"seconds": "long"}):
        torch.save(other, tmp_path / STATE_FILE)
        with pytest.raises(RunFolderError, match="has a damaged state.pt"):
            train(config, tmp_path, "cpu", 2, silent)


def test_a_folder_that_cannot_be_written_is_said_before_the_training(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="cannot be written"):
        train(TrainingConfig(**CVAE), tmp_path / "file" / "run", "cpu", 10**9, silent)


def test_a_disk_without_room_is_said_before_the_training(tmp_path, monkeypatch):
    full = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    with pytest.raises(RunFolderError, match="has 1 MB free on its disk; the training writes"):
        train(TrainingConfig(**CVAE), tmp_path, "cpu", 10**9, silent)


def test_a_disk_that_fills_up_is_said(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(RunFolderError, match="cannot take the state of step 20"):
            train(TrainingConfig(**CVAE), tmp_path, "cpu", 20, silent)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_test_loss_falls():
    trainer = Trainer(TrainingConfig(**CVAE), "cpu", 400)
    before = trainer.test_loss()
    trainer.advance(400)
    assert trainer.finished
    assert trainer.test_loss() < 0.5 * before


@pytest.mark.parametrize("fields", [CINN, CINN_POSE], ids=["position", "pose"])
def test_a_cinn_s_losses_fall_by_nats(fields):
    """Of seen and of unseen lessons alike; even densities are where it begins."""
    trainer = Trainer(TrainingConfig(**fields), "cpu", 200)
    unseen = trainer.test_loss()
    seen = sum(trainer.advance(1).values())
    after = sum(trainer.advance(199).values())
    assert trainer.finished
    free = trainer.network.mean.shape[0]
    assert after < seen - 0.4 * free
    assert trainer.test_loss() < unseen - 0.4 * free


def test_a_cinn_that_continues_from_a_state_ends_with_the_same_weights():
    config = TrainingConfig(**CINN)
    whole, first, second = (Trainer(config, "cpu", 30) for _ in range(3))
    whole.advance(30)
    first.advance(17)
    second.load_state_dict(first.state_dict())
    assert second.step == 17
    second.advance(13)
    assert_same(whole.network.state_dict(), second.network.state_dict())


def test_a_cinn_trains_on_one_of_pytorch_s_threads_and_gives_the_others_back(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    seen = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    Trainer(TrainingConfig(**CINN), "cpu", 2).advance(1)
    assert seen == [1, 7]
    Trainer(TrainingConfig(**CVAE), "cpu", 2).advance(1)
    assert seen[2:] == [7]
    assert threads >= 1


def test_every_test_sample_counts_alike():
    trainer = Trainer(TrainingConfig(**CVAE | {"batch_size": 2999}), "cpu", 1)
    losses = []
    for _ in range(2):
        losses.append(trainer.test_loss())
        test = trainer.data.test
        test.theta[-1] = math.nan  # alone in the last batch
    assert math.isfinite(losses[0])
    assert math.isnan(losses[1])


def test_the_dataset_is_the_prior_s_and_its_parts_are_disjoint():
    config = TrainingConfig(**CVAE)
    arm = config.build_arm()
    split = make_dataset(arm, config.data, "cpu")
    assert (len(split.train), len(split.test)) == (7000, 3000)
    assert split.train.theta.std().item() == pytest.approx(0.2, rel=0.02)
    torch.testing.assert_close(arm.forward(split.test.theta), split.test.targets)
    assert len(torch.unique(torch.cat((split.train.theta, split.test.theta)), dim=0)) == 10_000


def test_weights_that_could_not_be_written_are_said_before_the_training(tmp_path):
    (tmp_path / MODEL_FILE).mkdir()
    with pytest.raises(RunFolderError, match=f"cannot be written: {MODEL_FILE} is a folder"):
        train(TrainingConfig(**CVAE), tmp_path, "cpu", 2, silent)
