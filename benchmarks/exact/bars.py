"""What the exact sampler promises, and whether it holds: derived from the results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.exact.measures import PARTS
from benchmarks.exact.results import Results
from benchmarks.formatting import number, spread
from measuring.calibration import FALSE_ALARM_RATE

EQUAL = 2.0  # standard errors from the floor, within which a difference is put down to chance
LEAST_SHARES = {"prior": (0.97, 0.8), "reach": (0.9, 0.4)}  # mean and worst
LEAST_FAR_SHARE = 0.6
LEAST_SPEEDUP = {"accepted": 15.0, "far": 200.0, "weighted": 1.0, "pose": 1.0}
TABLES_OF = "normal_10"  # the arm whose tables have bars
MOST_SECONDS, MOST_MEGABYTES = 3.0, 40.0
SPEEDS = {
    "accepted": "accepted samples, faster than the earlier `exact`",
    "far": "accepted samples at the slowest far target, faster than the earlier `exact`",
    "weighted": "weighted draws, faster than the earlier `cinn`",
    "pose": "accepted samples of a pose, faster than the earlier `exact` of a position",
}


class Bar(NamedTuple):
    """A row: what is asked of which case, what was measured, and whether it is met.

    ``met`` is None where it was not measured.
    """

    name: str
    case: str
    measured: str
    bar: str
    met: bool | None


def all_bars(results: Results) -> list[Bar]:
    """All bars, those not measured included, in the order of the parts."""
    makers = {
        "closeness": _closeness,
        "quality": _quality,
        "far": _far,
        "calibration": _calibration,
        "speed": _speed,
    }
    bars = []
    for part, make in makers.items():
        for name, item in PARTS[part].items():
            if name in getattr(results, part):
                bars += make(results, name, item.case.title)
            else:
                bars.append(Bar(f"{part}: {name}", item.case.title, "not measured", "", None))
    return bars + list(_tables(results))


def _closeness(results: Results, name: str, case: str) -> Iterator[Bar]:
    difference = results.closeness[name].difference
    errors = difference.mean / difference.standard_error
    reference = "tight rejection" if name.startswith("rejection") else "the chart mixture"
    yield Bar(
        f"mmd2 to {reference}, less its floor",
        case,
        f"{errors:+.1f} standard errors",
        f"within {EQUAL:g}",
        abs(errors) <= EQUAL,
    )


def _quality(results: Results, name: str, case: str) -> Iterator[Bar]:
    places = {"prior": "the prior's targets", "reach": "targets on the whole reach"}
    for place, (least_mean, least) in LEAST_SHARES.items():
        shares = getattr(results.quality[name], place)
        yield Bar(
            f"ESS / n, {places[place]}: mean, worst",
            case,
            f"{shares.mean:.3f}, {shares.worst:.3f}",
            f">= {least_mean:g}, {least:g}",
            shares.mean >= least_mean and shares.worst >= least,
        )


def _far(results: Results, name: str, case: str) -> Iterator[Bar]:
    for far in results.far[name]:
        place = ", ".join(f"{value:g}" for value in far.target)
        yield Bar(
            f"ESS / n at ({place})",
            case,
            f"{far.share:.3f}",
            f">= {LEAST_FAR_SHARE:g}",
            far.share >= LEAST_FAR_SHARE,
        )


def _calibration(results: Results, name: str, case: str) -> Iterator[Bar]:
    calibration = results.calibration[name]
    yield Bar(
        "simulation-based calibration: p of all tests together",
        case,
        f"{calibration.p_value:.2g}",
        f">= {FALSE_ALARM_RATE:g}",
        calibration.passed(),
    )


def _speed(results: Results, name: str, case: str) -> Iterator[Bar]:
    speed, kind = results.speed[name], name.partition(" ")[0]
    least = LEAST_SPEEDUP[kind]
    if kind == "far":
        measured, value = f"{number(speed.least_speedup)} x", speed.least_speedup
    else:
        measured, value = spread(speed.speedup), speed.speedup.median
    name = f"{speed.samples} {SPEEDS[kind]}"
    yield Bar(name, case, measured, f">= {least:g} x", value >= least)


def _tables(results: Results) -> Iterator[Bar]:
    case = PARTS["tables"][TABLES_OF].case.title
    tables = results.tables.get(TABLES_OF)
    if tables is None:
        yield Bar("tables", case, "not measured", "", None)
        return
    seconds = tables.ready.median
    yield Bar(
        "tables ready", case, f"{seconds:.2f} s", f"<= {MOST_SECONDS:g} s", seconds <= MOST_SECONDS
    )
    yield Bar(
        "size of the tables",
        case,
        f"{tables.megabytes:.1f} MB",
        f"<= {MOST_MEGABYTES:g} MB",
        tables.megabytes <= MOST_MEGABYTES,
    )
