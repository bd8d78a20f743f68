"""What each kind of network is made of, without PyTorch.

Its configuration, what it sees of a target, and the tensors that its weights file holds.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Protocol

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSITION, TASKS, Task
from ik_nn_ros.arrays import Array
from ik_nn_ros.chain.chain_array import SLOTS, chain_array, num_features
from ik_nn_ros.models.angles import ANGLE_REPRESENTATIONS
from ik_nn_ros.models.rim import rim_coordinates

Shapes = dict[str, tuple[int, ...]]
Tensors = Mapping[str, np.ndarray]

MOST_LAYERS, MOST_NEURONS = 100, 10_000  # more is a slip of the pen
MOST_NUMBERS = 20_000_000  # of a network; the largest that is searched for has 18 million
FLOAT, INDEX = np.dtype(np.float32), np.dtype(np.int64)


class Typed(Protocol):
    """An array, or what a file says of one."""

    dtype: np.dtype
    shape: tuple[int, ...]


class Architecture(ABC):
    """The configuration of one kind of network.

    Attributes:
        kind: the model's name in the registry.
        tasks: the names of those that it can learn.
    """

    kind: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = (POSITION.name,)

    @abstractmethod
    def shapes(self, arm: PlanarArm, task: Task) -> Shapes:
        """The tensors in a weights file, by their names in the network's ``state_dict``.

        Raises:
            ValueError: this kind of network cannot solve for such an arm and task.
        """

    def free_joints(self, arm: PlanarArm, task: Task) -> int:
        """How many joints may stand anywhere, before the others follow from a target.

        Raises:
            ValueError: none.
        """
        if arm.dof <= task.closing_joints:
            raise ValueError(
                f"{self.kind} needs {task.closing_joints + 1} or more joints for a {task.name}: "
                "fewer leave finitely many solutions, all of which exact gives"
            )
        return arm.dof - task.closing_joints

    def require_task(self, task: Task) -> None:
        """Raise ValueError unless this kind of network can learn a task."""
        if task.name not in self.tasks:
            raise ValueError(f"{self.kind} learns {', '.join(self.tasks)}, not {task.name}")

    def dtype(self, name: str) -> np.dtype:
        """The type of a tensor's numbers."""
        return FLOAT

    def require_storable(self, arm: PlanarArm, task: Task) -> None:
        """Raise ValueError unless there is such a network, and a weights file may hold it."""
        numbers = sum(map(math.prod, self.shapes(arm, task).values()))
        if numbers > MOST_NUMBERS:
            raise ValueError(
                f"{self.kind} would have {numbers} numbers, at most {MOST_NUMBERS} are kept"
            )

    def check_types(self, arm: PlanarArm, task: Task, tensors: Mapping[str, Typed]) -> None:
        """Raise ValueError unless tensors have the names, types and shapes of this network's."""
        self.require_task(task)
        shapes = self.shapes(arm, task)
        if odd := sorted(tensors.keys() ^ shapes.keys()):
            raise ValueError(f"tensors missing or not known: {', '.join(odd)}")
        for name, shape in shapes.items():
            dtype, tensor = self.dtype(name), tensors[name]
            if tensor.shape != shape:
                raise ValueError(f"{name} must be {shape}, is {tensor.shape}")
            if tensor.dtype != dtype:
                raise ValueError(f"{name} must be {dtype}, is {tensor.dtype}")

    def check_values(self, tensors: Tensors) -> None:
        """Raise ValueError unless tensors of the right types can be a trained network's."""
        for name, tensor in tensors.items():
            if not np.isfinite(tensor).all():
                raise ValueError(f"{name} must be finite")


