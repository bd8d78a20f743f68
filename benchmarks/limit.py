"""How far the solver is from the time of its network's matrix products, and where the rest goes."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import numba
import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch.utils._python_dispatch import TorchDispatchMode

import ik_nn_ros
from benchmarks.peers.base import TOLERANCE
from benchmarks.reference import reference_solve
from benchmarks.sizes import Size
from benchmarks.solvers import DEFAULT_DOF, eager_network, fastest_solver, targets_of
from benchmarks.timing import Ratio, Timing, interleaved
from benchmarks.words import number
from ik_nn_ros.models import DEFAULT_MODEL

PARTS = (1, 5, 20, 80)  # into how many of fewer rows a product is cut: small ones stay in caches

STAGES = {
    "arguments.py": "checks and ranking",
    "ray_chart.py": "rays",
    "arm/planar_arm.py": "kinematics",
    "arm/base_joint.py": "kinematics",
    "arrays.py": "kinematics",
    "arm/projection.py": "projection",
    "arm/task.py": "checks and ranking",
    "chain": "exact sampler",
    "posterior": "exact sampler",
    "posterior/sampler.py": "checks and ranking",
    "options.py": "checks and ranking",
    "threads.py": "chunks and context",
    "solver.py": "checks and ranking",
    "models/architectures.py": "chunks and context",
    "models/rim.py": "chunks and context",
    "backends": "chunks and context",
    "backends/network_sampler.py": "random numbers",
    "backends/kernels/cinn.py": "couplings: their networks and splines",
    "backends/kernels/rays.py": "rays",
    "backends/kernels/kinematics.py": "kinematics",
}
"""Folders and files of the package, by what they do; any other one is a stage of its own name."""


@dataclass(frozen=True)
class Product:
    """A matrix product of a network: (rows, inner) times (inner, columns), so many times."""

    inner: int
    columns: int
    times: int


@dataclass(frozen=True)
class LimitResult:
    """The solver beside its network's matrix products.

    Attributes:
        samples: how many are drawn.
        products: those of one pass, each with ``samples`` rows.
        gflop: their arithmetic [1e9 operations].
        products_alone: their time in float32, in the fastest way of those that were tried.
        way: that way.
        solver: the time of `IKSolver.solve`.
        distance: the solver's time over that of the products.
        stages: shares of the solver's time, by what it does; the profiler's own time included.
    """

    samples: int
    products: list[Product]
    gflop: float
    products_alone: Timing
    way: str
    solver: Timing
    distance: Ratio
    stages: dict[str, float]


def measure_limit(size: Size, on_stage: Callable[[str], None]) -> LimitResult:
    """Of the default model and its default arm, positions alone."""
    solver = fastest_solver(DEFAULT_DOF, DEFAULT_MODEL)
    target = targets_of(DEFAULT_DOF)[0]
    products, samples = products_of_one_pass(target), size.counts[-1]
    on_stage("matrix products")
    runners = {
        f"by {library}, {number(samples // parts)} rows at a time": runner(products, samples, parts)
        for library, runner in (("PyTorch", _in_pytorch), ("OpenBLAS", _in_openblas))
        for parts in PARTS
        if samples % parts == 0
    }
    trial = interleaved(runners, max(3, size.rounds // 8))
    way = min(trial, key=lambda way: np.median(trial[way]))
    on_stage(f"{samples} samples, against the matrix products alone")
    seconds = interleaved(
        {"products": runners[way], "solver": lambda: solver.solve(target, samples)},
        max(3, size.rounds // 2),
    )
    on_stage("profile")
    operations = sum(2 * samples * one.inner * one.columns * one.times for one in products)
    return LimitResult(
        samples=samples,
        products=products,
        gflop=1e-9 * operations,
        products_alone=Timing.of(seconds["products"]),
        way=way,
        solver=Timing.of(seconds["solver"]),
        distance=Ratio.of(seconds["solver"], seconds["products"]),
        stages=stages_of(lambda: solver.solve(target, samples), rounds=max(1, size.rounds // 8)),
    )


def products_of_one_pass(target: np.ndarray) -> list[Product]:
    """The matrix products that the default network needs for the positions alone."""
    network = eager_network(DEFAULT_DOF, DEFAULT_MODEL)
    rows = 7  # no width of the network's own
    with _Products(rows) as seen:
        rng = np.random.default_rng(0)
        reference_solve(network, target, rows, rng, TOLERANCE, densities=False)
    return [Product(*shape, times) for shape, times in seen.counts.items()]


class _Products(TorchDispatchMode):
    """Counts products of matrices of so many rows, by inner dimension and columns."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.counts: Counter[tuple[int, int]] = Counter()
        self._rows = rows

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Sequence[Any] = (), keywords: Any = None
    ) -> Any:
        if function is torch.ops.aten.linear.default:
            values, weight = arguments[:2]
            if len(values) == self._rows:
                columns, inner = weight.shape
                self.counts[inner, columns] += 1
        return function(*arguments, **(keywords or {}))


