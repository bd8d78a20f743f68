"""``python -m benchmarks`` from end to end, small; no verdict on any time."""

import json
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.__main__ import main
from benchmarks.machine import Machine
from benchmarks.suite import read
from measuring.files import ResultError

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("samples", "batches", "own_arm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a quick benchmark of some parts has left its results and its report."""
    folder = tmp_path_factory.mktemp("benchmarks")
    arguments = ["--results", str(folder / "results"), "--document", str(folder / "REPORT.md")]
    assert main(["run", "--quick", "--parts", *PARTS, *arguments]) == 0
    return folder


def test_a_run_writes_a_file_for_each_part_and_a_report(folder):
    assert sorted(path.stem for path in (folder / "results").iterdir()) == sorted(PARTS)
    text = (folder / "REPORT.md").read_text()
    for heading in ("## Growth", "### Batches", "## An arm of one's own"):
        assert heading in text
    assert "## The node" not in text
    assert Machine.here().processor in text


def test_the_report_is_made_of_the_results_alone(folder, tmp_path):
    document = tmp_path / "AGAIN.md"
    results = ["--results", str(folder / "results")]
    assert main(["report", *results, "--document", str(document)]) == 0
    assert document.read_text() == (folder / "REPORT.md").read_text()


def test_results_of_another_version_are_named(folder, tmp_path):
    content = json.loads((folder / "results" / "batches.json").read_text())
    del content["result"][0]["speedup"]
    (tmp_path / "batches.json").write_text(json.dumps(content))
    with pytest.raises(ResultError, match=r"batches.json: is no result of this version.*speedup"):
        read("batches", tmp_path)


@pytest.mark.parametrize(("together", "scaling"), [(1.0, 2.0), (2.0, 1.0)])
def test_cores_count_for_what_they_do_together(together, scaling, monkeypatch):
    monkeypatch.setattr(machine, "interleaved", lambda *_: {1: [1.0], 2: [together]})
    assert machine._scaling(2) == scaling


def test_the_committed_document_is_that_of_the_committed_results(tmp_path):
    document = tmp_path / "BENCHMARKS.md"
    results = ["--results", str(ROOT / "results" / "benchmarks")]
    assert main(["report", *results, "--document", str(document)]) == 0
    assert document.read_text() == (ROOT / "docs/BENCHMARKS.md").read_text()
