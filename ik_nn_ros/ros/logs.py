"""What the core logs, in ROS's log."""

from __future__ import annotations

import logging
from typing import Protocol

CORE = logging.getLogger("ik_nn_ros")


class Logger(Protocol):
    """What is used of ROS's logger."""

    def info(self, message: str) -> object:
        """Write a line."""

    def warning(self, message: str) -> object:
        """Write a line that asks for attention."""


class ForwardingHandler(logging.Handler):
    """Passes the core's records on; in a process, the latest one installed alone does.

    Args:
        logger: ROS's.
    """

    def __init__(self, logger: Logger) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

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
        write(record.getMessage())
