"""ROS started from a command line, of which ROS may not understand all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.logging import LoggingSeverity, set_logger_level
from rclpy.utilities import remove_ros_args

from ik_nn_ros.ros.errors import StartError


def initialize(arguments: Sequence[str] | None, **keywords: Any) -> None:
    """`rclpy.init`.

    Raises:
        StartError: arguments or a parameter file that ROS cannot read.
    """
    with _in_one_sentence():
        rclpy.init(args=arguments, **keywords)


@contextmanager
def initialized(arguments: Sequence[str]) -> Iterator[None]:
    """ROS between `initialize` and its shutdown."""
    initialize(arguments)
    try:
        yield
    finally:
        rclpy.try_shutdown()


def own_arguments(command: Sequence[str]) -> list[str]:
    """What of a command line is not ROS's, without the command's name.

    Raises:
        StartError: see `initialize`.
    """
    with _in_one_sentence():
        return remove_ros_args(command)[1:]


@contextmanager
def node_refusals() -> Iterator[None]:
    """A node is made within it, which has parameters and names that ROS looks at itself.

    Raises:
        StartError: a value of another type, as of `use_sim_time`, or a name that ROS refuses.
    """
    try:
        yield
    except (ParameterException, NameValidationException, RuntimeError) as error:
        if not rclpy.ok():  # a shutdown makes rclpy fail in many ways
            raise
        raise _refusal(error) from None


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    # Our line says it; rcl would log a second one.
    set_logger_level("rcl", LoggingSeverity.FATAL)
    try:
        yield
    except (RuntimeError, UnicodeError) as error:
        raise _refusal(error) from None
    finally:
        set_logger_level("rcl", LoggingSeverity.UNSET)


def _refusal(error: Exception) -> StartError:
    """What ROS says, without where in its sources it says so."""
    reason = re.sub(r",\s+at \S+:\d+", "", str(error))
    return StartError(f"ROS arguments: {' '.join(reason.split())}")
