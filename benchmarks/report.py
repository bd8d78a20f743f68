"""docs/BENCHMARKS.md, from result files: nothing in it is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.comparison import PeerResult, SolutionTime
from benchmarks.formatting import milliseconds, number, paragraph, spread
from benchmarks.growth import BatchResult, SamplesResult
from benchmarks.own_arm import OwnArmResult
from benchmarks.peers.base import TOLERANCE
from benchmarks.peers.rejection import POOL_SIZE
from benchmarks.service_results import Crowd, RoundTrips, ServiceResult
from benchmarks.suite import Measured
from benchmarks.targets import DEFAULT_DOF
from benchmarks.timing import STEADY
from ik_nn_ros.posterior.evidence import NEIGHBOURHOOD
from ik_nn_ros.solver import DEFAULT_MODEL
from measuring.markdown import UNKNOWN, table, thousandths
from measuring.networks import Known, tables_or_network


def report(parts: Mapping[str, Measured], known: Known | None, figures: str) -> str:
    """The document.

    Args:
        parts: what was measured, by the names of `suite.PARTS`; a part that is missing is left out.
        known: of the networks.
        figures: folder of the figures, as the document links to it.
    """
    results = {name: part.result for name, part in parts.items()}
    makers = {
        "peers": lambda result: _peers(result, figures),
        "samples": lambda result: _samples(result, figures),
        "batches": _batches,
        "own_arm": _own_arm,
        "service": _service,
    }
    sections = [INTRODUCTION, _machines(parts)]
    sections += [make(results[name]) for name, make in makers.items() if name in results]
    if known is not None:
        sections.append(tables_or_network(known.networks))
    return "\n\n".join(sections) + "\n"


def _machines(parts: Mapping[str, Measured]) -> str:
    loads = [part.machine.load for part in parts.values()]
    scalings = [part.machine.scaling for part in parts.values()]
    descriptions = {
        f"{one.processor}, {one.cores} cores, {one.memory:.0f} GiB; {one.torch_threads} threads in "
        f"PyTorch, {one.solver_threads} in the solver; Python {one.python}, "
        + ", ".join(f"{name} {version}" for name, version in one.versions.items())
        for one in (part.machine for part in parts.values())
    }
    return paragraph(
        f"Machine: {'; and '.join(sorted(descriptions))}. Load before each part, the benchmark's "
        f"own included: {min(loads):.1f} to {max(loads):.1f}. Matrix products were "
        f"{min(scalings):.2f} to {max(scalings):.2f} times as fast on all cores as on one: where "
        "that is far less than their number, the host runs them on one core of its own."
    )


def _peers(results: Sequence[PeerResult], figures: str) -> str:
    targets = max(one.mmd2.num_targets for one in results if one.mmd2 is not None)
    blocks = [f"## Against what a user would pick instead\n\n{PEERS.format(targets=targets)}"]
    blocks.append(f"![Peers]({figures}/benchmarks_peers.png)\n\n{PEERS_CAPTION}")
    for dof in sorted({result.dof for result in results}):
        blocks.append(f"### {dof} DoF\n\n{_peer_table([r for r in results if r.dof == dof])}")
    return "\n\n".join(blocks)


def _peer_table(results: Sequence[PeerResult]) -> str:
    ours = next(result for result in results if result.name == DEFAULT_MODEL)
    rows = [
        (
            result.name,
            *(_solution_time(one) for one in result.times),
            number(result.solutions_per_second),
            f"{number(result.times[1].timing.median / ours.times[1].timing.median)} x",
            _mmd2(result),
        )
        for result in sorted(results, key=lambda result: result.times[1].timing.median)
    ]
    few, many = (one.solutions for one in ours.times)
    header = (
        "", f"{few} solutions [ms]", f"{many} solutions [ms]", "solutions / s",
        f"time over {ours.name}'s", "mmd2 x 1e3",
    )  # fmt: skip
    return table(header, rows)


def _solution_time(time: SolutionTime) -> str:
    return milliseconds(time.timing) + ("*" if time.measured < time.solutions else "")


def _mmd2(result: PeerResult) -> str:
    if result.mmd2 is not None:
        fewer = result.mmd2.num_samples < result.times[1].solutions
        samples = f" ({result.mmd2.num_samples} samples)" if fewer else ""
        return thousandths(result.mmd2) + samples
    return UNKNOWN if result.released_mmd2 is None else f"{1e3 * result.released_mmd2:.1f} (theirs)"


def _samples(results: Sequence[SamplesResult], figures: str) -> str:
    rows = [
        (
            number(result.samples),
            milliseconds(result.timing),
            result.timing.rounds,
            number(1e6 * result.timing.median / result.samples),
            number(result.memory),
        )
        for result in results
    ]
    header = (
        "samples",
        "time [ms]",
        "rounds",
        "per sample [us]",
        "peak memory, more than idle [MiB]",
    )
    picture = f"![Growth]({figures}/benchmarks_growth.png)\n\n{GROWTH_CAPTION}"
    return f"## Growth\n\n{GROWTH}\n\n{picture}\n\n{table(header, rows)}"


def _batches(results: Sequence[BatchResult]) -> str:
    rows = [
        (
            result.targets,
            milliseconds(result.together),
            milliseconds(result.one_by_one),
            spread(result.speedup),
        )
        for result in results
    ]
    header = ("targets", "`solve_many` [ms]", "a loop of `solve` [ms]", "faster")
    text = f"Several targets at once, {results[0].samples} samples for each:"
    return f"### Batches of targets\n\n{text}\n\n{table(header, rows)}"


def _own_arm(result: OwnArmResult) -> str:
    header = ("README's arm of one's own, from its YAML file to", "time [s]")
    rows = [
        ("the first answer of `exact`, from Python's start", f"{result.first_answer.median:.1f}"),
        (
            f"a trained network (effective share of an answer: {result.effective_share:.3f})",
            f"{result.training:.0f}",
        ),
    ]
    return f"## An arm of one's own\n\n{table(header, rows)}"


def _service(result: ServiceResult) -> str:
    text = paragraph(
        "From the process's start to the first answer: "
        f"{milliseconds(result.first_answer)} ms; the client looks for the server every 0.25 s, "
        "and where DDS misses a node's first announcement, it has to wait for the next one. "
        f"The very first start on a machine compiles and takes {result.first_answer_ever:.1f} s. "
        f"In Python without ROS, from the start to the first {result.samples} solutions: "
        f"{milliseconds(result.first_solution)} ms. Resident memory: {result.idle_memory:.0f} MiB "
        f"idle, {result.used_memory:.0f} MiB after the requests above."
    )
    introduction = f"## The node\n\n{SERVICE.format(samples=result.samples)}"
    tables = (_round_trips(result.round_trips), _crowds(result.crowds))
    return "\n\n".join((introduction, *tables, text))


def _round_trips(trips: Sequence[RoundTrips]) -> str:
    rows = [
        (
            _pace(one),
            milliseconds(one.round_trip),
            milliseconds(one.overhead),
            milliseconds(one.bare),
            number(1e3 * one.over_bare),
        )
        for one in trips
    ]
    header = (
        "who listens, how fast it is asked",
        "round trip [ms]",
        "without its `solve_time` [ms]",
        "bare solver [ms]",
        "more than that [ms]",
    )
    return table(header, rows)


def _pace(trips: RoundTrips) -> str:
    """Who listens, and how fast the client is."""
    pause = f"a request {1e3 * trips.pause:g} ms after each answer"
    pace = pause if trips.pause else "requests back to back"
    return f"markers {'watched' if trips.viewer else 'not watched'}, {pace}"


def _crowds(crowds: Sequence[Crowd]) -> str:
    rows = [
        (
            crowd.clients,
            milliseconds(crowd.round_trip),
            number(crowd.answers_per_second),
            f"{number(crowd.answers_per_second / crowds[0].answers_per_second)} x",
        )
        for crowd in crowds
    ]
    return table(("clients at once", "round trip [ms]", "answers / s", "of one client's"), rows)


INTRODUCTION = f"""\
# Benchmarks