class LatentArchitecture(Architecture):
    """The configuration of a network from a target and a normal latent to a configuration.

    Attributes:
        has_density: whether the log density of a sample is known.
    """

    has_density: ClassVar[bool]

    def latent_dim(self, arm: PlanarArm) -> int:
        """Width of the latent: the dimension of an arm's solution sets.

        Raises:
            ValueError: it is 0, and a network would give one of several solutions.
        """
        return self.free_joints(arm, POSITION)

    def features(self, arm: PlanarArm, targets: Array) -> Array:
        """What the network sees (b, 2) of targets (b, 2) [m]; themselves unless overridden."""
        return targets

    def shapes(self, arm: PlanarArm, task: Task) -> Shapes:
        return {"target_mean": (2,), "target_std": (2,), **self._own_shapes(arm)}

    def check_values(self, tensors: Tensors) -> None:
        super().check_values(tensors)
        if not (tensors["target_std"] > 0.0).all():
            raise ValueError(f"target_std must be positive, is {tensors['target_std']}")

    @abstractmethod
    def _own_shapes(self, arm: PlanarArm) -> Shapes:
        """Of this kind of network."""


@dataclass(frozen=True)
class CVAEConfig(LatentArchitecture):
    """Table III of the paper.

    Attributes:
        layers: hidden layers of the encoder, and of the decoder.
        neurons: width of each.
        angles: how it represents them, "plain", "wrapped" or "vector"; see `models.angles`.
    """

    kind = "cvae"
    has_density = False

    layers: int
    neurons: int
    angles: str = "plain"

    def __post_init__(self) -> None:
        _require_integers(self, MOST_LAYERS, "layers")
        _require_integers(self, MOST_NEURONS, "neurons")
        if self.angles not in ANGLE_REPRESENTATIONS:
            allowed = ", ".join(ANGLE_REPRESENTATIONS)
            raise ValueError(f"angles must be one of {allowed}, got {self.angles!r}")

    def _own_shapes(self, arm: PlanarArm) -> Shapes:
        if arm.base == "rail" and self.angles != "plain":
            raise ValueError(f"angles must be plain on a rail, got {self.angles!r}")
        latents = self.latent_dim(arm)
        width = ANGLE_REPRESENTATIONS[self.angles].width_per_joint * arm.dof
        hidden = [self.neurons] * self.layers
        return {
            **_mlp("encoder", width + 2, *hidden),
            **_linear("latent_mean", self.neurons, latents),
            **_linear("latent_log_variance", self.neurons, latents),
            **_mlp("decoder", latents + 2, *hidden, width),
        }


@dataclass(frozen=True)
class INNConfig(LatentArchitecture):
    """Table IV of the paper.

    Attributes:
        coupling_layers: RNVP coupling blocks, each with four subnets (scale and shift of both
            halves); fixed random permutations lie between them.
        subnet_layers: linear layers of each subnet.
        neurons: width of a subnet.
        clamp: bound of the log scale of one coupling.
    """

    kind = "inn"
    has_density = True
    min_slack: ClassVar[float] = 1e-8  # [arm's units], where the density's Jacobian ends

    coupling_layers: int
    subnet_layers: int
    neurons: int
    clamp: float = 2.0

    def __post_init__(self) -> None:
        _require_integers(self, MOST_LAYERS, "coupling_layers", "subnet_layers")
        _require_integers(self, MOST_NEURONS, "neurons")
        if not 0.0 < self.clamp < math.inf:
            raise ValueError(f"clamp must be a positive number, got {self.clamp}")

    def features(self, arm: PlanarArm, targets: Array) -> Array:
        return rim_coordinates(arm, targets, self.min_slack * arm.unit)

    def _own_shapes(self, arm: PlanarArm) -> Shapes:
        self.latent_dim(arm)
        first = round(arm.dof / 2)  # FrEIA's way to halve
        second = arm.dof - first
        hidden = [self.neurons] * (self.subnet_layers - 1)
        shapes: Shapes = {}
        for index in range(self.coupling_layers):
            block, permutation = (f"flow.module_list.{2 * index + shift}" for shift in (0, -1))
            if index > 0:
                shapes |= {f"{permutation}.perm": (arm.dof,), f"{permutation}.perm_inv": (arm.dof,)}
            for subnet in ("s", "t"):
                shapes |= _mlp(f"{block}.subnet_{subnet}1", first, *hidden, second)
                shapes |= _mlp(f"{block}.subnet_{subnet}2", second, *hidden, first)
        return shapes

    def dtype(self, name: str) -> np.dtype:
        return INDEX if name.endswith((".perm", ".perm_inv")) else FLOAT

    def check_values(self, tensors: Tensors) -> None:
        super().check_values(tensors)
        for name in tensors:
            if name.endswith(".perm") and not _are_inverse(tensors[name], tensors[f"{name}_inv"]):
                raise ValueError(f"{name} must be a permutation, {name}_inv its inverse")


