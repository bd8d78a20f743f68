"""What is promised of the networks, and the document about it."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.network.__main__ import DOCUMENT, FILE
from benchmarks.network.report import all_bars, report
from benchmarks.network.results import Results
from benchmarks.timing import Ratio
from ik_nn_ros.models import WEIGHTS_FOLDER
from measuring.files import ResultError, read_file, write_file
from measuring.results import fingerprint

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results():
    return read_file(ROOT / FILE, Results)


def bars_of(results, one):
    """Whether the bars of one network hold, by their names."""
    return {bar.name: bar.met for bar in all_bars(replace(results, networks={"cinn_4": one}))}


def test_the_committed_document_is_that_of_the_committed_results(results):
    assert report(results) == (ROOT / DOCUMENT).read_text()


def test_the_results_are_those_of_the_shipped_weights(results):
    shipped = WEIGHTS_FOLDER.glob("cinn_*.safetensors")
    assert {name: one.weights for name, one in results.networks.items()} == {
        path.stem: fingerprint(path) for path in shipped
    }


@pytest.mark.parametrize(
    ("bar", "within", "beyond"),
    [
        ("draws that lead nowhere", {"lost": 0.0005}, {"lost": 0.00051}),
        ("parameters", {"parameters": 50_000}, {"parameters": 50_001}),
        ("expected log density, less exact's", {"density_gap": -0.02}, {"density_gap": -0.021}),
        (
            "99 % of solutions move by less, with a target that moves by 1 mm",
            {"moved_99": 0.025},
            {"moved_99": 0.0251},
        ),
    ],
)
def test_a_bar_is_met_up_to_its_bound(results, bar, within, beyond):
    one = results.networks["cinn_4"]
    assert bars_of(results, replace(one, **within))[bar] is True
    assert bars_of(results, replace(one, **beyond))[bar] is False


def test_with_limits_draws_are_judged_accepted_too(results):
    one = results.networks["cinn_limited"]
    mean = one.floor.mean
    bar = "mmd2 x 1e3 of draws accepted by weights, less the floor"
    for off, met in ((0.049e-3, True), (0.051e-3, False)):
        assert (
            bars_of(results, replace(one, accepted=replace(one.floor, mean=mean + off)))[bar] is met
        )
    assert bar not in bars_of(results, results.networks["cinn_4"])


@pytest.mark.parametrize(("median", "met"), [(1.5, True), (1.51, False)])
def test_a_training_beside_a_busy_core_takes_half_as_long_again_at_most(results, median, met):
    slowed = replace(results, networks={}, busy_training=Ratio(median, 1.0, 2.0))
    bars = {bar.name: bar.met for bar in all_bars(slowed)}
    assert bars["training beside a busy core, times as long"] is met


def test_a_file_of_another_version_is_not_taken_for_nothing(tmp_path):
    (tmp_path / "network.json").write_text("{}")
    with pytest.raises(ResultError, match="is no result of this version"):
        read_file(tmp_path / "network.json", Results)


def test_results_are_read_as_they_were_written(results, tmp_path):
    write_file(tmp_path / "network.json", results)
    assert read_file(tmp_path / "network.json", Results) == results
