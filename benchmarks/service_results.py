"""What is measured of the node; apart from how, so that reports need no ROS."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.timing import Timing


@dataclass(frozen=True)
class RoundTrips:
    """Requests of one client to one server.

    Attributes:
        viewer: whether another process listens to the markers.
        pause: between an answer and the next request [s].
        round_trip: from the request to the parsed answer.
        overhead: the same without the answer's ``solve_time``, request by request.
        bare: the solver's whole answer in the client's process, without ROS, at the same pace.
    """

    viewer: bool
    pause: float
    round_trip: Timing
    overhead: Timing
    bare: Timing

    @property
    def over_bare(self) -> float:
        """What the median round trip adds to the bare solver's whole answer [s]."""
        return self.round_trip.median - self.bare.median


@dataclass(frozen=True)
class Crowd:
    """Clients in processes of their own, each asking as soon as it is answered.

    Attributes:
        clients: how many.
        round_trip: of all their requests.
        answers_per_second: of all together.
    """

    clients: int
    round_trip: Timing
    answers_per_second: float


@dataclass(frozen=True)
class ServiceResult:
    """What a user of the node sees.

    Attributes:
        samples: of each request.
        round_trips: of one client.
        crowds: of several.
        first_answer_ever: from the server's process start to its first answer, where machine
            code has yet to be compiled [s].
        first_answer: the same where it is kept.
        first_solution: without ROS, from Python's start to the first solutions.
        idle_memory: resident memory of a server that waits for its first request [MiB].
        used_memory: after the requests [MiB].
    """

    samples: int
    round_trips: list[RoundTrips]
    crowds: list[Crowd]
    first_answer_ever: float
    first_answer: Timing
    first_solution: Timing
    idle_memory: float
    used_memory: float
