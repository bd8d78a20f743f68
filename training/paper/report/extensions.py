"""What the paper has no table of: full circles, the workspace, the arm on a rail, speed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ik_nn_ros.posterior.evidence import LEAST_LOG_EVIDENCE
from measuring.markdown import (
    UNKNOWN,
    accuracy,
    fixed,
    integer,
    share,
    small,
    table,
    thousandths,
)
from measuring.networks import Known
from measuring.results import Result
from training.paper.published import PUBLISHED_RAIL
from training.paper.workspace import WorkspaceMap
from training.train.speed import Speed


def every_arm(results: Sequence[Result], known: Known | None) -> str:
    """`cinn` for poses, circles, the rail and limits: what the paper has no arm of.

    The last row is an earlier version's network of the paper's arm, where it was measured.
    """
    if not results:
        return ""
    rows = [
        [
            result.name,
            integer(result.num_parameters),
            integer(round(result.training_seconds)),
            thousandths(result.evaluation.mmd2.raw),
            thousandths(result.evaluation.mmd2.floor),
            f"{1e3 * result.evaluation.mmd2.raw.p95:.2f}",
            f"{1e3 * result.evaluation.mmd2.floor.p95:.2f}",
            accuracy(result.evaluation.c2st.raw),
            share(result.evaluation.effective_share),
        ]
        for result in results
    ]
    if known is not None and known.earlier is not None:
        ours, floor = known.earlier.ours, known.earlier.floor
        rows.append([
            known.earlier.name, UNKNOWN, UNKNOWN, thousandths(ours), thousandths(floor),
            f"{1e3 * ours.p95:.2f}", f"{1e3 * floor.p95:.2f}", UNKNOWN, UNKNOWN,
        ])  # fmt: skip
    header = [
        "network", "parameters", "trained in [s]", "mmd2 raw, x 1e3", "floor", "95th percentile",
        "the floor's", "c2st raw", "effective share: mean, 5th percentile",
    ]  # fmt: skip
    return (
        "## Poses, wide priors, circles, a rail, limits\n\n"
        "`cinn` learns the posterior of every arm and task: of the paper's arms with the TCP's "
        "heading (`_pose`), of the same arms with a prior of 1 rad (`wide`), of joints that turn "
        "all the way (`circle`), of the rail below, and of arms with joint limits: one of one's "
        "own (`limited`), one with priors uniform within them (`uniform`), and one of six joints "
        "whose normal priors they cut (`truncated`). Its draws carry the weights of the exact "
        "posterior; the effective share, (sum w)^2 / (n sum w^2), tells how many of n exact "
        "samples they are worth. The last row is the network that `cinn` was before, of the "
        "paper's arm. "
        "`solve(..., exact=True)` accepts exact samples among them. Joint by joint Bensadoun et "
        'al., "Neural Inverse Kinematics" (ICML 2022), sample, too, without priors, limits or '
        "weights. More in [NETWORK.md](NETWORK.md).\n\n" + table(header, rows)
    )


def full_circle(results: Sequence[Result]) -> str:
    """The networks of the arm whose joints use the whole circle."""
    if not results:
        return ""
    rows = [
        [
            result.name,
            small(result.evaluation.raw.e_resim),
            f"{result.evaluation.raw.median_distance:.3f}",
            thousandths(result.evaluation.mmd2.raw),
            thousandths(result.evaluation.mmd2.refined),
            thousandths(result.evaluation.mmd2.floor),
            f"{result.evaluation.converged:.4%}",
        ]
        for result in results
    ]
    header = [
        "network", "e_resim", "median distance [m]", "mmd2 raw, x 1e3", "refined", "floor",
        "converged",
    ]  # fmt: skip
    return (
        "## Joints that use the whole circle\n\n"
        "A 4-DoF arm with joint angles uniform in (-pi, pi), and the paper's two ways round the "
        "jump at half a turn (`config/train/cvae_full_circle_*.yaml`): `vector`, cosine and sine "
        "of every joint; `wrapped`, a reconstruction error the short way round; `plain`, neither. "
        "`cinn` knows no jump: its angles are relative to the remaining target. "
        "Distances between configurations are those of cosines and sines.\n\n" + table(header, rows)
    )


def workspace(maps: Sequence[WorkspaceMap], folder: str) -> str:
    """The maps of the workspace, and what lies inside and outside the prior's bulk."""
    if not maps:
        return ""
    rows = []
    for one in maps:
        seen = np.array(one.log_evidence) >= LEAST_LOG_EVIDENCE
        for where, mask in (("inside", seen), ("outside", ~seen)):
            rows.append(
                [
                    one.model,
                    where,
                    int(mask.sum()),
                    small(np.median(np.array(one.e_resim)[mask])),
                    fixed(1e3 * np.median(np.array(one.mmd2)[mask]), 2),
                    fixed(1e3 * np.quantile(np.array(one.mmd2)[mask], 0.9), 2),
                    f"{np.array(one.converged)[mask].min():.4%}",
                    UNKNOWN
                    if one.effective_share is None
                    else f"{np.array(one.effective_share)[mask].mean():.3f}, "
                    f"{np.array(one.effective_share)[mask].min():.3f}",
                ]
            )
    header = [
        "model", "the line", "targets", "e_resim: median", "mmd2, x 1e3: median", "90th percentile",
        "converged, at least", "effective share: mean, least",
    ]  # fmt: skip
    return (
        "## From the middle of the workspace to its rim, and beyond the prior's bulk\n\n"
        f"![Workspace]({folder}/workspace.png)\n\n"
        "*Targets on one side of the x axis, up to full reach. Inside the white line at least one "
        "target of a training set as large as the paper's is expected within 5 cm, by the exact "
        "sampler's evidence. Outside, answers of models without weights are flagged "
        "`off_distribution`, unless the mean evidence within 5 cm suffices, as at the rim; those "
        "of `cinn` where their own effective share is below 0.1.*\n\n" + table(header, rows)
    )


