"""What was promised, and whether it is so: derived from the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.comparison import PeerResult
from benchmarks.inference import REFERENCED, InferenceResult
from benchmarks.parts import Measured
from benchmarks.service_results import ServiceResult
from benchmarks.solvers import DEFAULT_DOF
from benchmarks.words import milliseconds, number, spread
from ik_nn_ros.solver import DEFAULT_MODEL

LEAST_SPEEDUP = 3.0  # over the reference path
LEAST_RATE = 200_000.0  # solutions per second
MOST_SECONDS_FOR_100 = 2e-3
LEAST_RATIO_TO_PEERS = 50.0
MOST_OVERHEAD = 2e-3  # [s], of the service
MOST_START = 4.0  # [s]
MOST_MEMORY = 600.0  # [MiB]


class Bar(NamedTuple):
    """A row: what is asked, what was measured, what for, and whether it is met."""

    name: str
    measured: str
    bar: str
    met: bool


def all_bars(parts: Mapping[str, Measured]) -> list[Bar]:
    """The bars of those parts that were measured."""
    makers = {"inference": _inference, "service": _service, "peers": _peers}
    return [
        bar for name, make in makers.items() if name in parts for bar in make(parts[name].result)
    ]


def _inference(results: Sequence[InferenceResult]) -> list[Bar]:
    makers = {1000: _speedups, 10_000: _rate, 100: _time_for_few}
    by_count = {result.solutions: result for result in results}
    return [
        bar for count, make in makers.items() if count in by_count for bar in make(by_count[count])
    ]


def _speedups(result: InferenceResult) -> list[Bar]:
    name = (
        f"{result.solutions} solutions, faster than {REFERENCED} in eager PyTorch with a plain "
        "projection"
    )
    return [
        Bar(name + what, spread(ratio), f">= {LEAST_SPEEDUP:g} x", ratio.median >= LEAST_SPEEDUP)
        for what, ratio in (
            ("", result.speedup),
            (", log densities included", result.speedup_with_densities),
        )
    ]


def _rate(result: InferenceResult) -> list[Bar]:
    rate, slow_rate = (
        result.solutions / seconds for seconds in (result.ours.median, result.ours.p99)
    )
    name = f"solutions per second, {number(result.solutions)} at once"
    measured = f"{number(rate)} (at p99 {number(slow_rate)})"
    return [Bar(name, measured, f">= {number(LEAST_RATE)}", rate >= LEAST_RATE)]


def _time_for_few(result: InferenceResult) -> list[Bar]:
    bar = f"<= {1e3 * MOST_SECONDS_FOR_100:g} ms"
    met = result.ours.median <= MOST_SECONDS_FOR_100
    return [Bar(f"{result.solutions} solutions", f"{milliseconds(result.ours)} ms", bar, met)]


def _service(result: ServiceResult) -> list[Bar]:
    overheads = {
        "`IKSolver.solve`, positions alone": result.in_turn.over_positions,
        "`IKSolver`'s time for the whole answer": result.in_turn.over_answer,
    } | {
        f"its `solve_time`, {describe_trips(trips.viewer, trips.pause)}": trips.overhead
        for trips in result.round_trips
    }
    bars = [
        Bar(
            f"round trip over {what}",
            f"{milliseconds(overhead)} ms",
            f"<= {1e3 * MOST_OVERHEAD:g} ms",
            overhead.median <= MOST_OVERHEAD,
        )
        for what, overhead in overheads.items()
    ]
    start = result.first_answer
    bars.append(
        Bar(
            "the node's process start to its first answer",
            f"{start.median:.1f} (p99 {start.p99:.1f}) s, imports {result.imports.median:.1f} s",
            f"<= {MOST_START:g} s",
            start.median <= MOST_START,
        )
    )
    met = result.idle_memory <= MOST_MEMORY
    memory = f"{result.idle_memory:.0f} MiB"
    bars.append(Bar("memory of the idle node", memory, f"<= {MOST_MEMORY:g} MiB", met))
    return bars


def describe_trips(viewer: bool, pause: float) -> str:
    """Who listens, and how fast the client is."""
    pace = f"a request {1e3 * pause:g} ms after each answer" if pause else "requests back to back"
    return f"markers {'watched' if viewer else 'not watched'}, {pace}"


def _peers(results: Sequence[PeerResult]) -> list[Bar]:
    of_arm = {result.name: result for result in results if result.dof == DEFAULT_DOF}
    if not of_arm:
        return []
    ours = of_arm[DEFAULT_MODEL]
    bars = []
    for name in ("rejection, 5 cm", "ikpy"):
        ratio = of_arm[name].times[1].timing.median / ours.times[1].timing.median
        solutions = ours.times[1].solutions
        bars.append(
            Bar(
                f"{solutions} solutions, faster than {name}",
                f"{number(ratio)} x",
                f">= {LEAST_RATIO_TO_PEERS:g} x",
                ratio >= LEAST_RATIO_TO_PEERS,
            )
        )
    return bars
