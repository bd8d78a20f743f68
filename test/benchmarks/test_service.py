"""A real node is measured, for a moment."""

from benchmarks.node import SAMPLES, Server, connected_client, example_request, ros_environment
from benchmarks.service import bare_answers, marker_viewer, round_trips
from benchmarks.size import QUICK
from ik_nn_ros import IKSolver


def test_round_trips_take_longer_than_the_solver_while_somebody_watches():
    with ros_environment(), Server("measured") as server, connected_client("measured") as client:
        server.wait_for(client)
        assert 50.0 < server.memory() < 4000.0
        client.solve(example_request())  # so that there is something to see
        with marker_viewer():
            measured = round_trips(client, QUICK.requests, viewer=True, pause=0.0)
    assert 0.0 < measured.overhead.median < measured.round_trip.median
    assert measured.round_trip.rounds == measured.bare.rounds == QUICK.requests
    assert measured.over_bare == measured.round_trip.median - measured.bare.median > 0.0


def test_the_bare_solver_computes_all_that_a_response_holds(monkeypatch):
    asked, solve = [], IKSolver.solve

    def watched(*arguments):
        asked.append(solve(*arguments))
        return asked[-1]

    monkeypatch.setattr(IKSolver, "solve", watched)
    assert len(bare_answers(2, pause=0.0)) == 2
    for solutions in asked:
        assert len(solutions) == SAMPLES
        assert {"log_densities", "weights", "off_distribution"} <= vars(solutions).keys()
