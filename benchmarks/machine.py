"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import torch

VERSIONS = ("numba", "numpy", "scipy", "torch", "onnxruntime", "openvino", "ikpy", "pin")


@dataclass(frozen=True)
class Machine:
    """A machine and its software.

    Attributes:
        processor: its model's name.
        cores: of this process.
        torch_threads: of one operation of PyTorch.
        memory: [GiB].
        python: its version.
        versions: of the packages that count, where they are installed.
        load: the mean number of running processes over the minute before the measurement.
    """

    processor: str
    cores: int
    torch_threads: int
    memory: float
    python: str
    versions: dict[str, str]
    load: float

    @classmethod
    def here(cls) -> Machine:
        """This one, now."""
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        total_kb = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
        installed = {
            distribution.metadata["Name"].lower(): distribution.version
            for distribution in importlib.metadata.distributions()
        }
        return cls(
            processor=model[1] if model else platform.processor(),
            cores=len(os.sched_getaffinity(0)),
            torch_threads=torch.get_num_threads(),
            memory=int(total_kb[1]) / 2**20,
            python=platform.python_version(),
            versions={name: installed[name] for name in VERSIONS if name in installed},
            load=os.getloadavg()[0],
        )
