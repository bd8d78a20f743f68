"""What is measured of the node; apart from how, so that reports need no ROS."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.timing import Timing


@dataclass(frozen=True)
class InTurn:
    """A client whose process has an `IKSolver` of its own, and asks it and two servers in turn.

    Attributes:
        positions: of `IKSolver.solve`.
        answer: the same, with the log densities and whether the target is off the distribution.
        round_trip: from the request to the parsed answer.
        plain: the same of the simplest node that answers alike.
        over_positions, over_answer: how much longer a round trip takes, round by round.
        plain_over_answer: how much longer one of the simplest node takes: messages, rclpy, DDS.
    """

    positions: Timing
    answer: Timing
    round_trip: Timing
    plain: Timing
    over_positions: Timing
    over_answer: Timing
    plain_over_answer: Timing


@dataclass(frozen=True)
class RoundTrips:
    """Requests of one client to one server.

    Attributes:
        viewer: whether another process listens to the markers.
        pause: between an answer and the next request [s].
        round_trip: from the request to the parsed answer.
        overhead: the same without the answer's ``solve_time``, request by request.
    """

    viewer: bool
    pause: float
    round_trip: Timing
    overhead: Timing


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
        in_turn: a client beside a solver of its own, and beside the simplest node.
        round_trips: of one client.
        crowds: of several.
        first_answer_ever: from the server's process start to its first answer, where machine
            code has yet to be compiled [s].
        first_answer: the same where it is kept.
        imports: of a process that only imports the server.
        import_shares: seconds by imported package, as Python reports them, largest first.
        first_solution: the same without ROS, from Python's start to the first solutions.
        idle_memory: resident memory of a server that waits for its first request [MiB].
        used_memory: after the requests [MiB].
    """

    samples: int
    in_turn: InTurn
    round_trips: list[RoundTrips]
    crowds: list[Crowd]
    first_answer_ever: float
    first_answer: Timing
    imports: Timing
    import_shares: dict[str, float]
    first_solution: Timing
    idle_memory: float
    used_memory: float
