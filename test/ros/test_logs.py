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
