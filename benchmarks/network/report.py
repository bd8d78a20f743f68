"""docs/NETWORK.md, from the results alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmarks.exact.bars import Bar
from benchmarks.exact.report import OUTCOMES, measured_on
from benchmarks.formatting import paragraph, spread
from benchmarks.network.results import MOVE, NEAR_END, Measured, Results
from measuring.calibration import FALSE_ALARM_RATE
from measuring.markdown import UNKNOWN, table, thousandths
from measuring.networks import tables_or_network

# Bounds of mmd2 less its floor: of the mean, and of the 95th percentiles.
CLOSE, CLOSE_P95, CLOSE_WITH_LIMITS = 0.05e-3, 0.3e-3, 0.15e-3
CLOSE_ACCEPTED = CLOSE  # of draws that are accepted by their weights, with limits, too
LEAST_MEAN, LEAST_MEAN_WITH_LIMITS, LEAST_P5 = 0.98, 0.95, 0.93
MOST_LOST, MOST_LOST_WITH_LIMITS = 0.0005, 0.003
LEAST_ON_REACH = (0.9, 0.5)  # mean, worst
MOST_PARAMETERS = 50_000  # of arms up to ten joints
MOST_GAP = 0.02  # [nats]
MOST_MOVED = 0.025  # [m]
MOST_TRAINING = {"cinn_6": 120.0, "cinn_15": 300.0}  # [s]
MOST_TRAINING_WITH_LIMITS = 120.0  # [s]
MOST_BUSY = 1.5  # times as long as on a quiet machine
LEAST_SPEEDUPS = (1.5, 1.5, 5.0)  # in the order of the results


def report(results: Results) -> str:
    """The document."""
    bars = list(all_bars(results))
    counts = Counter(bar.met for bar in bars)
    rows = [(bar.case, bar.name, bar.measured, bar.bar, OUTCOMES[bar.met]) for bar in bars]
    sections = [
        INTRODUCTION,
        measured_on(results.machine),
        f"## Bars\n\n{counts[True]} met, {counts[False]} not met.",
        table(("network", "what", "measured", "bar", "met"), rows),
        _quality(results),
        tables_or_network(results.networks),
    ]
    return "\n\n".join(sections) + "\n"


def all_bars(results: Results) -> Iterator[Bar]:
    """What is promised, and whether it holds."""
    for name, one in sorted(results.networks.items()):
        yield from _bars_of(name, one)
    for (what, speedup), least in zip(results.speedups.items(), LEAST_SPEEDUPS, strict=False):
        yield Bar(
            f"`solve`, {what}, faster than commit 56aebab", "cinn_6", spread(speedup),
            f">= {least:g} x", speedup.median >= least,
        )  # fmt: skip
    if results.busy_training is not None:
        busy = results.busy_training
        yield Bar(
            "training beside a busy core, times as long", "cinn_6", spread(busy),
            f"<= {MOST_BUSY:g} x", busy.median <= MOST_BUSY,
        )  # fmt: skip


def _bars_of(name: str, one: Measured) -> Iterator[Bar]:
    close = CLOSE_WITH_LIMITS if one.limited else CLOSE
    difference = one.ours.mean - one.floor.mean
    yield Bar(
        "mmd2 x 1e3, less its floor", name, f"{1e3 * difference:+.3f}", f"<= {1e3 * close:g}",
        difference <= close,
    )  # fmt: skip
    p95 = one.ours.p95 - one.floor.p95
    yield Bar(
        "95th percentile of mmd2 x 1e3, less the floor's", name, f"{1e3 * p95:+.2f}",
        f"<= {1e3 * CLOSE_P95:g}", p95 <= CLOSE_P95,
    )  # fmt: skip
    if one.accepted is not None:
        accepted = one.accepted.mean - one.floor.mean
        yield Bar(
            "mmd2 x 1e3 of draws accepted by weights, less the floor", name,
            f"{1e3 * accepted:+.3f}", f"<= {1e3 * CLOSE_ACCEPTED:g}", accepted <= CLOSE_ACCEPTED,
        )  # fmt: skip
    least = LEAST_MEAN_WITH_LIMITS if one.limited else LEAST_MEAN
    yield Bar(
        "ESS / n: mean, 5th percentile", name, f"{one.shares.mean:.3f}, {one.shares.p5:.3f}",
        f">= {least:g}, {LEAST_P5:g}", one.shares.mean >= least and one.shares.p5 >= LEAST_P5,
    )  # fmt: skip
    lost = MOST_LOST_WITH_LIMITS if one.limited else MOST_LOST
    yield Bar(
        "draws that lead nowhere", name, f"{one.lost:.3%}", f"<= {lost:.2%}", one.lost <= lost
    )
    for where, shares in (("the whole reach", one.reach), ("its ends", one.ends)):
        if shares is not None:
            mean, worst = LEAST_ON_REACH
            yield Bar(
                f"ESS / n on {where}: mean, worst", name,
                f"{shares.mean:.3f}, {shares.worst:.3f}", f">= {mean:g}, {worst:g}",
                shares.mean >= mean and shares.worst >= worst,
            )  # fmt: skip
    yield Bar(
        "expected log density, less exact's", name, f"{one.density_gap:+.3f} nats",
        f"within {MOST_GAP:g}", abs(one.density_gap) <= MOST_GAP,
    )  # fmt: skip
    yield Bar(
        "99 % of solutions move by less, with a target that moves by 1 mm", name,
        f"{1e3 * one.moved_99:.1f} mm", f"<= {1e3 * MOST_MOVED:g} mm", one.moved_99 <= MOST_MOVED,
    )  # fmt: skip
    if one.calibration is not None:
        yield Bar(
            "simulation-based calibration, draws accepted: p of all tests together", name,
            f"{one.calibration.p_value:.2g}", f">= {FALSE_ALARM_RATE:g}",
            one.calibration.passed(),
        )  # fmt: skip
    if name != "cinn_15" and not name.startswith("cinn_15_"):
        yield Bar(
            "parameters", name, f"{one.parameters:,}", f"<= {MOST_PARAMETERS:,}",
            one.parameters <= MOST_PARAMETERS,
        )  # fmt: skip
    if one.limited or name in MOST_TRAINING:
        most = MOST_TRAINING.get(name, MOST_TRAINING_WITH_LIMITS)
        yield Bar(
            "training", name, f"{one.training_seconds:.0f} s", f"<= {most:g} s",
            one.training_seconds <= most,
        )  # fmt: skip


def _quality(results: Results) -> str:
    rows = [
        (
            name, thousandths(one.ours), thousandths(one.floor),
            f"{1e3 * one.ours.p95:.2f}", f"{1e3 * one.floor.p95:.2f}",
            f"{one.shares.mean:.3f}, {one.shares.p5:.3f}, {one.shares.worst:.3f}",
            "-" if one.reach is None else f"{one.reach.mean:.3f}, {one.reach.worst:.3f}",
            f"{one.training_seconds:.0f}", f"{one.parameters:,}",
        )
        for name, one in sorted(results.networks.items())
    ]  # fmt: skip
    if results.earlier is not None:
        one = results.earlier
        rows.append((
            one.name, thousandths(one.ours), thousandths(one.floor),
            f"{1e3 * one.ours.p95:.2f}", f"{1e3 * one.floor.p95:.2f}", *[UNKNOWN] * 4,
        ))  # fmt: skip
    header = (
        "network", "mmd2 x 1e3", "floor", "p95", "floor's", "ESS / n: mean, p5, worst",
        "on the whole reach: mean, worst", "trained in [s]", "parameters",
    )  # fmt: skip
    return f"## Quality\n\n{paragraph(QUALITY)}\n\n{table(header, rows)}"


INTRODUCTION = """\
# The network of the conditionals

Measured by `python -m benchmarks.network`, written from `results/benchmarks/network.json` alone.
The networks are the shipped ones, trained by `python -m training train config/train/<name>.yaml`;
"the paper's" N-DoF arm is `cinn_N`, of poses `cinn_N_pose`. `cinn_limited` is the example of an arm
of one's own; `cinn_uniform_4` and `cinn_truncated_6` are arms of EXACT.md, with priors uniform
within limits and normal ones that limits cut."""

QUALITY = (
    "Raw draws, without their weights, on 100 targets of the prior, each four times; the reference "
    "is the exact posterior, the floor a second sample of it by the same random numbers as the "
    "network's draws. On the whole reach targets are uniform by area; at its ends within "
    f"{100 * NEAR_END:g} cm of full reach or of the base. A target moves by {1e3 * MOVE:g} mm with "
    "the same random numbers; solutions move as their joints' places do. Accepted draws are those "
    "of `exact=True`. Beside a busy core, and without, a tenth of a training is timed, lessons and "
    "steps."
)
