"""How time and memory grow: with the number of samples, and with targets in one batch."""

from __future__ import annotations

import multiprocessing
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.size import Size
from benchmarks.targets import DEFAULT_DOF, targets_of
from benchmarks.timing import Ratio, Timing, interleaved, seconds_of
from ik_nn_ros.solver import IKSolver
from measuring.stages import OnStage

MOST_ROUNDS = 200
BATCH_SAMPLES = 100


@dataclass(frozen=True)
class SamplesResult:
    """`IKSolver.solve` for so many samples.

    Attributes:
        samples: how many.
        timing: of one answer.
        memory: the largest resident memory of its process until then, over that before the first
            answer [MiB].
    """

    samples: int
    timing: Timing
    memory: float


@dataclass(frozen=True)
class BatchResult:
    """Several targets at once.

    Attributes:
        targets, samples: how many, and how many samples for each.
        together: the time of `solve_many`.
        one_by_one: that of a loop of `solve`.
        speedup: the loop's time over that of all together.
    """

    targets: int
    samples: int
    together: Timing
    one_by_one: Timing
    speedup: Ratio


def measure_samples(size: Size, on_stage: OnStage) -> list[SamplesResult]:
    """In a process of its own, which is asked for more and more: so its peak memory is known."""
    target = targets_of(DEFAULT_DOF)[0].tolist()
    spawn = multiprocessing.get_context("spawn")
    connection, theirs = spawn.Pipe()
    process = spawn.Process(target=_answer, args=(theirs, target, size.seconds_per_samples))
    process.start()
    theirs.close()
    results = []
    for samples in size.samples:
        on_stage(f"{samples} samples")
        connection.send(samples)
        results.append(connection.recv())
    connection.close()
    process.join()
    return results


def measure_batches(size: Size, on_stage: OnStage) -> list[BatchResult]:
    """Of the default model and its default arm."""
    solver = IKSolver.from_pretrained(DEFAULT_DOF)
    held_out = targets_of(DEFAULT_DOF)
    results = []
    for count in size.batch:
        on_stage(f"{count} targets at once")
        targets = held_out[:count]
        seconds = interleaved(
            {
                "together": lambda targets=targets: solver.solve_many(targets, BATCH_SAMPLES),
                "one_by_one": lambda targets=targets: [
                    solver.solve(target, BATCH_SAMPLES) for target in targets
                ],
            },
            max(3, size.rounds // count),
        )
        results.append(
            BatchResult(
                targets=count,
                samples=BATCH_SAMPLES,
                **{name: Timing.of(values) for name, values in seconds.items()},
                speedup=Ratio.of(seconds["one_by_one"], seconds["together"]),
            )
        )
    return results


def _answer(connection: Connection, target: list[float], seconds: float) -> None:
    """The process that is measured: numbers of samples come in, results go out."""
    solver = IKSolver.from_pretrained(DEFAULT_DOF)
    memory_before = _peak_memory()
    while True:
        try:
            samples = connection.recv()
        except EOFError:
            return
        timing = _timing(lambda samples=samples: solver.solve(target, samples), seconds)
        connection.send(SamplesResult(samples, timing, _peak_memory() - memory_before))


def _timing(action: Callable[[], object], seconds: float) -> Timing:
    """Of as many rounds as there is time for, but one at least."""
    rounds: list[float] = []
    start = time.monotonic()
    while not rounds or (len(rounds) < MOST_ROUNDS and time.monotonic() - start < seconds):
        rounds.append(seconds_of(action))
    return Timing.of(rounds)


def _peak_memory() -> float:
    """[MiB]; getrusage would count what the parent process had when it started this one."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024.0
