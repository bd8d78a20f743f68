"""What the core logs, in ROS's log."""

from __future__ import annotations

import logging
import time
from typing import Protocol

from ik_nn_ros.ros.faults import LINES_PERIOD
from ik_nn_ros.texts import LONGEST_MESSAGE, shown

CORE = logging.getLogger("ik_nn_ros")


class Logger(Protocol):
    """What is used of ROS's logger."""

    def info(self, message: str) -> object:
        """Write a line."""

    def warning(self, message: str) -> object:
        """Write a line that asks for attention."""


class ForwardingHandler(logging.Handler):
    """Passes the core's records on; in a process, the latest one installed alone does.

    A line that comes again soon is dropped: a client may ask again and again for a model whose
    loading says why it fails.

    Args:
        logger: ROS's.
    """

    def __init__(self, logger: Logger) -> None:
        super().__init__(logging.INFO)
        self._logger = logger
        self._said: dict[str, float] = {}  # when, on the monotonic clock [s]

    def install(self) -> None:
        """Begin."""
        CORE.handlers = [
            handler for handler in CORE.handlers if not isinstance(handler, ForwardingHandler)
        ]
        CORE.addHandler(self)
        CORE.setLevel(logging.INFO)  # Python's own default would hold them back

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        write = self._logger.info if record.levelno < logging.WARNING else self._logger.warning
        message, now = shown(record.getMessage(), LONGEST_MESSAGE), time.monotonic()
        self._said = {said: at for said, at in self._said.items() if now - at < LINES_PERIOD}
        if message not in self._said:
            self._said[message] = now
            write(message)
