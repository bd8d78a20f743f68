"""What is compiled at install time."""

import sys
from pathlib import Path

import pytest

from ik_nn_ros import IKSolver, compilation, compile
from ik_nn_ros.models import WEIGHTS_FOLDER


@pytest.fixture
def prepared(monkeypatch):
    """The names of what has been loaded, in the place of loading it."""
    names = []
    monkeypatch.setattr(IKSolver, "exact", lambda arm: names.append("exact"))
    monkeypatch.setattr(IKSolver, "from_checkpoint", lambda path: names.append(Path(path).name))
    return names


def test_the_exact_sampler_and_every_shipped_network_are_compiled(prepared, capsys, monkeypatch):
    monkeypatch.setattr(compilation, "CODE_FOLDER", Path("/where"))
    assert compile.main([]) == 0
    assert prepared.count("exact") == len(compile.ARMS)
    assert set(prepared) == {"exact", *(path.name for path in WEIGHTS_FOLDER.glob("*.safetensors"))}
    assert "/where" in capsys.readouterr().out


def test_nothing_is_compiled_where_it_cannot_be_kept(prepared, capsys, monkeypatch):
    monkeypatch.setattr(compilation, "CODE_FOLDER", None)
    assert compile.main([]) == 1
    assert prepared == []


def test_without_numba_it_says_in_one_line_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in ("compilation", "kept_code"):
        monkeypatch.delitem(sys.modules, f"ik_nn_ros.{name}")
    monkeypatch.delattr("ik_nn_ros.compilation")
    assert compile.main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install numba" in line


@pytest.mark.parametrize(("argument", "status"), [("--help", 0), ("everything", 2)])
def test_to_be_asked_for_help_or_for_something_else_compiles_nothing(prepared, argument, status):
    with pytest.raises(SystemExit) as caught:
        compile.main([argument])
    assert caught.value.code == status
    assert prepared == []
