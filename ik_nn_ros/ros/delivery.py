"""Responses that reach a client which asked before it was fully discovered."""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.service import Service

RETRY_PERIOD = 0.5  # [s]
MOST_FAILURES = 3  # of 0.1 s each, in a period: requests shall not wait for longer
GIVE_UP_AFTER = 10.0  # [s]; discovery alone takes up to 3 s
TIMED_OUT = r"failed to send response \(timeout\)"  # how rclpy's warning begins


@dataclass(frozen=True)
class Undelivered:
    """A response whose client the middleware cannot reach yet.

    Attributes:
        send: sends it; whether it is on its way.
        service: where it was asked for.
        deadline: when to give up, on the monotonic clock [s].
    """

    send: Callable[[], bool]
    service: str
    deadline: float


class DeliveringNode(Node):
    """A node that sends a response again until its client can be reached, or has gone.

    A client may ask as soon as it has discovered the server, and the server may answer before it
    has discovered where the client receives. rmw_fastrtps waits for that for 0.1 s; then it drops
    the response, rclpy warns, and the client waits for ever (ros2/rmw_fastrtps, issue 842).
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._undelivered: deque[Undelivered] = deque()
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self._retry = self.create_timer(
            RETRY_PERIOD, self._send_again, autostart=False, clock=steady
        )

    def create_service(self, *arguments: Any, **keywords: Any) -> Service:
        """As of every node, also for its parameters; the responses are delivered."""
        service = super().create_service(*arguments, **keywords)
        service.send_response = partial(self._send, service, service.send_response)
        return service

    def _send(self, service: Service, send: Callable[..., None], *response: Any) -> None:
        send_this = partial(_is_sent, send, *response)
        if not send_this():
            name = self.resolve_service_name(service.srv_name)
            deadline = time.monotonic() + GIVE_UP_AFTER
            self._undelivered.append(Undelivered(send_this, name, deadline))
            if self._retry.is_canceled():  # else it would begin its period again
                self._retry.reset()

    def _send_again(self) -> None:
        failures = 0
        for _ in range(len(self._undelivered)):
            response = self._undelivered.popleft()
            if response.send():
                continue
            if time.monotonic() < response.deadline:
                self._undelivered.append(response)
            else:
                self.get_logger().warning(
                    f"a response of {response.service} is dropped: for {GIVE_UP_AFTER:g} s its "
                    "client could not be reached (has it other qualities of service?)"
                )
            failures += 1
            if failures == MOST_FAILURES:
                break
        if not self._undelivered:
            self._retry.cancel()


def _is_sent(send: Callable[..., None], *response: Any) -> bool:
    # rclpy tells by a warning alone. A client that has gone counts as sent to.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", TIMED_OUT, RuntimeWarning)
        send(*response)
    return not caught
