"""The parts of a benchmark, one file of results each: what measures them, and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmarks.comparison import PeerResult, compare
from benchmarks.growth import BatchResult, SamplesResult, measure_batches, measure_samples
from benchmarks.machine import Machine
from benchmarks.own_arm import OwnArmResult, measure_own_arm
from benchmarks.service_results import ServiceResult
from benchmarks.size import Size
from measuring.files import read_file, write_file
from measuring.stages import OnStage

T = TypeVar("T")


def _measure_service(size: Size, on_stage: OnStage) -> ServiceResult:
    # Here, because the other parts do without ROS.
    from benchmarks.service import measure_service

    return measure_service(size, on_stage)


@dataclass(frozen=True)
class Part:
    """A row of the registry: what measures the part, and the type of its result."""

    measure: Callable[[Size, OnStage], Any]
    type: Any


PARTS = {
    "samples": Part(measure_samples, list[SamplesResult]),
    "batches": Part(measure_batches, list[BatchResult]),
    "own_arm": Part(measure_own_arm, OwnArmResult),
    "service": Part(_measure_service, ServiceResult),
    "peers": Part(compare, list[PeerResult]),
}


@dataclass(frozen=True)
class Measured(Generic[T]):
    """A part's result, and the machine that it was measured on."""

    machine: Machine
    result: T


def measure(name: str, size: Size, folder: Path, on_stage: OnStage) -> None:
    """Measure a part and write ``<folder>/<name>.json``."""
    measured = Measured(Machine.here(), PARTS[name].measure(size, on_stage))
    write_file(folder / f"{name}.json", measured)


def read(name: str, folder: Path) -> Measured:
    """The inverse of `measure`.

    Raises:
        ResultError: the file is missing, or is not of this version.
    """
    return read_file(folder / f"{name}.json", Measured[PARTS[name].type])
