"""The core's log lines in ROS's log."""

import logging

from ik_nn_ros.ros.logs import ForwardingHandler


class Lines:
    def __init__(self):
        self.lines = []

    def info(self, message):
        self.lines.append(("info", message))

    def warning(self, message):
        self.lines.append(("warning", message))


def test_what_the_core_logs_reaches_the_latest_node_once():
    former, latest = Lines(), Lines()
    logger = logging.getLogger("ik_nn_ros.backends")
    handlers = [ForwardingHandler(lines) for lines in (former, latest)]
    try:
        for handler in handlers:
            handler.install()
        logger.info("loading")
        logger.warning("falling back from %s", "numpy")
    finally:
        logging.getLogger("ik_nn_ros").removeHandler(handlers[-1])
    assert former.lines == []
    assert latest.lines == [("info", "loading"), ("warning", "falling back from numpy")]


def test_what_an_arm_s_file_calls_its_joints_makes_no_lines_of_its_own():
    log = Lines()
    handler = ForwardingHandler(log)
    try:
        handler.install()
        logging.getLogger("ik_nn_ros.arm").warning("joint %s: narrow", "a\n\x1b[31m" + "b" * 10**6)
    finally:
        logging.getLogger("ik_nn_ros").removeHandler(handler)
    ((_, line),) = log.lines
    assert line.startswith(r"joint a\n\x1b[31mb") and len(line) < 2100


def test_what_a_client_makes_the_core_say_again_and_again_is_said_once():
    log = Lines()
    handler = ForwardingHandler(log)
    try:
        handler.install()
        for _ in range(20):
            for model in ("cvae", "inn"):
                logging.getLogger("ik_nn_ros.backends").warning("%s: falling back", model)
    finally:
        logging.getLogger("ik_nn_ros").removeHandler(handler)
    assert log.lines == [("warning", "cvae: falling back"), ("warning", "inn: falling back")]
