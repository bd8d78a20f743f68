"""Tables III and IV: the paper's hyperparameters, ours, and those that the searches found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from measuring.markdown import integer, table
from training.paper.published import PUBLISHED
from training.train.config import TrainingConfig, load_config


class Found(NamedTuple):
    """What a hyperparameter search found.

    Attributes:
        model, dof: what it searched for.
        trials, stopped, diverged: how many there were, and how many ended early and why.
        num_parameters: of the best one.
        parameters: the best one's, by ``section.key``.
    """

    model: str
    dof: int
    trials: int
    stopped: int
    diverged: int
    num_parameters: int
    parameters: dict[str, float]


def read_searches(folder: Path) -> list[Found]:
    """The outcomes of all searches in a folder that found something."""
    summaries = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return [_found(summary) for summary in summaries if summary["best"]]


def hyperparameters(configs: Path, searches: Sequence[Found]) -> str:
    """Tables III and IV, and how the searches went."""
    parts = [
        "## Tables III and IV: hyperparameters",
        "The paper's, ours, and the best that a search over the ranges of Tables I and II found on "
        "10^4 samples (`config/search/`). The paper searched with scikit-optimize, which is "
        "archived; here Ray Tune runs Optuna's sampler. Ours differ from the paper's in more than "
        "these: loss weights, noise, schedule and epochs are in `config/train/`. Every INN here, "
        "those of `config/train/paper/` included, predicts the target's bearing and the root of "
        "its distance from full reach where the paper's predicts x and y.",
    ]
    for model, keys in (
        ("cvae", ("network.layers", "network.neurons")),
        ("inn", ("network.subnet_layers", "network.coupling_layers", "network.neurons")),
    ):
        keys = ("optimizer.learning_rate", *keys, "optimizer.weight_decay")
        rows = []
        for dof in sorted({dof for name, dof in PUBLISHED if name == model}):
            rows += _sources(configs, searches, model, dof, keys)
        header = ["DoF", "whose", *(key.partition(".")[2] for key in keys), "parameters"]
        parts.append(f"### {model}\n\n" + table(header, rows))
    if searches:
        rows = [
            [found.dof, found.model, found.trials, found.stopped, found.diverged]
            for found in searches
        ]
        parts.append(table(["DoF", "model", "trials", "stopped early", "diverged"], rows))
    return "\n\n".join(parts)


def _sources(
    configs: Path, searches: Sequence[Found], model: str, dof: int, keys: Sequence[str]
) -> Iterable[list[Any]]:
    """A row for the paper's values, one for ours, one for the search's, where there are such."""
    for whose, folder in (("the paper", configs / "paper"), ("ours", configs)):
        path = folder / f"{model}_{dof}.yaml"
        if path.exists():
            config = load_config(path)
            yield [dof, whose, *_values(config, keys), integer(_num_parameters(config))]
    for found in searches:
        if (found.model, found.dof) == (model, dof):
            values = [f"{found.parameters[key]:.3g}" for key in keys]
            yield [dof, "search", *values, integer(found.num_parameters)]


def _found(summary: dict[str, Any]) -> Found:
    settings, best, counts = summary["settings"], summary["best"], summary["counts"]
    return Found(
        settings["model"],
        settings["dof"],
        counts["trials"],
        counts.get("stopped", 0),
        counts.get("diverged", 0),
        best["num_parameters"],
        best["parameters"],
    )


def _values(config: TrainingConfig, keys: Sequence[str]) -> list[str]:
    content = config.model_dump()
    sections = (key.split(".") for key in keys)
    return [f"{content[section][key]:.3g}" for section, key in sections]


def _num_parameters(config: TrainingConfig) -> int:
    return config.build_network().num_parameters
