"""The paper's tables and figures, small, from the shipped networks."""

import json
import re
import shutil
from pathlib import Path

import pytest

from ik_nn_ros.models import available_models, pretrained_path
from measuring.files import ResultError
from measuring.networks import read_known
from measuring.results import Result
from training.__main__ import main
from training.commands.reproduce import OTHER_ARMS
from training.paper.published import FIGURE_TARGETS, PUBLISHED, PUBLISHED_DOF
from training.paper.report import Contents, read_searches, report
from training.paper.reproduction import PosteriorFigure
from training.paper.workspace import MapSize, measure_workspace
from training.train.speed import read_speeds

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "results"
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]*)\)")


@pytest.fixture(scope="module")
def reproduction(tmp_path_factory):
    """The folder of a quick reproduction of the 6-DoF arm."""
    folder = tmp_path_factory.mktemp("reproduction")
    options = ["--results", str(folder / "results"), "--document", str(folder / "docs/RESULTS.md")]
    command = ["reproduce", "--quick", "--dof", "6", *options]
    (folder / "docs").mkdir()
    assert main(command) == 0
    return folder, command


def test_the_report_has_every_section_and_picture(reproduction):
    folder, _ = reproduction
    document = folder / "docs" / "RESULTS.md"
    text = document.read_text()
    for heading in (
        "In short",
        "paper's statistics",
        "exact posterior",
        "Figures",
        "Tables III and IV",
        "workspace",
    ):
        assert re.search(f"^## .*{heading}", text, re.MULTILINE)
    pictures = PICTURE.findall(text)
    assert len(pictures) == 5
    for picture in pictures:
        assert (document.parent / picture).stat().st_size > 5000


def test_the_report_s_figures_are_those_of_the_result_files(reproduction):
    folder, _ = reproduction
    text = (folder / "docs" / "RESULTS.md").read_text()
    for model in ("cvae", "inn", "cinn"):
        result = Result.read(folder / "results" / f"{model}_6.json")
        row = next(line for line in text.splitlines() if line.startswith(f"| 6 | {model} |"))
        assert f"{result.evaluation.raw.e_resim:.1e}" in row
        if (model, 6) in PUBLISHED:
            assert f"{PUBLISHED[model, 6].e_resim:.1e}" in row
        assert f"{result.num_parameters:,}".replace(",", " ") in row
    figures = json.loads((folder / "results" / "posteriors.json").read_text())
    assert [figure["model"] for figure in figures] == ["cvae", "inn", "cinn"]
    assert all(tuple(figure["target"]) == FIGURE_TARGETS[6] for figure in figures)


def test_what_is_known_is_not_measured_again(reproduction, capsys):
    _, command = reproduction
    capsys.readouterr()
    assert main(command) == 0
    assert "mmd2" not in capsys.readouterr().out


def test_an_arm_without_a_figure_of_the_paper_is_reported_too(tmp_path):
    """From the results that are shipped: nothing is measured but the figures' targets."""
    for model in ("cvae", "inn", "cinn"):
        shutil.copy(RESULTS / f"{model}_15.json", tmp_path)
    document = tmp_path / "RESULTS.md"
    options = ["--dof", "15", "--results", str(tmp_path), "--document", str(document)]
    assert main(["reproduce", *options]) == 0
    assert "| 15 | cinn |" in document.read_text()
    assert PICTURE.findall(document.read_text()) == ["figures/errors.png"]


def test_the_committed_report_is_that_of_the_committed_results():
    def results(*patterns):
        paths = (path for one in patterns for path in sorted(RESULTS.glob(f"{one}.json")))
        return [Result.read(path) for path in paths]

    paper_arms = [
        Result.read(RESULTS / f"{model}_{dof}.json")
        for dof in PUBLISHED_DOF
        for model in available_models()
    ]
    shipped = [pretrained_path(model, 6) for model in available_models()]
    posteriors = json.loads((RESULTS / "posteriors.json").read_text())
    contents = Contents(
        paper_arms,
        results("*_full_circle_*", "cinn_circle_4"),
        results("*_rail"),
        results(*OTHER_ARMS),
        read_known(RESULTS),
        measure_workspace(shipped, MapSize(), RESULTS / "workspace.json", on_stage=pytest.fail),
        [PosteriorFigure(**one | {"target": tuple(one["target"])}) for one in posteriors],
        read_searches(RESULTS / "search"),
        read_speeds(RESULTS / "speed"),
        ROOT / "config" / "train",
        "figures",
    )
    assert report(contents) == (ROOT / "docs" / "RESULTS.md").read_text()


def test_a_damaged_result_is_named(tmp_path):
    file = tmp_path / "cvae_6.json"
    file.write_text('{"name": "cvae_6"}')
    with pytest.raises(ResultError, match="cvae_6.json: is no result of this version"):
        Result.read(file)


def test_searches_are_read_with_the_best_one_s_parameters(tmp_path):
    settings = {"model": "cvae", "dof": 4}
    best = {"parameters": {"network.layers": 3}, "num_parameters": 20}
    summary = {"settings": settings, "best": best, "counts": {"trials": 2, "diverged": 1}}
    (tmp_path / "cvae_4.json").write_text(json.dumps(summary))
    nothing = {"settings": settings, "best": None, "counts": {"trials": 1, "diverged": 1}}
    (tmp_path / "inn_4.json").write_text(json.dumps(nothing))
    (found,) = read_searches(tmp_path)
    assert (found.model, found.dof, found.trials, found.diverged) == ("cvae", 4, 2, 1)
    assert found.num_parameters == 20
