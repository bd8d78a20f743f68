"""What each kind of network is made of, without PyTorch.

Its configuration, what it sees of a target, and the tensors that its weights file holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arrays import Array
from ik_nn_ros.models.angles import ANGLE_REPRESENTATIONS
from ik_nn_ros.models.rim import rim_coordinates
from ik_nn_ros.ray_chart import missed_share

Shapes = dict[str, tuple[int, ...]]
Tensors = Mapping[str, np.ndarray]

MOST = 10_000  # of anything that a configuration counts: more is a slip of the pen


class Architecture(ABC):
    """The configuration of one kind of network.

    Attributes:
        kind: the model's name in the registry.
        has_density: whether the log density of a sample is known.
    """

    kind: ClassVar[str]
    has_density: ClassVar[bool]

    def latent_dim(self, arm: PlanarArm) -> int:
        """Width of the latent: the dimension of an arm's solution sets, unless overridden.

        Raises:
            ValueError: this kind of network cannot solve for such an arm.
        """
        return arm.dof - 2

    def features(self, arm: PlanarArm, targets: Array) -> Array:
        """What the network sees (b, 2) of targets (b, 2) [m]; themselves unless overridden."""
        return targets

    def shapes(self, arm: PlanarArm) -> Shapes:
        """The tensors in a weights file, by their names in the network's ``state_dict``.

        Raises:
            ValueError: see `latent_dim`.
        """
        return {"target_mean": (2,), "target_std": (2,), **self._own_shapes(arm)}

    def check(self, arm: PlanarArm, tensors: Tensors) -> None:
        """Raise ValueError unless these can be the tensors of a trained network."""
        shapes = self.shapes(arm)
        if odd := sorted(tensors.keys() ^ shapes.keys()):
            raise ValueError(f"tensors missing or not known: {', '.join(odd)}")
        for name, shape in shapes.items():
            if tensors[name].shape != shape:
                raise ValueError(f"{name} must be {shape}, is {tensors[name].shape}")
            if not np.isfinite(tensors[name]).all():
                raise ValueError(f"{name} must be finite")
        if not (tensors["target_std"] > 0.0).all():
            raise ValueError(f"target_std must be positive, is {tensors['target_std']}")

    @abstractmethod
    def _own_shapes(self, arm: PlanarArm) -> Shapes:
        """Of this kind of network."""


@dataclass(frozen=True)
class CVAEConfig(Architecture):
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
        _require_positive_integers(self, "layers", "neurons")
        if self.angles not in ANGLE_REPRESENTATIONS:
            allowed = ", ".join(ANGLE_REPRESENTATIONS)
            raise ValueError(f"angles must be one of {allowed}, got {self.angles!r}")

    def _own_shapes(self, arm: PlanarArm) -> Shapes:
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
class INNConfig(Architecture):
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
    min_slack: ClassVar[float] = 1e-8  # [m], where the density's Jacobian ends

    coupling_layers: int
    subnet_layers: int
    neurons: int
    clamp: float = 2.0

    def __post_init__(self) -> None:
        _require_positive_integers(self, "coupling_layers", "subnet_layers", "neurons")
        if not self.clamp > 0.0:
            raise ValueError(f"clamp must be positive, got {self.clamp}")

    def features(self, arm: PlanarArm, targets: Array) -> Array:
        return rim_coordinates(arm, targets, self.min_slack)

    def _own_shapes(self, arm: PlanarArm) -> Shapes:
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

    def check(self, arm: PlanarArm, tensors: Tensors) -> None:
        super().check(arm, tensors)
        for name in tensors:
            if name.endswith(".perm") and not _are_inverse(tensors[name], tensors[f"{name}_inv"]):
                raise ValueError(f"{name} must be a permutation, {name}_inv its inverse")


@dataclass(frozen=True)
class CINNConfig(Architecture):
    """The flow over the directions of rays.

    Attributes:
        coupling_layers: rational-quadratic spline couplings (Durkan et al. 2019).
        subnet_layers: hidden layers of each coupling's network.
        neurons: width of each.
        bins: of each spline.
    """

    kind = "cinn"
    has_density = True
    min_slack: ClassVar[float] = 1e-12  # [m]
    most_missed: ClassVar[float] = 1e-3  # of the prior, by the ray chart

    coupling_layers: int
    subnet_layers: int
    neurons: int
    bins: int = 8

    def __post_init__(self) -> None:
        _require_positive_integers(self, "coupling_layers", "subnet_layers", "neurons", "bins")
        if self.bins < 2:
            raise ValueError(f"bins must be 2 or more, got {self.bins}")

    def latent_dim(self, arm: PlanarArm) -> int:
        if arm.dof < 3:
            raise ValueError("cinn needs 3 or more joints: the rays of 2 have but two directions")
        if (missed := missed_share(arm)) > self.most_missed:
            raise ValueError(
                f"cinn cannot represent {missed:.1%} of this arm's prior, at most "
                f"{self.most_missed:.1%} is allowed: its rays end where they first reach the "
                "target's distance; a narrower prior curls less"
            )
        return arm.dof - 1  # directions of rays, and a length of the vectors that have them

    def features(self, arm: PlanarArm, targets: Array) -> Array:
        return rim_coordinates(arm, targets, self.min_slack)

    def masks(self, arm: PlanarArm) -> Iterator[np.ndarray]:
        """Which dimensions (n,) each coupling reads, to move the others by them.

        Every second one, the first half, and their opposites.
        """
        position = np.arange(self.latent_dim(arm))
        for index in range(self.coupling_layers):
            every_second = index // 2 % 2 == 0
            mask = position % 2 == 1 if every_second else position < len(position) // 2
            yield mask if index % 2 == 0 else ~mask

    def _own_shapes(self, arm: PlanarArm) -> Shapes:
        n = self.latent_dim(arm)
        hidden = [self.neurons] * self.subnet_layers
        shapes = {"flow.base._0": (n,), "flow.base._1": (n,), "to_joints": (n, n)}
        shapes |= _mlp("flow.transform.transforms.0.hyper", 2, *hidden, 2 * n)
        for index, mask in enumerate(self.masks(arm), start=1):
            coupling, read = f"flow.transform.transforms.{index}", int(mask.sum())
            shapes[f"{coupling}.mask"] = (n,)
            outputs = (n - read) * (3 * self.bins - 1)
            shapes |= _mlp(f"{coupling}.hyper", read + 2, *hidden, outputs)
        return shapes

    def check(self, arm: PlanarArm, tensors: Tensors) -> None:
        super().check(arm, tensors)
        for index, mask in enumerate(self.masks(arm), start=1):
            name = f"flow.transform.transforms.{index}.mask"
            if not np.array_equal(tensors[name], mask):
                raise ValueError(f"{name} must be {mask}, is {tensors[name]}")
        if np.linalg.matrix_rank(tensors["to_joints"].astype(np.float64)) < self.latent_dim(arm):
            raise ValueError("to_joints must have an inverse")


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
    return (
        permutation.dtype == inverse.dtype == np.int64
        and np.array_equal(np.sort(permutation), np.arange(len(permutation)))
        and np.array_equal(np.argsort(permutation), inverse)
    )


def _require_positive_integers(config: object, *names: str) -> None:
    """Raise ValueError unless the named fields of a configuration are integers from 1 to MOST."""
    for name in names:
        value = getattr(config, name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
            raise ValueError(f"{name} must be a positive integer up to {MOST}, got {value!r}")
