"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import numba
import torch

from benchmarks.timing import seconds_of

VERSIONS = ("numba", "numpy", "scipy", "torch", "onnxruntime", "openvino", "ikpy", "pin")
LOOPS, LOOP_LENGTH = 20, 1_000_000


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
        loops: how long the same loop of plain Python took before the measurement, from the quickest
            to the slowest time [s]: far apart where the host has other work for its processor.
    """

    processor: str
    cores: int
    torch_threads: int
    solver_threads: int
    memory: float
    python: str
    versions: dict[str, str]
    load: float
    loops: tuple[float, float]

    @classmethod
    def here(cls) -> Machine:
        """This one, now."""
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        total_kb = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
        installed = {
            distribution.metadata["Name"].lower(): distribution.version
            for distribution in importlib.metadata.distributions()
        }
        loops = [seconds_of(_loop) for _ in range(LOOPS)]
        return cls(
            processor=model[1] if model else platform.processor(),
            cores=len(os.sched_getaffinity(0)),
            torch_threads=torch.get_num_threads(),
            solver_threads=numba.config.NUMBA_NUM_THREADS,
            memory=int(total_kb[1]) / 2**20,
            python=platform.python_version(),
            versions={name: installed[name] for name in VERSIONS if name in installed},
            load=os.getloadavg()[0],
            loops=(min(loops), max(loops)),
        )


def _loop() -> None:
    for _ in range(LOOP_LENGTH):
        pass
