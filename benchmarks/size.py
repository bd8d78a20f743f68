"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """The defaults are for `make bench`: some ten minutes on two quiet cores.

    Attributes:
        dofs: the arms.
        targets: per arm, for every peer the same.
        solutions: the numbers of solutions that each peer is asked for, one after the other; the
            first only tells whether there is time for more.
        seconds_per_call: a peer that finds solutions one by one and would take longer is not asked;
            its time is extrapolated.
        rounds: of what is compared in turn.
        samples: of growth, each number of samples.
        seconds_per_samples: how long each of those is measured.
        requests: to the node, for each figure.
        starts: of the node.
        clients: at once.
        batch: targets of `solve_many`.
        training: further arguments of `python -m training train`.
    """

    dofs: tuple[int, ...] = (4, 6, 8, 10, 15)
    targets: int = 8
    solutions: tuple[int, int, int] = (10, 100, 1000)
    seconds_per_call: float = 1.5
    rounds: int = 40
    samples: tuple[int, ...] = (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)
    seconds_per_samples: float = 3.0
    requests: int = 200
    starts: int = 5
    clients: tuple[int, ...] = (1, 2, 4, 8)
    batch: tuple[int, ...] = (1, 10, 100)
    training: tuple[str, ...] = ()


QUICK = Size(
    dofs=(4,),
    targets=2,
    solutions=(5, 10, 20),
    seconds_per_call=0.1,
    rounds=3,
    samples=(1, 10),
    seconds_per_samples=0.1,
    requests=3,
    starts=1,
    clients=(1, 2),
    batch=(1, 2),
    training=("--steps", "20"),
)
