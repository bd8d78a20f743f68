"""Work that waits until nobody waits for the node; the clock is the test's own."""

import pytest
from rclpy.clock import ClockType

from ik_nn_ros.ros import afterwards


class Timer:
    """As rclpy's, on a clock that a test turns."""

    def __init__(self, clock, period, callback):
        self._clock, self._period, self._callback = clock, period, callback
        self._due = None

    def is_canceled(self):
        return self._due is None

    def cancel(self):
        self._due = None

    def reset(self):
        self._due = self._clock.now + self._period

    def turn(self):
        if self._due is not None and self._clock.now >= self._due:
            self._callback()


class Clock:
    now = 100.0

    def create_timer(self, period, callback, autostart, clock):
        assert not autostart
        assert clock.clock_type == ClockType.STEADY_TIME
        self.timer = Timer(self, period, callback)
        return self.timer

    def monotonic(self):
        return self.now

    def forward(self, seconds):
        self.now += seconds
        self.timer.turn()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(afterwards, "time", clock)
    return clock


@pytest.fixture
def done():
    return []


@pytest.fixture
def work(clock, done):
    return afterwards.Afterwards(clock, lambda: done.append(clock.now))


def test_it_is_done_once_when_all_is_quiet(clock, work, done):
    for _ in range(5):
        work.ask()
        clock.forward(0.5 * afterwards.QUIET)
    assert done == []
    clock.forward(afterwards.QUIET)
    clock.forward(10.0)
    assert len(done) == 1


def test_it_is_done_before_long_however_busy_the_node_is(clock, work, done):
    start = clock.now
    while clock.now < start + 10.0 * afterwards.LATEST:
        work.ask()
        clock.forward(0.5 * afterwards.QUIET)
    assert done[0] - start == pytest.approx(afterwards.LATEST, abs=2.0 * afterwards.QUIET)
    assert 8 <= len(done) <= 10


def test_nothing_is_done_unless_asked_for(clock, work, done):
    clock.forward(10.0)
    assert done == []
