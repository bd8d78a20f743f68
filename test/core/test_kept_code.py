"""Machine code that is kept: damaged, planted or refused, the answer is the same."""

import errno
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from ik_nn_ros import compilation, kept_code, private_folder
from ik_nn_ros.private_folder import write_private

OTHER_USER = 4_000_000_000


def twice(value):
    return 2.0 * value


def thrice(value):
    return 3.0 * value


@pytest.fixture(autouse=True)
def nothing_said(caplog):
    kept_code._warned.clear()
    kept_code._say_that_it_compiles.cache_clear()
    caplog.set_level(logging.INFO, "ik_nn_ros")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = private_folder.private_folder(str(tmp_path / "kept"))
    monkeypatch.setattr(compilation, "CODE_FOLDER", folder)
    return folder


def called_anew(function=twice):
    """What another process would get, and whether it has loaded the code."""
    compiled = compilation.plain(function)
    return compiled(4.0), sum(compiled.stats.cache_hits.values()) == 1


def warnings(caplog):
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


def belongs_to_another(path, monkeypatch):
    if os.geteuid() == 0:
        os.chown(path, OTHER_USER, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: OTHER_USER)


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_code_is_kept_for_this_user_alone_and_loaded(folder, caplog):
    previous = os.umask(0)
    try:
        assert called_anew() == (8.0, False)
    finally:
        os.umask(previous)
    assert called_anew() == (8.0, True)
    (kept,) = folder.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    (line,) = (one.getMessage() for one in caplog.records)
    assert "compiling machine code" in line and str(folder) in line


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path):
    path.write_bytes(b"")


def zeroed(path):
    path.write_bytes(bytes(path.stat().st_size))


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def another_text(path):
    write_private(path, b"no pickle")


def another_pickle(path):
    write_private(path, pickle.dumps({"of": "something else"}))


def a_link(path):
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage", [cut, emptied, zeroed, flipped, another_text, another_pickle, a_link, a_pipe]
)
def test_a_damaged_file_is_a_line_and_compiled_anew(damage, folder, caplog):
    called_anew()
    (kept,) = folder.iterdir()
    damage(kept)
    assert called_anew() == (8.0, False)
    assert len(warnings(caplog)) == 1
    assert called_anew() == (8.0, True)
    assert len(warnings(caplog)) == 1


def test_many_damaged_files_are_one_line(folder, caplog):
    for function in (twice, thrice):
        called_anew(function)
    for kept in folder.iterdir():
        zeroed(kept)
    assert [called_anew(function) for function in (twice, thrice)] == [(8.0, False), (12.0, False)]
    assert len(warnings(caplog)) == 1


class Planted:
    ran = False

    def __reduce__(self):
        return setattr, (Planted, "ran", True)


@pytest.mark.parametrize("mode", [0o620, 0o602, None])
def test_what_others_may_write_is_not_run(mode, folder, caplog, monkeypatch):
    called_anew()
    (kept,) = folder.iterdir()
    write_private(kept, pickle.dumps(Planted()))
    if mode is None:
        belongs_to_another(kept, monkeypatch)
    else:
        kept.chmod(mode)
    assert called_anew() == (8.0, False)
    assert not Planted.ran
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("where", [(private_folder.tempfile, "mkstemp"), (os, "replace")])
def test_a_full_disk_is_one_line_and_leaves_nothing(where, folder, caplog, monkeypatch):
    monkeypatch.setattr(*where, full_disk)
    assert [called_anew(function) for function in (twice, thrice)] == [(8.0, False), (12.0, False)]
    (line,) = warnings(caplog)
    assert "No space left" in line
    assert not list(folder.iterdir())


