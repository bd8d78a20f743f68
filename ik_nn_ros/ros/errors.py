"""The errors that only the ROS side knows."""

from __future__ import annotations

from ik_nn_ros.errors import IKError
from ik_nn_ros.ros.answer import Answer, PathAnswer
from ik_nn_ros.texts import shown

LONGEST_REASON = 500  # characters of what tf2 says, which repeats the frame


class InvalidParameterError(IKError):
    """A value that a parameter of the server cannot have.

    Attributes:
        parameter: its name.
    """

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"parameter '{shown(parameter)}': {reason}")
        self.parameter = parameter


class StartError(IKError):
    """Arguments or a parameter file that ROS cannot read."""


class FrameError(IKError):
    """A target in a frame from which there is no way into the arm's.

    Attributes:
        frame: the frame asked for.
        base_frame: the arm's, which is always allowed.
    """

    def __init__(self, frame: str, base_frame: str, reason: str) -> None:
        super().__init__(
            f"target: frame '{shown(frame)}' cannot be transformed to '{base_frame}' "
            f"({shown(reason, LONGEST_REASON)}); "
            f"give it in '{base_frame}', or leave the frame empty"
        )
        self.frame = frame
        self.base_frame = base_frame


class ShutdownError(IKError):
    """Work that was stopped because the server ends."""

    def __init__(self) -> None:
        super().__init__("the server ends")


class ServiceUnavailableError(IKError):
    """No server that answers.

    Attributes:
        service: the service's name.
        waited: how long the client waited [s].
    """

    def __init__(self, service: str, waited: float, reason: str) -> None:
        super().__init__(f"{service}: {reason} within {waited:g} s")
        self.service = service
        self.waited = waited


class RequestRefusedError(IKError):
    """The server answered with an error code.

    Attributes:
        code: one of the constants of SolveIK.Response.
        ready: the solutions that were ready when the time ran out, or the part of a path before it
            breaks; else None.
    """

    def __init__(self, code: int, message: str, ready: Answer | PathAnswer | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.ready = ready
