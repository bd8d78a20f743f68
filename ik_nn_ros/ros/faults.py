"""What becomes of a fault in a callback: it ends that callback, and not the node."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from ik_nn_ros.texts import LONGEST_MESSAGE, shown

LINES_PERIOD = 5.0  # [s], between two lines from one place about what clients can repeat


class GuardedExecutor(SingleThreadedExecutor):
    """Runs callbacks, whoever's they are; one that raises is told of, and the next one runs.

    Timers, subscriptions, services, parameters' and events' callbacks, rclpy's own ones, and work
    that was left for later: everything that a node does passes through here.

    Args:
        on_fault: is told.
    """

    # rclpy's destructor looks at it, even where a shutdown kept it from being made.
    _sigint_gc = None

    def __init__(self, on_fault: Callable[[Exception], None]) -> None:
        super().__init__()
        self._on_fault = on_fault

    def spin(self) -> None:
        """Run callbacks until ROS is shut down."""
        try:
            super().spin()
        except Exception:
            if self.context.ok():  # a shutdown makes rclpy fail in many ways
                raise

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Run at most one callback; see `SingleThreadedExecutor.spin_once`.

        Raises:
            ExternalShutdownException: ROS was shut down; whatever else comes of that.
        """
        try:
            super().spin_once(timeout_sec)
        except ExternalShutdownException:
            raise
        except Exception as error:
            if not self.context.ok():
                raise
            self._on_fault(error)


def described(error: Exception) -> str:
    """Where an error came from, and what it says on one line: a client may have put it there."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    name = type(error).__name__
    return (
        f"Traceback (most recent call last):\n{trace}{name}: {shown(str(error), LONGEST_MESSAGE)}"
    )
