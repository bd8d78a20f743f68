"""Asks a server from Python, in arrays: for solutions, for paths, for its arm."""

from __future__ import annotations

import json
import math
import time
from functools import cached_property
from types import TracebackType
from typing import Any

from rcl_interfaces.srv import GetParameters
from rclpy.client import Client
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.answer import Answer, PathAnswer
from ik_nn_ros.ros.errors import ServiceUnavailableError
from ik_nn_ros.ros.messages import parse_response, require_declared_types
from ik_nn_ros.ros.path_messages import parse_path_response
from ik_nn_ros.ros.starting import node_refusals

DISCOVERY_TIMEOUT = 10.0  # [s]; discovery alone takes up to 3 s
ANSWER_TIMEOUT = 60.0  # [s], beside the time that the request itself allows
SPIN_PERIOD = 0.1  # [s], between looks at the clock
MATCHING = 0.5  # [s]; the middleware counts a server before it sends requests there
SERVER = "ik_server"


class IKClient:
    """Calls a server's services and waits for the answers, after `rclpy.init`.

    With a node and an executor of its own: it can be used beside any other node, in its callbacks,
    too. One call at a time: threads need a client each. `with IKClient() as client:` closes it.

    Args:
        namespace: the server's; empty: as this process was told, else the root.

    Raises:
        StartError: ROS was told what no node can be, as a clock that is a number.
    """

    def __init__(self, namespace: str = "") -> None:
        # Nobody sets a client's parameters, and each service makes every look at the node longer.
        with node_refusals():
            self._node = Node("solve_ik", namespace=namespace, start_parameter_services=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._client = self._node.create_client(SolveIK, "solve_ik", qos_profile=qos.SERVICE)

    def __enter__(self) -> IKClient:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See `close`."""
        self.close()

    def close(self) -> None:
        """Release the node."""
        self._executor.shutdown()
        self._node.destroy_node()

    def wait_for_server(self, timeout: float = DISCOVERY_TIMEOUT) -> None:
        """Wait until the service is there.

        Raises:
            ServiceUnavailableError: it does not appear within ``timeout`` [s].
        """
        if not self._client.wait_for_service(timeout):
            reason = "no server found (is ik_server running with the same ROS_DOMAIN_ID?)"
            raise ServiceUnavailableError(self._client.srv_name, timeout, reason)

    def solve(self, request: SolveIK.Request) -> Answer:
        """The server's solutions; those of its successor, if it is killed before it answers.

        Raises:
            InvalidRequestError: a field has a value of another type than the message declares.
            RequestRefusedError: the server answered with an error code.
            ServiceUnavailableError: it did not answer.
        """
        require_declared_types(request)
        limit = ANSWER_TIMEOUT + request.timeout.sec
        return parse_response(self._wait(self._client, request, limit))

    def solve_path(self, request: SolveIKPath.Request) -> PathAnswer:
        """The server's joint positions along a path, in time.

        Raises:
            InvalidRequestError: a field has a value of another type than the message declares.
            RequestRefusedError: the server answered with an error code; what comes before the
                target at which the path breaks is in it.
            ServiceUnavailableError: there is no such server, or it did not answer.
        """
        require_declared_types(request)
        limit = ANSWER_TIMEOUT + request.timeout.sec
        _require(self._path_client)
        return parse_path_response(self._wait(self._path_client, request, limit))

    def abandon(self, request: SolveIK.Request) -> None:
        """Ask, and do not wait: ROS services know no cancelling, so the answer is dropped."""
        self._client.remove_pending_request(self._client.call_async(request))

    def arm(self) -> PlanarArm:
        """The server's arm as it is drawn, from its parameters `base`, `link_lengths`, `mount`.

        Raises:
            ServiceUnavailableError: the server does not tell.
        """
        client = self._node.create_client(GetParameters, f"{SERVER}/get_parameters")
        try:
            _require(client)
            request = GetParameters.Request(names=["base", "link_lengths", "mount"])
            base, links, mount = self._wait(client, request, ANSWER_TIMEOUT).values
        finally:
            self._node.destroy_client(client)
        return PlanarArm(
            tuple(links.double_array_value),
            base=base.string_value,
            mount=Mount(**json.loads(mount.string_value)),
        )

    @cached_property
    def _path_client(self) -> Client:
        return self._node.create_client(SolveIKPath, "solve_ik_path", qos_profile=qos.SERVICE)

    def _wait(self, client: Client, request: Any, limit: float) -> Any:
        """The response to a request, within a time [s].

        A server that is killed takes its requests with it, so the request is sent again where
        another one appears, as soon as requests reach it; not to one that only takes its time. An
        answer depends on nothing but the request: the first one counts.
        """
        start = looked = time.monotonic()
        futures, servers, send_again = [client.call_async(request)], None, math.inf
        try:
            # spin_until_future_complete leaks callbacks in rclpy 7.1; this loop does not.
            while not any(future.done() for future in futures):
                self._executor.spin_once(timeout_sec=SPIN_PERIOD)
                now = time.monotonic()
                if now - start > limit:
                    raise ServiceUnavailableError(client.srv_name, limit, "no answer")
                if now - looked >= SPIN_PERIOD:
                    known, looked = servers, now
                    servers = self._node.count_services(client.srv_name)
                    if known is not None and servers > known:
                        send_again = now + MATCHING
                if now >= send_again:
                    futures.append(client.call_async(request))
                    send_again = math.inf
        finally:
            for future in futures:
                client.remove_pending_request(future)
        return next(future.result() for future in futures if future.done())


def _require(client: Client) -> None:
    """Raise ServiceUnavailableError where a service does not appear."""
    if not client.wait_for_service(DISCOVERY_TIMEOUT):
        raise ServiceUnavailableError(client.srv_name, DISCOVERY_TIMEOUT, "no such service")
