"""What is compared takes turns, and is summed up by medians and percentiles."""

from itertools import groupby

import pytest

from benchmarks import timing
from benchmarks.formatting import milliseconds, number, paragraph, spread
from benchmarks.timing import Ratio, Timing, interleaved


@pytest.mark.parametrize("steady", [0.0, 0.005])
def test_actions_take_turns_after_a_round_that_does_not_count(monkeypatch, steady):
    """Short ones are repeated at their turn, and count once."""
    monkeypatch.setattr(timing, "STEADY", steady)
    calls = []
    seconds = interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, rounds=3)
    turns = [(name, len(list(group))) for name, group in groupby(calls)]
    assert [name for name, _ in turns] == list("abababab")
    assert all((count > 1) == (steady > 0.0) for _, count in turns[2:])
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}


def test_a_timing_is_a_median_and_a_99th_percentile():
    measured = Timing.of([0.001 * value for value in range(101)])
    assert measured == Timing(pytest.approx(0.050), pytest.approx(0.099), 101)
    assert milliseconds(measured) == "50 (p99 99)"


def test_a_ratio_is_taken_round_by_round():
    ratio = Ratio.of([2.0, 40.0, 6.0], [1.0, 10.0, 2.0])
    assert ratio.median == 3.0
    assert ratio.low < 3.0 < ratio.high
    assert spread(Ratio(3.0, 2.25, 1234.5)) == "3 x (2.25 to 1 230)"


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (123.4, "123"), (1999.6, "2 000"), (1e6, "1 000 000")]
)
def test_numbers_show_three_digits(value, text):
    assert number(value) == text


def test_paragraphs_keep_the_width_and_their_words():
    words = ["word-with-hyphens"] * 30
    lines = paragraph(" ".join(words)).splitlines()
    assert max(map(len, lines)) <= 100
    assert " ".join(lines).split() == words
