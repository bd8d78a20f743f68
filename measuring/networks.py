"""What several documents say of networks: what they take beside `exact`, and an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from measuring.files import read_file
from measuring.markdown import table
from measuring.metrics import Mismatch

SAMPLES = 1000


@dataclass(frozen=True)
class Cost:
    """What a sampler of an arm and a task takes.

    Attributes:
        milliseconds: of `SAMPLES` draws, the median over targets.
        effective_share: of these draws, the mean.
        megabytes: its weights, or its tables.
        ready_seconds: to make it, machine code compiled before.
    """

    milliseconds: float
    effective_share: float
    megabytes: float
    ready_seconds: float


@dataclass(frozen=True)
class Costs:
    """What a network takes, and what the exact sampler does for its arm and task.

    Attributes:
        cost, exact_cost: of the network, and of the exact sampler.
    """

    cost: Cost
    exact_cost: Cost


@dataclass(frozen=True)
class Earlier:
    """The network of an earlier version of this project, on targets of its arm's prior.

    Attributes:
        name: the network and the commit.
        ours, floor: mmd2 of its raw draws, and of a second exact sample, to an exact one.
    """

    name: str
    ours: Mismatch
    floor: Mismatch


@dataclass(frozen=True)
class Known:
    """What `python -m benchmarks.network` has found that other documents say, too.

    Attributes:
        networks: by the names of their weights.
        earlier: see `Earlier`.
    """

    networks: dict[str, Costs]
    earlier: Earlier | None


def read_known(folder: Path) -> Known | None:
    """From a folder of results; None where it has none of the networks."""
    path = folder / "benchmarks" / "network.json"
    return read_file(path, Known) if path.exists() else None


def tables_or_network(networks: Mapping[str, Costs]) -> str:
    """A section on what `exact` and `cinn` take for every arm and task."""
    rows = [
        (
            name,
            *(f"{cost.milliseconds:.2f}" for cost in (one.exact_cost, one.cost)),
            *(f"{cost.effective_share:.3f}" for cost in (one.exact_cost, one.cost)),
            *(f"{cost.megabytes:.2f}" for cost in (one.exact_cost, one.cost)),
            *(f"{cost.ready_seconds:.3f}" for cost in (one.exact_cost, one.cost)),
        )
        for name, one in sorted(networks.items())
    ]
    header = (
        "arm and task", f"exact: {SAMPLES} draws [ms]", "cinn", "exact: ESS / n", "cinn",
        "exact: MB", "cinn", "exact: ready in [s]", "cinn",
    )  # fmt: skip
    return f"## Tables or network\n\n{COSTS}\n\n{table(header, rows)}"


COSTS = """\
Both draw from the same chain, `exact` by tables and `cinn` by a network; timed are weighted draws.
Ready: tables made, or weights read, machine code compiled before. Measured by
`python -m benchmarks.network`."""