@dataclass(frozen=True)
class CINNConfig(Architecture):
    """A network of the chain's conditionals, one for each free joint, see `ik_nn_ros.chain`.

    It says, of a state's features, how the mass of the joint's conditional is shared between the
    slots of its range, and each slot's quantile function: its rises and rates at the knots of
    `posterior.quantiles`.

    Attributes:
        neurons: width of each hidden layer.
        hidden_layers: of each joint's network.
        bins: between the knots of each quantile function.
    """

    kind = "cinn"
    tasks = tuple(TASKS)
    least_rise: ClassVar[float] = 1e-5  # of a quantile function, from knot to knot
    most_log_rate: ClassVar[float] = 9.0  # either way
    most_deviations: ClassVar[float] = 6.0  # of a feature, from its mean

    neurons: int = 48
    hidden_layers: int = 2
    bins: int = 10

    def __post_init__(self) -> None:
        _require_integers(self, MOST_LAYERS, "hidden_layers")
        _require_integers(self, MOST_NEURONS, "neurons", "bins")

    def outputs(self, slots: int) -> int:
        """What the network says of a joint with so many slots: masses, rises and rates."""
        return slots * (1 + self.bins + self.bins + 1)

    def shapes(self, arm: PlanarArm, task: Task) -> Shapes:
        joints = self.free_joints(arm, task)
        chain = chain_array(arm, task)
        features = num_features(chain)
        outputs = self.outputs(int(chain[:joints, SLOTS].max()))
        widths = [features, *[self.neurons] * self.hidden_layers, outputs]
        shapes: Shapes = {"mean": (joints, features), "std": (joints, features)}
        for layer, (width_in, width_out) in enumerate(pairwise(widths)):
            shapes[f"weights.{layer}"] = (joints, width_in, width_out)
            shapes[f"biases.{layer}"] = (joints, width_out)
        return shapes

    def check_values(self, tensors: Tensors) -> None:
        super().check_values(tensors)
        if not (tensors["std"] > 0.0).all():
            raise ValueError(f"std must be positive, is {tensors['std']}")


def _mlp(prefix: str, *widths: int) -> Shapes:
    """Linear layers between the widths, with an activation after each but the last."""
    shapes: Shapes = {}
    for index, (width_in, width_out) in enumerate(zip(widths, widths[1:], strict=False)):
        shapes |= _linear(f"{prefix}.{2 * index}", width_in, width_out)
    return shapes


def _linear(prefix: str, width_in: int, width_out: int) -> Shapes:
    return {f"{prefix}.weight": (width_out, width_in), f"{prefix}.bias": (width_out,)}


def _are_inverse(permutation: np.ndarray, inverse: np.ndarray) -> bool:
    """Whether two arrays of indices (n,) are permutations that undo one another."""
    return np.array_equal(np.sort(permutation), np.arange(len(permutation))) and np.array_equal(
        np.argsort(permutation), inverse
    )


def _require_integers(config: object, most: int, *names: str) -> None:
    """Raise ValueError unless the named fields of a configuration are integers from 1 to most."""
    for name in names:
        value = getattr(config, name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise ValueError(f"{name} must be a positive integer up to {most}, got {value!r}")