def _in_pytorch(products: Sequence[Product], samples: int, parts: int) -> Callable[[], None]:
    """Runs the products of all samples in so many parts, one after the other, on all cores."""
    rows = samples // parts
    operands = [
        (torch.ones(rows, inner), torch.ones(inner, columns), torch.empty(rows, columns))
        for inner, columns in _shapes(products)
    ]

    @torch.inference_mode()
    def run() -> None:
        for _ in range(parts):
            for left, right, output in operands:
                torch.mm(left, right, out=output)

    return run


def _in_openblas(products: Sequence[Product], samples: int, parts: int) -> Callable[[], None]:
    """Runs the products of all samples in so many parts, each on one core."""
    rows, shapes = samples // parts, _shapes(products)
    left = tuple(np.ones((columns, inner), np.float32) for inner, columns in shapes)
    right = tuple(np.ones((inner, rows), np.float32) for inner, _ in shapes)
    outputs = threading.local()
    blas = ThreadpoolController().select(user_api="blas")  # looking for it takes milliseconds

    def part(_: int) -> None:
        if not hasattr(outputs, "of_thread"):
            outputs.of_thread = tuple(
                np.empty((columns, rows), np.float32) for _, columns in shapes
            )
        _multiply(left, right, outputs.of_thread)

    pool = ThreadPoolExecutor(numba.config.NUMBA_NUM_THREADS)

    def run() -> None:
        with blas.limit(limits=1):
            list(pool.map(part, range(parts)))

    return run


@numba.njit(nogil=True)
def _multiply(
    left: tuple[np.ndarray, ...], right: tuple[np.ndarray, ...], outputs: tuple[np.ndarray, ...]
) -> None:
    for i in range(len(left)):
        np.dot(left[i], right[i], outputs[i])


def _shapes(products: Sequence[Product]) -> list[tuple[int, int]]:
    return [(one.inner, one.columns) for one in products for _ in range(one.times)]


def stages_of(action: Callable[[], object], rounds: int) -> dict[str, float]:
    """Shares of an action's time by the files of the package in which it is spent.

    What a library or machine code does counts for the file that called it. Largest first.
    """
    profiler = _StageProfiler()
    # A profiler sees its own thread only.
    with patch.object(numba.config, "NUMBA_NUM_THREADS", 1):
        action()
        for _ in range(rounds):
            profiler.run(action)
    total = sum(profiler.seconds.values())
    ordered = sorted(profiler.seconds.items(), key=lambda item: -item[1])
    return {stage: seconds / total for stage, seconds in ordered}


class _StageProfiler:
    """Charges time to the innermost file of the package on the stack (see `sys.setprofile`)."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._stack = ["outside"]
        self._since = 0.0

    def run(self, action: Callable[[], object]) -> None:
        """Profile one call."""
        self._since = time.perf_counter()
        sys.setprofile(self._on_event)
        try:
            action()
        finally:
            sys.setprofile(None)

    def _on_event(self, frame: FrameType, event: str, _: object) -> None:
        if event not in ("call", "return"):
            return
        now = time.perf_counter()
        self.seconds[self._stack[-1]] += now - self._since
        if event == "call":
            self._stack.append(_stage_of(frame.f_code.co_filename) or self._stack[-1])
        elif len(self._stack) > 1:
            self._stack.pop()
        self._since = time.perf_counter()


def _stage_of(file: str) -> str | None:
    """The stage of a file; None outside the package."""
    try:
        path = Path(file).relative_to(_PACKAGE)
    except ValueError:
        return None
    first = path.parts[0]
    return STAGES.get(path.as_posix(), STAGES.get(first, Path(first).stem))


_PACKAGE = Path(ik_nn_ros.__file__).parent
