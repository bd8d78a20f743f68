"""docs/EXACT.md, from the result file alone."""

from __future__ import annotations

from collections import Counter

from benchmarks.exact.bars import EQUAL, all_bars
from benchmarks.exact.earlier import COMMIT
from benchmarks.exact.measures import LINKS_OF_NO_CACHE, PARTS, REJECTION_RADIUS
from benchmarks.exact.results import Results, Shares
from benchmarks.formatting import milliseconds, number, paragraph, spread
from benchmarks.machine import Machine
from measuring.calibration import FALSE_ALARM_RATE
from measuring.markdown import table, thousandths

OUTCOMES = {True: "yes", False: "**no**", None: "not measured"}


def report(results: Results) -> str:
    """The document."""
    makers = {
        "closeness": _closeness,
        "quality": _quality,
        "calibration": _calibration,
        "speed": _speed,
        "tables": _tables,
    }
    sections = [INTRODUCTION, measured_on(results.machine), _sources(results), _bars(results)]
    sections += [make(results) for part, make in makers.items() if getattr(results, part)]
    return "\n\n".join(sections) + "\n"


def measured_on(machine: Machine) -> str:
    """A paragraph about the machine."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return paragraph(
        f"Machine: {machine.processor}, {machine.cores} cores, {machine.memory:.0f} GiB; "
        f"{machine.solver_threads} threads in the solver; Python {machine.python}, {versions}. "
        f"Load before the measurement: {machine.load:.1f}. Matrix products were "
        f"{machine.scaling:.2f} times as fast on all cores as on one."
    )


def _sources(results: Results) -> str:
    counts = Counter(results.sources.values())
    if len(counts) == 1:
        return f"All of it is measured of the same code (fingerprint {next(iter(counts))})."
    listed = ", ".join(f"{count} of {name}" for name, count in counts.most_common())
    return paragraph(f"**The results are of different states of the code**: {listed}.")


def _bars(results: Results) -> str:
    bars = all_bars(results)
    rows = [(bar.case, bar.name, bar.measured, bar.bar, OUTCOMES[bar.met]) for bar in bars]
    counts = Counter(bar.met for bar in bars)
    told = f"{counts[True]} met, {counts[False]} not met, {counts[None]} not measured. {BARS}"
    header = ("case", "what", "measured", "bar", "met")
    return f"## Bars\n\n{paragraph(told)}\n\n{table(header, rows)}"


def _title(part: str, name: str) -> str:
    return PARTS[part][name].case.title


def _closeness(results: Results) -> str:
    rows = [
        (
            _title("closeness", name) + (", tight rejection" if "rejection" in name else ""),
            thousandths(one.ours),
            f"{1e3 * one.ours.median:.2f}, {1e3 * one.ours.p95:.2f}",
            thousandths(one.floor),
            thousandths(one.difference),
            f"{one.ours.num_targets} x {one.ours.num_samples}",
            one.fewest_samples,
        )
        for name, one in results.closeness.items()
    ]
    header = (
        "case", "mmd2 x 1e3", "median, p95", "floor", "difference", "targets x samples",
        "fewest samples",
    )  # fmt: skip
    return f"## Against independent references\n\n{CLOSENESS}\n\n{table(header, rows)}"


def _quality(results: Results) -> str:
    rows = [
        (_title("quality", name), *_shares(one.prior), *_shares(one.reach))
        for name, one in results.quality.items()
    ]
    header = ("case", "prior's targets: mean, p5, worst", "n", "whole reach: mean, p5, worst", "n")
    far = [
        (_title("far", name), ", ".join(f"{value:g}" for value in one.target), f"{one.share:.3f}")
        for name, shares in results.far.items()
        for one in shares
    ]
    blocks = [f"## Weights of the draws\n\n{QUALITY}\n\n{table(header, rows)}"]
    if far:
        blocks.append(table(("case", "far target [m]", "ESS / n"), far))
    return "\n\n".join(blocks)


def _shares(shares: Shares) -> tuple[str, int]:
    return f"{shares.mean:.3f}, {shares.p5:.3f}, {shares.worst:.3f}", shares.num_targets


def _calibration(results: Results) -> str:
    rows = [
        (
            _title("calibration", name),
            f"{one.trials} x {one.samples}",
            len(one.p_values),
            min(one.p_values, key=one.p_values.get),
            f"{min(one.p_values.values()):.2g}",
            f"{one.p_value:.2g}",
        )
        for name, one in results.calibration.items()
    ]
    header = ("case", "trials x samples", "tests", "worst test", "its p", "p of all together")
    return f"## Simulation-based calibration\n\n{CALIBRATION}\n\n{table(header, rows)}"


def _speed(results: Results) -> str:
    rows = [
        (
            _title("speed", name),
            name.partition(" ")[0],
            one.num_targets,
            milliseconds(one.ours),
            milliseconds(one.theirs),
            spread(one.speedup),
            f"{number(one.least_speedup)} x",
        )
        for name, one in results.speed.items()
    ]
    header = (
        "case", "what", "targets", "ours [ms]", f"{COMMIT} [ms]", "faster", "at the slowest target",
    )  # fmt: skip
    return f"## Speed\n\n{SPEED}\n\n{table(header, rows)}"


def _tables(results: Results) -> str:
    rows = [
        (_title("tables", name), f"{one.ready.median:.2f}", f"{one.megabytes:.1f}")
        for name, one in results.tables.items()
    ]
    return f"## Tables\n\n{TABLES}\n\n{table(('case', 'ready [s]', 'MB'), rows)}"


INTRODUCTION = f"""# The exact sampler