def rail(results: Sequence[Result]) -> str:
    """The arm on a rail, beside what was published for it."""
    if not results:
        return ""
    rows = [
        [
            result.name,
            integer(result.num_parameters),
            f"{2.0 * result.evaluation.raw.e_resim:.1e}",
            fixed(result.evaluation.mmd_paper.raw.mean),
            fixed(result.evaluation.mmd_paper.floor.mean),
            thousandths(result.evaluation.mmd2.raw),
            thousandths(result.evaluation.mmd2.refined),
            thousandths(result.evaluation.mmd2.floor),
            accuracy(result.evaluation.c2st.refined),
            UNKNOWN,
        ]
        for result in results
    ]
    rows += [
        [
            f"Kruse et al.: {theirs.method}", UNKNOWN, theirs.err_resim, UNKNOWN, UNKNOWN, UNKNOWN,
            UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN if theirs.err_post is None else theirs.err_post,
        ]
        for theirs in PUBLISHED_RAIL
    ]  # fmt: skip
    header = [
        "method", "parameters", "Err_resim [m^2]", "mmd_paper", "floor", "mmd2 raw, x 1e3",
        "refined", "floor", "c2st refined", "Err_post",
    ]  # fmt: skip
    return (
        "## The public benchmark: an arm on a rail\n\n"
        "The arm of Kruse et al. 2021 (arXiv 2101.10763): a base that moves along y, and three "
        "revolute joints. Err_resim is E |FK(theta) - target|^2, twice e_resim. Err_post is an "
        "MMD whose kernel that paper does not state: none of our columns is its counterpart.\n\n"
        + table(header, rows)
    )


def training_speed(speeds: Sequence[Speed]) -> str:
    """How fast the recipes train, beside a plain loop."""
    if not speeds:
        return ""
    rows = [
        [
            speed.config,
            speed.device,
            f"{speed.steps_per_second:.1f}",
            f"{speed.plain_steps_per_second:.1f}",
            f"{speed.steps_per_second / speed.plain_steps_per_second:.2f}",
            f"{speed.total_steps / speed.steps_per_second / 60.0:.1f}",
        ]
        for speed in speeds
    ]
    header = [
        "recipe", "device", "steps / s", "plain loop", "ratio", "whole training [min]",
    ]  # fmt: skip
    return (
        "## Training speed\n\n"
        "`python -m training speed`: steps per second of each recipe, beside the loop that a "
        "reader would write: a DataLoader, and the losses by automatic differentiation.\n\n"
        + table(header, rows)
    )
