"""Clients of a service: the one that a request is from, and whether a response reaches it.

rclpy tells neither. Without knowing it, each response to a client that has gone, or that the
middleware cannot match, costs 0.1 s of waiting, for all others, too.
"""

from __future__ import annotations

import ctypes
import math
import time
from enum import Enum, auto
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, qos_check_compatible
from rclpy.service import Service
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rclpy.utilities import get_rmw_implementation_identifier

# How long what was seen of the clients holds: at least so long [s], and so many times as long as it
# took to look, which of a thousand clients is a tenth of a second.
FRESH = 0.005
SEEN_HOLDS, UNSEEN_HOLDS = 20, 5
GUID_BYTES = 16


class _Header(ctypes.Structure):
    """rmw_service_info_t, of which rclpy shows all but the client's GUID."""

    _fields_ = (
        ("source_timestamp", ctypes.c_int64),
        ("received_timestamp", ctypes.c_int64),
        ("writer_guid", ctypes.c_uint8 * GUID_BYTES),
        ("sequence_number", ctypes.c_int64),
    )


def client_of(header: Any) -> bytes:
    """The GUID of the client behind a request's header (rmw_service_info_t).

    Empty where it cannot be read: all clients then count as one.
    """
    # pybind11's objects begin as all of Python's, then comes where the C structure is.
    where = ctypes.c_void_p.from_address(id(header) + object.__basicsize__).value
    if not where:
        return b""
    read = _Header.from_address(where)
    shown = (
        header.source_timestamp,
        header.received_timestamp,
        header.request_id.sequence_number,
    )
    if (read.source_timestamp, read.received_timestamp, read.sequence_number) != shown:
        return b""
    return bytes(read.writer_guid)


class Reach(Enum):
    """Whether responses reach a client."""

    THERE = auto()
    UNSEEN = auto()  # not discovered yet, or gone
    BARRED = auto()  # its qualities of service cannot be met


class Readers:
    """The clients that read the responses of one service, as the middleware sees them.

    Middlewares other than Fast DDS name these otherwise: their clients all count as there.

    Args:
        node: that offers the service.
        service: the service.
    """

    def __init__(self, node: Node, service: Service) -> None:
        self._node = node
        self._topic = f"rr{service.service_name}Reply"
        self._known = "fastrtps" in get_rmw_implementation_identifier()
        self._seen: dict[bytes, Reach] = {}
        self._looked = -math.inf
        self._took = 0.0

    def reach(self, client: bytes) -> Reach:
        """Whether a response would reach a client now."""
        if not (self._known and client):
            return Reach.THERE
        holds = FRESH + (SEEN_HOLDS if client in self._seen else UNSEEN_HOLDS) * self._took
        if time.monotonic() - self._looked > holds:
            self._look()
        return self._seen.get(client, Reach.UNSEEN)

    def look_again(self) -> None:
        """Trust nothing that was seen until now."""
        self._looked = -math.inf

    def _look(self) -> None:
        start = time.monotonic()
        own = self._node.get_publishers_info_by_topic(self._topic, no_mangle=True)
        readers = self._node.get_subscriptions_info_by_topic(self._topic, no_mangle=True)
        self._seen = {
            bytes(reader.endpoint_gid[:GUID_BYTES]): _reach(own, reader) for reader in readers
        }
        self._looked = time.monotonic()
        self._took = self._looked - start


def _reach(writers: list[TopicEndpointInfo], reader: TopicEndpointInfo) -> Reach:
    """Of a reader, given who writes for it."""
    for writer in writers:
        fits, _ = qos_check_compatible(writer.qos_profile, reader.qos_profile)
        if fits != QoSCompatibility.ERROR:
            return Reach.THERE
    return Reach.BARRED