{
    paragraph(
        "Measured by `python -m benchmarks.exact run`, written from `results/benchmarks/"
        "exact_bars.json` alone by `python -m benchmarks.exact report`. The arms are those of "
        "`benchmarks/exact/cases.py`."
    )
}"""

BARS = (
    f"A difference of {EQUAL:g} standard errors or more from the floor comes by chance in one "
    "exact case in twenty."
)

CLOSENESS = paragraph(
    "mmd2 (unbiased MMD^2, a mean of three inverse multiquadratic kernels) of accepted samples to "
    "a reference that shares no code with them, importance sampling by a mixture of charts "
    "accepted by w / max w; the floor is a second, independent reference's to the first, on the "
    "same targets, drawn by the prior. The difference is taken target by target, and so is its "
    "standard error. Tight rejection keeps the prior's draws within "
    f"{1e3 * REJECTION_RADIUS:g} mm of the target, moved onto it: its bias is of second order in "
    "that radius over the slack to full reach; only targets that it fills count. Where a reference "
    "could not accept as many samples as were wanted, it is smaller (last column)."
)

QUALITY = paragraph(
    "ESS / n = (sum w)^2 / (n sum w^2) of the draws before accepting. Targets on the whole reach "
    "are uniform by area on the disc or annulus of the links; where there are limits, those count "
    "for which the reference finds a solution; of a pose the wrist is uniform, and the heading."
)

CALIBRATION = paragraph(
    "The rank of a configuration drawn from the prior among samples for its own target is uniform "
    "if these are exact. Tested for every joint and for the prior's log density, by the histogram "
    "of the ranks (chi-square) and their distribution (Kolmogorov-Smirnov); ties are ranked at "
    f"random. By Bonferroni an exact sampler fails a case with a probability of at most "
    f"{FALSE_ALARM_RATE:g}."
)

SPEED = paragraph(
    "Both versions answer the same targets in turn, the earlier one (commit "
    f"{COMMIT}) in a process of its own; short calls are repeated for 50 ms, and the last one "
    "counts. `accepted`: as many accepted samples of a position; `far`: the same at targets that "
    "the prior hardly reaches; `weighted`: weighted draws beside its `cinn`'s solutions; `pose`: "
    "accepted samples of a pose beside its samples of the position alone."
)

TABLES = paragraph(
    "The time to construct the sampler, the machine code compiled before, for an arm whose links "
    f"differ by up to {1e6 * LINKS_OF_NO_CACHE:g} um at random, so that nothing kept of an earlier "
    "one helps."
)
