"""Arguments of any kind are taken as they were meant, or refused by the package's own errors."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import torch

from ik_nn_ros import CheckpointError, IKError, IKSolver, InvalidRequestError, PlanarArm
from ik_nn_ros.arguments import MAX_SAMPLES
from ik_nn_ros.arm.files import load_arm
from ik_nn_ros.errors import ArmFileError, InvalidArmError, UrdfError
from ik_nn_ros.path import follow

TARGET = (2.2, 0.4)
TENSOR = torch.tensor(TARGET, dtype=torch.float64, requires_grad=True)
MASKED = np.ma.array(TARGET, mask=[False, True])
HUGE = 10**400


@pytest.fixture(scope="module")
def solver():
    return IKSolver.from_pretrained(4, "exact")


@pytest.mark.parametrize(
    "given",
    [
        {"target": TENSOR},
        {"target": [TENSOR[0], TENSOR[1]]},
        {"target": (np.float64(2.2), np.array(0.4))},
        {"target": (Decimal("2.2"), Decimal("0.4"))},
        {"target": np.ma.array(TARGET)},
        {"num_samples": np.int8(5)},
        {"num_samples": torch.tensor(5)},
        {"seed": np.uint64(1)},
        {"seed": torch.tensor(1)},
        {"position_tolerance": None, "heading_tolerance": None},
        {"position_tolerance": torch.tensor(1e-6, requires_grad=True)},
        {"refine": np.bool_(True)},
        {"refine": 1},
        {"seed_state": torch.zeros(4, requires_grad=True)},
    ],
    ids=str,
)
def test_what_is_meant_is_taken(solver, given):
    wanted = solver.solve(TARGET, 5, 1, seed_state=[0.0] * 4 if "seed_state" in given else None)
    answer = solver.solve(**({"target": TARGET, "num_samples": 5, "seed": 1} | given))
    np.testing.assert_array_equal(answer.positions, wanted.positions)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("target", value)
            for value in (
                *("2.2", ("2.2", "0.4"), b"22", (2.2 + 1j, 0.4), (True, False), None, (None, 0.4)),
                *([[1.0, 2.0], [3.0]], (HUGE, 0.4), {"x": 1.0}, MASKED, [MASKED], iter(TARGET)),
            )
        ),
        *(
            ("num_samples", value)
            for value in (True, 5.0, MAX_SAMPLES + 1, HUGE, None, "5", torch.tensor(True), [5])
        ),
        *(("seed", value) for value in (True, 1.0, "1", -1, np.array([1]))),
        *(
            (name, value)
            for name in ("position_tolerance", "heading_tolerance")
            for value in (True, HUGE, "1e-6", np.array([1e-6]), np.ma.masked, 1j)
        ),
        *(("refine", value) for value in (None, "no", 2, 0.0, np.array([1, 0]))),
        *(
            ("seed_state", value)
            for value in ("abcd", {"a": 1}, ["1"] * 4, [True] * 4, [1e300] * 4)
        ),
        *(("options", value) for value in ({"refine": False}, "raw")),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0][:30],
)
def test_what_nobody_can_mean_is_refused_by_its_name(solver, field, value):
    with pytest.raises(InvalidRequestError) as caught:
        solver.solve(**({"target": TARGET, "num_samples": 5} | {field: value}))
    assert caught.value.field == field
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("targets", ["12", None, ["12", "34"], [(1, 2), (3,)], [MASKED], {1, 2}])
def test_several_targets_are_checked_alike(solver, targets):
    for answer in (solver.solve_many, solver.sample, lambda given: [*follow(solver, given)]):
        with pytest.raises(InvalidRequestError, match="targets: must be"):
            answer(targets)
    assert len(solver.solve_many([TENSOR, TENSOR], 5)) == 2


@pytest.mark.parametrize("value", [0.0, None, "0.2", True, HUGE, np.nan])
def test_the_largest_step_of_a_path_is_a_positive_number(solver, value):
    with pytest.raises(InvalidRequestError, match="max_joint_step: must be positive"):
        next(follow(solver, [TARGET], max_joint_step=value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("dof", value) for value in ("4", True, 4.0, 1, 10**6, HUGE, None)),
        *(("model", value) for value in (None, ["cinn"], 3)),
        *(("task", value) for value in (None, ["pose"], "both")),
        *(("backend", value) for value in (None, ["numba"])),
        *(("device", value) for value in (None, "gpu", 3)),
    ],
)
def test_what_names_no_model_is_refused(field, value):
    with pytest.raises(InvalidRequestError) as caught:
        IKSolver.from_pretrained(**({"dof": 4, "model": "cinn"} | {field: value}))
    assert caught.value.field == field


def test_a_model_is_named_in_any_way():
    solver = IKSolver.from_pretrained(np.int64(4), "cinn", torch.device("cpu"))
    assert IKSolver.from_pretrained(4, task=solver.task).task is solver.task
    with pytest.raises(InvalidRequestError, match="arm: must be a PlanarArm"):
        IKSolver.exact([0.3, 0.3])


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    weights = Path(__file__).parents[2] / "ik_nn_ros" / "weights" / "cinn_4.safetensors"
    (tmp_path / "mine.safetensors").symlink_to(weights)
    assert IKSolver.from_checkpoint("~/mine.safetensors").arm == PlanarArm.of_paper(4)
    (tmp_path / "mine.urdf").write_text(PlanarArm.of_paper(3).to_urdf())
    assert PlanarArm.from_urdf("~/mine.urdf") == load_arm("~/mine.urdf") == PlanarArm.of_paper(3)
    (tmp_path / "mine.yaml").write_text("arm: {link_lengths: [0.3, 0.3]}")
    assert load_arm("~/mine.yaml") == PlanarArm([0.3, 0.3])


@pytest.mark.parametrize("path", [None, 3, "a\0b", "~nobody-of-this-name/x", "", "x" * 5000])
def test_what_is_no_path_is_refused(path):
    with pytest.raises((InvalidRequestError, CheckpointError)):
        IKSolver.from_checkpoint(path)
    with pytest.raises(ArmFileError):
        load_arm(path)
    with pytest.raises(UrdfError):
        PlanarArm.from_urdf(path)


@pytest.mark.parametrize("count", [True, "2", 2.0, None, 0, 6, HUGE])
def test_representatives_are_counted(solver, count):
    with pytest.raises(InvalidRequestError, match="num_representatives"):
        solver.solve(TARGET, 5, 1).representatives(count)


@pytest.mark.parametrize(
    "fields",
    [
        *({"prior": value} for value in (None, 3, [["normal"], "normal"])),
        *({"base": value} for value in (None, ["rail"])),
        *({"joint_names": value} for value in (3, "ab", [1, 2])),
        *({"joint_limits": value} for value in ("ab", 3, [(0.0, HUGE)] * 2)),
        *({"link_lengths": value} for value in (None, 3, [HUGE, 1], [0.3, None])),
    ],
    ids=str,
)
def test_what_says_no_arm_is_refused(fields):
    with pytest.raises(InvalidArmError):
        PlanarArm(**({"link_lengths": [0.3, 0.3]} | fields))
    assert issubclass(InvalidArmError, IKError)
