"""The command `solve_ik`, run as a user runs it."""

import os
import subprocess
import sys

import pytest

from ik_nn_ros.ros.client import IKClient, main
from ik_nn_ros.ros.errors import ServiceUnavailableError


def solve_ik(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "ik_nn_ros.ros.client", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    )


def test_without_a_server_it_says_so(ros):
    """First: the tests below start one."""
    lonely = IKClient()
    try:
        with pytest.raises(ServiceUnavailableError, match="ROS_DOMAIN_ID"):
            lonely.wait_for_server(timeout=0.0)
    finally:
        lonely.close()


def test_it_prints_a_table_and_draws_the_arms(server, tmp_path):
    picture = tmp_path / "arms.png"
    outcome = solve_ik(
        "3.2", "-0.4", "--num-samples", "100", "--seed", "1", "--plot", str(picture), COLUMNS="120"
    )
    assert outcome.returncode == 0, outcome.stderr
    for words in ("joint_6", "error [m]", "solutions", "drawn to"):
        assert words in outcome.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_server_s_refusal_is_one_line_and_status_1(server):
    outcome = solve_ik("9.0", "0.0")
    assert outcome.returncode == 1
    assert "error -31" in outcome.stderr
    assert "3.5000" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("here", "0.0"), "invalid float value"),
        (("3.0", "0.5", "--num-samples", "-5"), "must be from 0 to 4294967295"),
        (("3.0", "0.5", "--num-samples", "4294967296"), "must be from 0 to 4294967295"),
        (("3.0", "0.5", "--seed", "-1"), "must be from 0"),
        (("3.0", "0.5", "--timeout", "-1"), "must be from 0"),
        (("3.0", "0.5", "--timeout", "inf"), "must be from 0"),
        (("3.0", "0.5", "--timeout", "nan"), "must be from 0"),
    ],
)
def test_an_argument_that_cannot_be_sent_is_refused(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["solve_ik", *arguments])
    assert caught.value.code == 2
    assert words in capsys.readouterr().err
