"""``python -m benchmarks`` from end to end, small; no verdict on any time."""

import json
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.__main__ import main
from benchmarks.bars import all_bars
from benchmarks.inference import InferenceResult
from benchmarks.machine import Machine
from benchmarks.parts import Measured, read
from benchmarks.service_results import InTurn, RoundTrips, ServiceResult
from benchmarks.timing import Ratio, Timing
from measuring.results import ResultError

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("inference", "samples", "batches")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a quick benchmark of some parts has left its results and its report."""
    folder = tmp_path_factory.mktemp("benchmarks")
    arguments = ["--results", str(folder / "results"), "--document", str(folder / "REPORT.md")]
    assert main(["run", "--quick", "--parts", *PARTS, *arguments]) == 0
    return folder


def timing(seconds):
    return Timing(seconds, 2.0 * seconds, 10)


def test_a_run_writes_a_file_for_each_part_and_a_report(folder):
    assert sorted(path.stem for path in (folder / "results").iterdir()) == sorted(PARTS)
    text = (folder / "REPORT.md").read_text()
    for heading in ("## Bars", "## Against eager PyTorch", "## Growth", "### Batches"):
        assert heading in text
    assert "## The node" not in text
    assert Machine.here().processor in text


def test_the_report_is_made_of_the_results_alone(folder, tmp_path):
    document = tmp_path / "AGAIN.md"
    results = ["--results", str(folder / "results")]
    assert main(["report", *results, "--document", str(document)]) == 0
    assert document.read_text() == (folder / "REPORT.md").read_text()


def test_results_of_another_version_are_named(folder, tmp_path):
    content = json.loads((folder / "results" / "inference.json").read_text())
    del content["result"][0]["speedup"]
    (tmp_path / "inference.json").write_text(json.dumps(content))
    with pytest.raises(ResultError, match=r"inference.json: is no result of this version.*speedup"):
        read("inference", tmp_path)


def test_the_check_fails_on_a_ratio_with_a_sentence(capsys):
    assert main(["check", "--rounds", "2", "--ratio", "0"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["check", "--rounds", "2", "--ratio", "1e9"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all("which should be 1e+09 x at least" in error for error in errors)


@pytest.mark.parametrize(("factor", "met"), [(1.0, True), (0.5, False)])
def test_the_bars_are_met_from_three_times_on(factor, met):
    ratio = Ratio(3.0 * factor, 2.0, 4.0)
    result = InferenceResult(1000, *[timing(1.0)] * 4, speedup=ratio, speedup_with_densities=ratio)
    bars = all_bars({"inference": Measured(Machine.here(), [result])})
    assert [bar.met for bar in bars] == [met, met]


@pytest.mark.parametrize(("solutions", "most"), [(100, 0.002), (10_000, 0.05)])
@pytest.mark.parametrize(("factor", "met"), [(0.99, True), (1.01, False)])
def test_the_default_model_has_two_milliseconds_for_a_hundred_and_a_rate(
    solutions, most, factor, met
):
    ratio, slow = Ratio(1.0, 1.0, 1.0), timing(9.0)
    result = InferenceResult(solutions, timing(factor * most), *[slow] * 3, ratio, ratio)
    (bar,) = all_bars({"inference": Measured(Machine.here(), [result])})
    assert bar.met is met


@pytest.mark.parametrize(("together", "scaling"), [(1.0, 2.0), (2.0, 1.0)])
def test_cores_count_for_what_they_do_together(together, scaling, monkeypatch):
    monkeypatch.setattr(machine, "interleaved", lambda *_: {1: [1.0], 2: [together]})
    assert machine._scaling(2) == scaling


@pytest.mark.parametrize(("overhead", "met"), [(0.0019, True), (0.0021, False)])
def test_the_node_s_bars_are_two_milliseconds_and_four_seconds(overhead, met):
    result = ServiceResult(
        samples=1000,
        in_turn=InTurn(*[timing(overhead)] * 7),
        round_trips=[RoundTrips(True, 0.0, timing(0.01), timing(overhead))],
        crowds=[],
        first_answer_ever=9.0,
        first_answer=timing(4.1),
        imports=timing(2.0),
        import_shares={},
        first_solution=timing(2.0),
        idle_memory=599.0,
        used_memory=700.0,
    )
    *round_trips, start, memory = all_bars({"service": Measured(Machine.here(), result)})
    assert "markers watched, requests back to back" in round_trips[-1].name
    assert [bar.met for bar in round_trips] == [met, met, met]
    assert (start.met, memory.met) == (False, True)


def test_the_committed_document_is_that_of_the_committed_results(tmp_path):
    document = tmp_path / "BENCHMARKS.md"
    results = ["--results", str(ROOT / "results" / "benchmarks")]
    assert main(["report", *results, "--document", str(document)]) == 0
    assert document.read_text() == (ROOT / "docs/BENCHMARKS.md").read_text()
