"""Transforms that come in while the server is busy, where tf2 is installed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter

from ik_nn_ros.ros.faults import GuardedExecutor
from ik_nn_ros.ros.frames import TransformBuffer

NAME = "ik_server_transforms"
WAKING_PERIOD = 1.0  # [s]


class TransformListening:
    """tf2's buffer, and a node with a thread of its own that fills it from /tf and /tf_static.

    On the server's own thread no transform would come in during an answer: a request that is
    stamped with its time would be earlier than all that is known. The thread ends with ROS.

    Args:
        on_fault: is told where a transform cannot be read.

    Attributes:
        buffer: None where tf2_ros is not installed.
    """

    def __init__(self, on_fault: Callable[[Exception], None]) -> None:
        self.buffer: TransformBuffer | None = None
        try:
            from tf2_ros import Buffer, TransformListener
        except ImportError:
            return
        self.buffer = Buffer()
        self._node = Node(
            NAME,
            cli_args=["--ros-args", "-r", f"__node:={NAME}"],  # whatever the server is called
            start_parameter_services=False,
            enable_rosout=False,
            parameter_overrides=[Parameter("use_sim_time", value=False)],
        )
        self._listener = TransformListener(self.buffer, self._node)
        # A signal wakes all executors before it shuts ROS down: one that looks in between waits
        # again, and where no transform comes in it needs something else to see that ROS has ended.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._node.create_timer(WAKING_PERIOD, lambda: None, clock=steady)
        executor = GuardedExecutor(on_fault)
        executor.add_node(self._node)
        Thread(target=executor.spin, name=NAME).start()
