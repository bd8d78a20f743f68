"""Text of others in sentences: on one line, of bounded length."""

from pathlib import Path

import pytest

from ik_nn_ros.errors import ArmFileError, CheckpointError, ModelNotFoundError, UrdfError
from ik_nn_ros.texts import LONGEST_NAME, MOST_NAMES, listed, shown

FORGED = "a\n[ERROR] \x1b[31mforged\x1b[0m\r\u2028\u202e\x00"


@pytest.mark.parametrize("text", [FORGED, "\udcff", "\x85", "\t"])
def test_what_does_not_print_is_escaped(text):
    assert shown(text).isprintable() and len(shown(text).splitlines()) == 1


def test_what_prints_stays():
    assert shown("Gelenk_ä'\"\\1") == "Gelenk_ä'\"\\1"


def test_what_is_long_is_cut_and_says_so():
    assert shown("x" * 10**6) == "x" * LONGEST_NAME + "... (1000000 characters)"
    assert listed(map(str, range(MOST_NAMES))).endswith(f", {MOST_NAMES - 1}")
    assert listed(map(str, range(10**5))).endswith(f", {MOST_NAMES - 1} and {10**5 - 20} more")


@pytest.mark.parametrize(
    "error",
    [
        ModelNotFoundError(FORGED * 10**4, "no such model", ("exact",)),
        UrdfError(FORGED * 10**4, "has no links"),
        ArmFileError(Path(FORGED * 10**4), "is no file"),
        CheckpointError(Path(FORGED * 10**4), "does not exist"),
    ],
)
def test_errors_show_it_so(error):
    assert str(error).isprintable() and len(str(error)) < 10 * LONGEST_NAME