def test_from_a_folder_that_is_only_readable_code_is_loaded(folder, caplog, monkeypatch):
    called_anew()

    def read_only(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(private_folder.tempfile, "mkstemp", read_only)
    monkeypatch.setattr(Path, "mkdir", read_only)
    monkeypatch.setattr(compilation, "CODE_FOLDER", private_folder.private_folder(str(folder)))
    assert called_anew() == (8.0, True)
    assert not warnings(caplog)
    assert called_anew(thrice) == (12.0, False)
    assert len(warnings(caplog)) == 1


def code_folder(path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(path))
    return kept_code.code_folder()


def by_group(path, monkeypatch):
    path.chmod(0o770)


def by_others(path, monkeypatch):
    path.chmod(0o707)


def no_folder(path, monkeypatch):
    path.rmdir()
    path.touch()


@pytest.mark.parametrize("below", ["", "deeper", "deeper/still"])
@pytest.mark.parametrize("through_a_link", [False, True])
@pytest.mark.parametrize("fault", [by_group, by_others, belongs_to_another, no_folder])
def test_a_folder_that_others_may_write_is_refused(
    fault, through_a_link, below, tmp_path, caplog, monkeypatch
):
    path = tmp_path / "folder"
    path.mkdir()
    fault(path, monkeypatch)
    if through_a_link:
        (tmp_path / "link").symlink_to(path)
        path = tmp_path / "link"
    assert code_folder(path / below, monkeypatch) is None
    (line,) = warnings(caplog)
    assert str(tmp_path) in line and "not kept" in line


def test_a_sticky_folder_may_lead_to_one_s_own_but_hold_no_code(tmp_path, caplog, monkeypatch):
    tmp_path.chmod(0o1777)
    assert code_folder(tmp_path / "own", monkeypatch).parent == tmp_path / "own"
    with pytest.raises(PermissionError, match="written by others"):
        private_folder.private_folder(str(tmp_path))


def test_folders_are_made_for_this_user_alone(tmp_path, monkeypatch):
    previous = os.umask(0)
    try:
        made = code_folder(tmp_path / "some" / "where", monkeypatch)
    finally:
        os.umask(previous)
    for path in (made, made.parent, made.parent.parent):
        assert path.stat().st_mode & 0o777 == 0o700


def test_a_link_to_one_s_own_folder_counts_as_that(tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "own")
    assert code_folder(tmp_path / "link", monkeypatch).parent == tmp_path / "own"


@pytest.mark.parametrize("path", ["here", "./here", "../here", "~nobody_of_this_name/here"])
def test_a_relative_folder_is_refused_and_not_made(path, tmp_path, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert code_folder(path, monkeypatch) is None
    assert len(warnings(caplog)) == 1
    assert not list(tmp_path.iterdir())


def test_the_home_is_meant_by_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert code_folder("~/code", monkeypatch).parent == tmp_path / "code"
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert code_folder("", monkeypatch).parent == tmp_path / ".cache" / "ik_nn_ros"


def test_without_a_home_no_folder_of_that_name_appears(tmp_path, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: OTHER_USER)  # whom no list of users has
    assert code_folder("", monkeypatch) is None
    assert len(warnings(caplog)) == 1
    assert not list(tmp_path.iterdir())


PROGRAM = """
from ik_nn_ros.posterior.quantiles import knot_of_level
print(knot_of_level(0.5), sum(knot_of_level.stats.cache_hits.values()))
"""


@pytest.mark.parametrize(
    ("folder", "hits", "lines"), [("kept", [0, 1], 0), ("/proc/nowhere", [0], 1), ("~x/y", [0], 1)]
)
def test_a_process_leaves_its_code_to_the_next_or_says_why_not(folder, hits, lines, tmp_path):
    environment = os.environ | {
        "NUMBA_CACHE_DIR": folder if folder == "~x/y" else str(tmp_path / folder),
        "PYTHONPATH": str(Path(compilation.__file__).parents[1]),
    }
    command = [sys.executable, "-c", PROGRAM]
    for hit in hits:
        outcome = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        value, count = outcome.stdout.split()
        assert float(value) == pytest.approx(0.5)
        assert int(count) == hit
        assert len(outcome.stderr.splitlines()) == lines
    assert {path.name for path in tmp_path.iterdir()} <= {"kept"}
