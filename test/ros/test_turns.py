"""Whose turn it is."""

from itertools import count, islice

from ik_nn_ros.ros.turns import Turns


def serve(turns, seconds=lambda client: 1.0):
    """The clients in the order in which they are served."""
    while (client := next(turns.clients(), None)) is not None:
        turns.finish(client, seconds(client))
        yield client


def test_clients_that_ask_for_alike_take_turns():
    turns = Turns(most=10)
    for client, items in (("a", 4), ("b", 2), ("c", 1)):
        for item in range(items):
            assert turns.add(client, item)
    assert "".join(serve(turns)) == "abcabaa"


def test_a_client_that_comes_later_is_served_before_anybody_has_two_turns():
    turns = Turns(most=1000)
    for client in "abc":
        for item in range(300):
            turns.add(client, item)
    assert "".join(islice(serve(turns), 7)) == "abcabca"
    turns.add("late", 0)
    assert "late" in islice(serve(turns), 4)


def test_one_who_asks_for_little_does_not_wait_for_all_who_ask_for_much():
    turns = Turns(most=1000)
    for item in range(300):
        for client in ("heavy", "heavier", "heaviest"):
            turns.add(client, item)
    turns.add("light", 0)
    served = []
    for client in islice(serve(turns, lambda client: 0.01 if client == "light" else 5.0), 100):
        served.append(client)
        if client == "light":
            turns.add("light", 0)  # a moment later, as the next one is in hand
    waited = [len(part) for part in "".join(name[-1] for name in served).split("t")]
    assert max(waited) <= 3


def test_having_asked_for_nothing_earns_nothing():
    turns = Turns(most=1000)
    for item in range(50):
        turns.add("a", item)
    assert "".join(islice(serve(turns), 20)) == 20 * "a"
    for item in range(50):
        turns.add("b", item)
    assert "".join(islice(serve(turns), 10)).count("b") in (5, 6)


def test_of_each_client_so_many_wait_and_no_trace_is_left_of_those_that_are_served():
    turns = Turns(most=3)
    assert [turns.add("a", item) for item in range(5)] == [True, True, True, False, False]
    assert turns.add("b", 0)
    assert turns.drop("a") == 3
    assert list(serve(turns)) == ["b"]
    for client in islice(count(), 1000):
        turns.add(str(client).encode(), 0)
        list(serve(turns))
    assert len(turns._lines) == 0
