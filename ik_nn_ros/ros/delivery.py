"""Requests that wait in turn for a node to answer them, and responses that reach their clients."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.executors import Executor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.service import Service

from ik_nn_ros.ros.faults import LINES_PERIOD
from ik_nn_ros.ros.parameter_requests import refuse, too_long
from ik_nn_ros.ros.readers import Reach, Readers, client_of
from ik_nn_ros.ros.turns import Turns

Answer = Callable[[Any, Any, float], Any]
"""A request, an empty response, and when the request arrived, on the monotonic clock [s] -> the
response, filled."""

RETRY_PERIOD = 0.1  # [s], first of the pauses between attempts to reach a client; each is doubled
GIVE_UP_AFTER = 30.0  # [s]; discovery takes up to 3 s, and longer on a machine with much to do
MOST_WAITING = 1000  # requests of one client
TIMED_OUT = r"failed to send response \(timeout\)"  # how rclpy's warning begins


@dataclass(frozen=True)
class Offer:
    """A service and who answers it.

    Attributes:
        service: rclpy's.
        answer: fills a response.
        send: rclpy's own way to send it.
        readers: whom responses reach.
    """

    service: Service
    answer: Answer
    send: Callable[[Any, Any], None]
    readers: Readers


@dataclass
class Waiting:
    """A request that waits.

    Attributes:
        offer: where it was asked for.
        request: what was asked.
        header: whom the response is for.
        arrival: on the monotonic clock [s].
        response: once there is one.
        attempts: how often that did not reach its client.
        not_before: when it is worth the next attempt, on the monotonic clock [s].
    """

    offer: Offer
    request: Any
    header: Any
    arrival: float
    response: Any = None
    attempts: int = 0
    not_before: float = -math.inf


class DeliveringNode(Node):
    """A node whose clients take turns, and wait for none that cannot be reached.

    A client may ask as soon as it has discovered the server, and the server may receive that before
    it has discovered where the client reads. rmw_fastrtps waits for that for 0.1 s; then it drops
    the response, rclpy warns, and the client waits for ever (ros2/rmw_fastrtps, issue 842). Here
    the request waits instead, for as long as discovery may take. Requests of a client that has
    gone are dropped, unanswered.
    """

    def __init__(self, name: str) -> None:
        self._offers: list[Offer] = []
        self._turns: Turns[Waiting] = Turns(MOST_WAITING)
        self._asked: Executor | None = None  # that is to give the next turn; it may be left, too
        self._when_sent: list[Callable[[], None]] = []
        self._all_taken = 0.0  # when all that had arrived was taken, on the monotonic clock
        super().__init__(name)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self._retry = self.create_timer(
            RETRY_PERIOD, self._look_again, autostart=False, clock=steady
        )

    def create_service(
        self, service_type: Any, name: str, callback: Callable[[Any, Any], Any], **keywords: Any
    ) -> Service:
        """As of every node, also for its parameters; see the class."""

        def answer(request: Any, response: Any, _: float) -> Any:
            if reason := too_long(request):
                self.get_logger().warning(
                    f"a request of {name} is refused: {reason}", throttle_duration_sec=LINES_PERIOD
                )
                return refuse(response, reason)
            return callback(request, response)

        return self.offer(service_type, name, answer, **keywords)

    def offer(self, service_type: Any, name: str, answer: Answer, **keywords: Any) -> Service:
        """A service whose answers know when they were asked for."""
        # What rclpy takes for a response, and gives back together with the header, is the request.
        service = super().create_service(service_type, name, lambda request, _: request, **keywords)
        offer = Offer(service, answer, service.send_response, Readers(self, service))
        service.send_response = partial(self._arrive, offer)
        self._offers.append(offer)
        return service

    def when_sent(self, work: Callable[[], None]) -> None:
        """Do some work as soon as the response that is being made is on its way."""
        self._when_sent.append(work)

    def _arrive(self, offer: Offer, request: Any, header: Any) -> None:
        """Serve at once whose turn it is: a pass of the executor takes longer than most answers."""
        self._take(offer, request, header)
        self._serve_next()

    def _take(self, offer: Offer, request: Any, header: Any) -> None:
        # By the wall clock it has waited for so long; never since before all was taken, whatever
        # that clock was set to since then.
        age = 0.0
        if header.received_timestamp > 0:
            age = max(0.0, 1e-9 * (time.time_ns() - header.received_timestamp))
        arrival = max(time.monotonic() - age, self._all_taken)
        if not self._turns.add(client_of(header), Waiting(offer, request, header, arrival)):
            self.get_logger().warning(
                f"a request of {offer.service.service_name} is dropped: {MOST_WAITING} of its "
                "client wait already",
                throttle_duration_sec=LINES_PERIOD,
            )

    def _take_all(self) -> None:
        """What has arrived, not one of each service: whose turn it is depends on all of it."""
        for offer in self._offers:
            handle, message = offer.service.handle, offer.service.srv_type.Request
            with handle:
                while (taken := handle.service_take_request(message))[1] is not None:
                    self._take(offer, *taken)
        self._all_taken = time.monotonic()

    def _ask_for_turn(self) -> None:
        if self._asked is not self.executor:
            self._asked = self.executor
            self.executor.create_task(self._serve_next)

    def _serve_next(self) -> None:
        """Serve the client whose turn it is; those that cannot be reached yet are passed over."""
        self._asked = None
        self._take_all()
        for client in self._turns.clients():
            waiting = self._turns.oldest(client)
            reach = waiting.offer.readers.reach(client)
            if reach is Reach.THERE and time.monotonic() >= waiting.not_before:
                try:
                    self._serve(client, waiting)
                finally:  # a fault in an answer ends no queue
                    if self._anybody_waits():
                        self._ask_for_turn()
                return
            if reach is Reach.BARRED or time.monotonic() > waiting.arrival + GIVE_UP_AFTER:
                self._drop(client, waiting, reach)
        if self._anybody_waits():
            self._retry.reset()

    def _anybody_waits(self) -> bool:
        return next(self._turns.clients(), None) is not None

    def _look_again(self) -> None:
        self._retry.cancel()
        self._ask_for_turn()

    def _serve(self, client: bytes, waiting: Waiting) -> None:
        """Answer a request, and send the response."""
        offer, start, done = waiting.offer, time.monotonic(), True
        try:
            if waiting.response is None:
                empty = offer.service.srv_type.Response()
                waiting.response = offer.answer(waiting.request, empty, waiting.arrival)
            done = _is_sent(offer.send, waiting.response, waiting.header)
        finally:
            if done:
                self._turns.finish(client, time.monotonic() - start)
        if not done:
            waiting.not_before = time.monotonic() + RETRY_PERIOD * 2**waiting.attempts
            waiting.attempts += 1
            offer.readers.look_again()
        while self._when_sent:
            self._when_sent.pop(0)()

    def _drop(self, client: bytes, waiting: Waiting, reach: Reach) -> None:
        """Forget all that a client waits for."""
        count, name = self._turns.drop(client), waiting.offer.service.service_name
        if reach is Reach.UNSEEN:
            self.get_logger().info(
                f"{count} requests of {name} are dropped: their client has gone",
                throttle_duration_sec=LINES_PERIOD,
            )
        else:
            self.get_logger().warning(
                f"{count} requests of {name} are dropped: no response reaches their client (has it "
                "other qualities of service?)",
                throttle_duration_sec=LINES_PERIOD,
            )


def _is_sent(send: Callable[[Any, Any], None], response: Any, header: Any) -> bool:
    # rclpy warns where a client is not discovered yet. It raises while the middleware refuses a
    # response, as it does where a queue that keeps all is full. A response to a client that has
    # gone counts as sent.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", TIMED_OUT, RuntimeWarning)
        try:
            send(response, header)
        except rclpy_implementation.RCLError:
            return False
    return not caught
