"""A real node is measured, for a moment."""

from benchmarks.node import Server, connected_client, example_request, ros_environment
from benchmarks.service import marker_viewer, round_trips
from benchmarks.size import QUICK


def test_round_trips_take_longer_than_the_solver_while_somebody_watches():
    with ros_environment(), Server("measured") as server, connected_client("measured") as client:
        server.wait_for(client)
        assert 50.0 < server.memory() < 4000.0
        client.solve(example_request())  # so that there is something to see
        with marker_viewer():
            measured = round_trips(client, QUICK.requests, viewer=True, pause=0.0)
    assert 0.0 < measured.overhead.median < measured.round_trip.median
    assert measured.round_trip.rounds == QUICK.requests
