"""``python -m benchmarks.exact``: what is measured, kept and reported; no verdict on any time."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.exact import __main__ as command_line
from benchmarks.exact.bars import all_bars
from benchmarks.exact.cases import CASES
from benchmarks.exact.earlier import EarlierVersion, EarlierVersionError
from benchmarks.exact.measures import QUICK, Item, effective_share, measure_closeness
from benchmarks.exact.report import report
from benchmarks.exact.results import (
    Closeness,
    DrawQuality,
    FarShare,
    Results,
    Shares,
    Speed,
    Tables,
)
from benchmarks.machine import Machine
from benchmarks.timing import Ratio, Timing
from ik_nn_ros.errors import IKError
from measuring.calibration import Calibration
from measuring.files import ResultError, read_file, write_file
from measuring.metrics import Mismatch

MACHINE = Machine("a processor", 2, 2, 2, 8.0, "3.11", {"numpy": "2"}, 0.1, 1.9)
TIMING = Timing(0.001, 0.002, 30)
SHARES = Shares(0.98, 0.9, 0.85, (1.0, 0.0), 100, 1000)


def closeness(mean):
    values = Mismatch(mean, 1e-5, mean, mean, 100, 1000)
    return Closeness(values, values, values, 1000)


def results():
    return Results(
        MACHINE,
        sources={"closeness/normal_4": "abc"},
        closeness={"normal_4": closeness(1.9e-5), "rejection_4": closeness(-2.1e-5)},
        quality={"normal_4": DrawQuality(SHARES, replace(SHARES, worst=0.39))},
        far={"normal_6": [FarShare((0.2, 0.1), 0.61), FarShare((-3.4, 0.0), 0.59)]},
        calibration={"pose_4": Calibration(1000, 99, {"joint 1, histogram": 0.4})},
        speed={
            "accepted normal_4": Speed(1000, TIMING, TIMING, Ratio(16.0, 9.0, 20.0), 10.0, 10),
            "far normal_6": Speed(1000, TIMING, TIMING, Ratio(900.0, 9.0, 990.0), 199.0, 6),
        },
        tables={"normal_10": Tables(Timing(2.9, 3.1, 3), 41.0)},
    )


def outcomes(results):
    return [bar.met for bar in all_bars(results) if bar.met is not None]


def test_bars_are_met_or_not_by_their_figures():
    assert outcomes(results()) == [
        True,
        False,
        True,
        False,
        True,
        False,
        True,
        True,
        False,
        True,
        False,
    ]


def test_bars_that_were_not_measured_are_listed_as_such():
    known, unknown = all_bars(results()), all_bars(Results(MACHINE))
    assert all(bar.met is None for bar in unknown)
    assert {bar.case for bar in unknown} == {bar.case for bar in known}
    assert "0 met, 0 not met" in report(Results(MACHINE))


def test_the_report_shows_every_part_and_what_is_not_met():
    text = report(results())
    for heading in (
        "## Bars",
        "## Against",
        "## Weights",
        "## Simulation",
        "## Speed",
        "## Tables",
    ):
        assert heading in text
    assert "| N(0, 0.2), 4 joints | mmd2 to the chart mixture, less its floor | +1.9 stand" in text
    assert text.count("**no**") == 5
    assert "fingerprint abc" in text


def test_the_report_tells_results_of_different_code():
    mixed = results()
    mixed.sources["far/normal_6"] = "def"
    assert "different states of the code" in report(mixed)


def test_results_come_back_from_their_file(tmp_path):
    write_file(tmp_path / "results.json", results())
    assert read_file(tmp_path / "results.json", Results) == results()
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(ResultError, match="no result of this version"):
        read_file(tmp_path / "results.json", Results)


def test_a_run_measures_what_is_missing_and_no_more(tmp_path, monkeypatch, capsys):
    measured = []

    def measure(case, size):
        measured.append(case.title)
        return [FarShare((1.0, 0.0), 0.9)]

    items = {name: Item(CASES[name], measure) for name in CASES}
    monkeypatch.setitem(command_line.PARTS, "far", items)
    monkeypatch.setattr(command_line, "fingerprint", lambda: "this code")
    files = ["--results", str(tmp_path / "results.json"), "--document", str(tmp_path / "EXACT.md")]
    first = [*files, "--parts", "far", "--cases", "normal_4", "normal_6"]
    assert command_line.main(["run", *first]) == 0
    assert command_line.main(["run", *first, "rail"]) == 0
    assert measured == [CASES[name].title for name in ("normal_4", "normal_6", "rail")]
    assert "2 of 3 cases are measured already" in capsys.readouterr().out
    monkeypatch.setattr(command_line, "fingerprint", lambda: "other code")
    assert command_line.main(["run", *first]) == 0
    assert len(measured) == 5
    text = (tmp_path / "EXACT.md").read_text()
    assert "2 of other code" in text
    assert command_line.main(["report", *files]) == 0
    assert (tmp_path / "EXACT.md").read_text() == text


def test_a_report_without_results_is_an_error_with_a_sentence(tmp_path, capsys):
    assert command_line.main(["report", "--results", str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err


def test_a_share_is_that_of_the_weights_and_none_is_zero():
    def sampler(log_weights):
        return SimpleNamespace(
            draw=lambda target, count, rng: SimpleNamespace(log_weights=np.array(log_weights))
        )

    def refuse(target, count, rng):
        raise IKError("out of reach")

    target, rng = np.zeros(2), np.random.default_rng(0)
    assert effective_share(sampler([5.0, 5.0]), target, 2, rng) == pytest.approx(1.0)
    assert effective_share(sampler([-2000.0, -np.inf]), target, 2, rng) == pytest.approx(0.5)
    assert effective_share(sampler([-np.inf, -np.inf]), target, 2, rng) == 0.0
    assert effective_share(SimpleNamespace(draw=refuse), target, 2, rng) == 0.0


@pytest.mark.parametrize("name", CASES)
def test_targets_on_the_reach_are_as_many_as_asked_for(name):
    case = CASES[name]
    targets = case.targets_on_reach(3, np.random.default_rng(0))
    assert targets.shape == (3, 2 if case.task == "position" else 3)


def test_far_targets_are_within_reach():
    for case in CASES.values():
        for target in case.far:
            assert np.hypot(*target) < sum(case.keywords["link_lengths"])


def test_a_sampler_of_the_prior_is_not_close(monkeypatch):
    class Prior:
        def __init__(self, arm, task):
            self.arm = arm

        def sample(self, targets, count, rng):
            return SimpleNamespace(positions=self.arm.sample_prior(count, rng)[None])

    monkeypatch.setattr("benchmarks.exact.measures.ExactPosterior", Prior)
    result = measure_closeness(CASES["normal_4"], QUICK)
    assert result.ours.num_targets == QUICK.targets
    assert result.difference.mean > 2.0 * result.difference.standard_error
    assert result.fewest_samples == QUICK.samples


def test_an_unknown_commit_is_an_error_with_a_sentence():
    with pytest.raises(EarlierVersionError, match="no commit 0000000"):
        EarlierVersion("0000000")
