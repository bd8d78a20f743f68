"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.timing import Ratio, interleaved

VERSIONS = ("numba", "numpy", "scipy", "torch", "ikpy", "pin")
ROUNDS, PRODUCTS, WIDTH = 5, 50, 300  # how often, how many, and how large matrix products are


@dataclass(frozen=True)
class Machine:
    """A machine and its software.

    Attributes:
        processor: its model's name.
        cores: of this process.
        torch_threads, solver_threads: of one operation of PyTorch, of one answer of the solver.
        memory: [GiB].
        python: its version.
        versions: of the packages that count, where they are installed.
        load: the mean number of running processes over the minute before the measurement.
        scaling: how many times as fast as on one core matrix products are on all of them, before
            the measurement: less than ``cores`` where they share what they compute with.
    """

    processor: str
    cores: int
    torch_threads: int
    solver_threads: int
    memory: float
    python: str
    versions: dict[str, str]
    load: float
    scaling: float

    @classmethod
    def here(cls) -> Machine:
        """This one, now."""
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        total_kb = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
        installed = {
            distribution.metadata["Name"].lower(): distribution.version
            for distribution in importlib.metadata.distributions()
        }
        cores = len(os.sched_getaffinity(0))
        return cls(
            processor=model[1] if model else platform.processor(),
            cores=cores,
            torch_threads=torch.get_num_threads(),
            solver_threads=numba.config.NUMBA_NUM_THREADS,
            memory=int(total_kb[1]) / 2**20,
            python=platform.python_version(),
            versions={name: installed[name] for name in VERSIONS if name in installed},
            load=os.getloadavg()[0],
            scaling=_scaling(cores),
        )


def _scaling(cores: int) -> float:
    """See `Machine.scaling`."""
    matrices = [np.ones((WIDTH, WIDTH), np.float32) for _ in range(cores)]
    with threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        seconds = interleaved(
            {
                count: lambda count=count: list(pool.map(_multiply, matrices[:count]))
                for count in (1, cores)
            },
            ROUNDS,
        )
    return cores * Ratio.of(seconds[1], seconds[cores]).median


def _multiply(matrix: np.ndarray) -> None:
    for _ in range(PRODUCTS):
        matrix @ matrix
