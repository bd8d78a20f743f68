"""The examples of the docstrings hold, and every public name has one."""

import doctest
import importlib
from pathlib import Path

import pytest

import ik_nn_ros
from ik_nn_ros import IKError

ROOT = Path(__file__).parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "ik_nn_ros").rglob("*.py"))
    if "\n    >>> " in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried and not failed


@pytest.mark.parametrize("name", ik_nn_ros.__all__)
def test_a_public_name_has_an_example(name):
    public = getattr(ik_nn_ros, name)
    if not (isinstance(public, type) and issubclass(public, IKError)):
        assert any(test.examples for test in doctest.DocTestFinder().find(public, name))