Generated by `make bench` from the files in `results/benchmarks/`; nothing here is typed by hand.
Times are medians and, in brackets, 99th percentiles; ratios are medians of rounds in which both
sides took turns and, in brackets, the range of eight rounds in ten. Where methods take turns, what
is short is repeated for {1e3 * STEADY:g} ms and the last time counts: that of steady use.

How close the networks are to the posterior is in [NETWORK.md](NETWORK.md), what the exact sampler
promises in [EXACT.md](EXACT.md)."""

PEERS = f"""\
Every method answers the same {{targets}} targets of the test split, in turn; times and mmd2 are
over these, and in brackets is the longest time. A solution is within {TOLERANCE:g} m of its target,
but for those of *rejection, 5 cm*. **mmd2** is the unbiased MMD^2 of the solutions to the exact
posterior, with its standard error; that of **exact**, a second draw of the same, is the floor.

- **exact**, **cinn**, **cvae**, **inn**: `IKSolver.solve`, with the shipped weights where a model
  has any; {DEFAULT_MODEL} is the default.
- **rejection**: draws of the prior, {number(POOL_SIZE)} a round, that come within \
{100.0 * NEIGHBOURHOOD:g} cm; *projected*: moved onto
  the target by this project's projection.
- **damped least squares, NumPy**: random restarts, all starts of a round in one batch.
- **Pinocchio**, **SciPy least squares**, **ikpy**: random restarts, one after the other. Pinocchio
  computes the kinematics, the iteration is Python, after its own example; SciPy has the analytic
  Jacobian; ikpy is called as its documentation shows.
- Restarts start from the prior, which is what a user would do who wants arms like the prior's.
- **the authors'**: the architectures of Tables III and IV in eager PyTorch with untrained weights,
  which take as long; the plain projection starts from posterior samples that are disturbed until
  they miss the target by the authors' published e_resim. Their mmd2 (*theirs*) is that of the
  weights that they released, refined; there are none for some arms. They published no settings for
  15 DoF.
- \\* on some target or all, measured on fewer solutions and extrapolated in proportion."""

PEERS_CAPTION = f"""\
*Left: the time of the tables' second column. Right: mmd2 over speed, {DEFAULT_DOF} DoF; hollow: the
authors' weights; the best corner is at the bottom right.*"""

GROWTH = f"""\
{DEFAULT_MODEL}, {DEFAULT_DOF} DoF, in a process that is asked for more and more. Over the number of
joints time grows as the first figure shows, over the clients of the node as the last table."""

GROWTH_CAPTION = """\
*The time of one answer, median and 99th percentile, and the peak memory over the samples; the
node's answers per second and round trips over the clients at once.*"""

SERVICE = """\
`ik_server` with its default parameters and its clients are processes of their own over loopback
DDS; a request is for {samples} solutions. An answer also holds the log densities and whether it
represents the posterior, which `IKSolver` leaves until they are asked for. `solve_time` is the
answer's own figure for all of it; the rest of a round trip is messages, rclpy and DDS. The bare
solver computes all that an answer holds in the client's process, at the same pace; the last column
is what the node adds to that. After a pause all of this runs on cores that have gone idle."""
