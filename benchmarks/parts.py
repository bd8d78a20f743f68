"""The parts of a benchmark, one file of results each: what measures them, and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from benchmarks.comparison import PeerResult, compare
from benchmarks.growth import BatchResult, SamplesResult, measure_batches, measure_samples
from benchmarks.machine import Machine
from benchmarks.service_results import ServiceResult
from benchmarks.sizes import Size
from measuring.results import ResultError

OnStage = Callable[[str], None]


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
    "service": Part(_measure_service, ServiceResult),
    "peers": Part(compare, list[PeerResult]),
}


@dataclass(frozen=True)
class Measured:
    """A part's result, and the machine that it was measured on."""

    machine: Machine
    result: Any


def measure(name: str, size: Size, folder: Path, on_stage: OnStage) -> None:
    """Measure a part and write ``<folder>/<name>.json``."""
    machine = Machine.here()
    measured = Measured(machine, PARTS[name].measure(size, on_stage))
    folder.mkdir(parents=True, exist_ok=True)
    content = TypeAdapter(Measured).dump_json(measured, indent=2)
    (folder / f"{name}.json").write_bytes(content + b"\n")


def read(name: str, folder: Path) -> Measured:
    """The inverse of `measure`.

    Raises:
        ResultError: the file is missing, or is not of this version.
    """
    path = folder / f"{name}.json"
    try:
        content = TypeAdapter(dict[str, Any]).validate_json(path.read_bytes())
        machine = TypeAdapter(Machine).validate_python(content["machine"])
        return Measured(machine, TypeAdapter(PARTS[name].type).validate_python(content["result"]))
    except OSError as error:
        raise ResultError(path, error.strerror or str(error)) from None
    except (KeyError, ValidationError) as error:
        reason = " ".join(str(error).split())
        raise ResultError(path, f"is no result of this version ({reason})") from None
