"""The solvers of one arm: shipped weights, and a network of the user's own."""

import dataclasses
import json
import pickle

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.checkpoint import load_checkpoint, save_checkpoint
from ik_nn_ros.errors import CheckpointError, InvalidRequestError, ModelNotFoundError
from ik_nn_ros.models import pretrained_path
from ik_nn_ros.models.networks import build_network, restore_network, trained_model
from ik_nn_ros.ros.errors import InvalidParameterError
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.solvers import Solvers

LIMITED_ARM = dataclasses.replace(PlanarArm.of_paper(6), joint_limits=((-0.6, 0.6),) * 6)


@pytest.fixture
def save(tmp_path):
    """Writes an untrained network of an arm."""

    def save(arm: PlanarArm, model: str = "cvae") -> str:
        network = build_network(model, arm, {"layers": 1, "neurons": 8})
        path = tmp_path / "own.safetensors"
        save_checkpoint(path, trained_model(network), {}, {})
        return str(path)

    return save


def test_every_model_solves_for_the_same_arm():
    solvers = Solvers(ServerParameters())
    found = {model: solvers.of(model) for model in ("cvae", "inn", "exact")}
    assert all(solver.model == model for model, solver in found.items())
    assert {solver.arm for solver in found.values()} == {PlanarArm.of_paper(6)}
    assert solvers.of("inn") is solvers.of("inn")


def test_poses_have_solvers_of_their_own():
    solvers = Solvers(ServerParameters(dof=4, model="exact"))
    assert solvers.of("exact", POSE).task is POSE
    assert solvers.of("exact", POSE) is solvers.of("exact", POSE)
    assert solvers.of("exact").task is POSITION
    with pytest.raises(ModelNotFoundError, match="no weights for a pose at dof 4; available:"):
        solvers.of("cvae", POSE)


def test_a_pose_of_two_joints_is_refused():
    solvers = Solvers(ServerParameters(dof=2, model="exact"))
    with pytest.raises(InvalidRequestError, match="a pose takes 3 joints or more"):
        solvers.of("exact", POSE)


def test_a_checkpoint_s_network_and_arm_are_served(save):
    arm = PlanarArm((0.4, 0.3, 0.2))
    solvers = Solvers(ServerParameters(checkpoint=save(arm)))
    assert (solvers.settings.dof, solvers.settings.model) == (3, "cvae")
    assert solvers.arm == solvers.of("cvae").arm == solvers.of("exact").arm == arm


def test_shipped_weights_are_not_served_for_another_arm(save):
    solvers = Solvers(ServerParameters(checkpoint=save(LIMITED_ARM)))
    with pytest.raises(ModelNotFoundError, match="for another arm; available: cvae, exact"):
        solvers.of("inn")


def test_a_checkpoint_for_another_number_of_joints_is_refused(save, figure):
    words = "is 5, but the checkpoint's is 6"
    with pytest.raises(InvalidParameterError, match=words):
        Solvers(ServerParameters(checkpoint=save(LIMITED_ARM), dof=5))
    figure(damage="of another DoF", refusal=words)


def test_the_arm_s_joint_limits_are_kept(tmp_path):
    network = restore_network(load_checkpoint(pretrained_path("cvae", 6)).model)
    network.arm = LIMITED_ARM
    save_checkpoint(tmp_path / "limited.safetensors", trained_model(network), {}, {})
    solvers = Solvers(ServerParameters(checkpoint=str(tmp_path / "limited.safetensors")))
    solutions = solvers.of("cvae").solve((3.2, 0.4), 500, seed=1)
    assert abs(solutions.positions).max() <= 0.6
    assert solutions.num_rejected > 0


class Payload:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self._trace = trace

    def __reduce__(self):
        return (open, (str(self._trace), "w"))


def truncated(content, tmp_path):
    return content[: len(content) // 2]


def pickled(content, tmp_path):
    return pickle.dumps(Payload(tmp_path / "trace"))


def of_a_future_format(content, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    with safe_open(source, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    description = json.loads(metadata["ik_nn_ros"]) | {"format_version": 99}
    save_file(tensors, target, metadata={"ik_nn_ros": json.dumps(description)})
    return target.read_bytes()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncated, "not a readable safetensors file"),
        (pickled, "not a readable safetensors file"),
        (of_a_future_format, "format version 99"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_and_never_unpickled(
    tmp_path, damage, words, figure
):
    path = tmp_path / "own.safetensors"
    path.write_bytes(damage(pretrained_path("cvae", 6).read_bytes(), tmp_path))
    with pytest.raises(CheckpointError, match=words):
        Solvers(ServerParameters(checkpoint=str(path)))
    assert not (tmp_path / "trace").exists()
    figure(damage=damage.__name__.replace("_", " "), refusal=words)
