"""Everything that is measured of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.exact.cases import CASES
from benchmarks.exact.earlier import COMMIT, EarlierVersion
from benchmarks.exact.measures import unseen
from benchmarks.network.results import MOVE, NEAR_END, Measured
from benchmarks.timing import Ratio, seconds_of, steady_seconds_of
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.backends import AUTO, build_sampler
from ik_nn_ros.chain.chain_array import chain_array
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.models import WEIGHTS_FOLDER
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.sampler import Sampler
from ik_nn_ros.posterior.weighted import WeightedSampler
from ik_nn_ros.solver import IKSolver
from measuring.calibration import calibrate
from measuring.metrics import Mismatch, Shares, summary
from measuring.mmd import mmd2
from measuring.networks import SAMPLES, Cost, Earlier
from measuring.results import fingerprint
from training.train.lessons import reach_targets

SEED_OF_TARGETS = 0
TARGETS, REACH_TARGETS, END_TARGETS, DRAWS = 100, 150, 20, 1000
REPEATS = 4  # of mmd2, whose own noise is as large as what is asked
GAP_DRAWS = 4000  # of each of the targets, for the log densities' expected values
MOVED_SAMPLES = 500  # of each target
TIMED_TARGETS, ROUNDS, MANY_SAMPLES = 10, 3, 10_000
CALIBRATED = ("cinn_4", "cinn_4_pose", "cinn_circle_4", "cinn_limited", "cinn_rail")
WHOLE_REACH = ("cinn_4", "cinn_6", "cinn_10")
BESIDE_EARLIER = "cinn_6"


def measure(path: Path, console: Console) -> Measured:
    """Everything about one network."""
    checkpoint = load_checkpoint(path)
    model = checkpoint.model
    arm, task = model.arm, model.task
    sampler = build_sampler(model, "cpu", AUTO)
    exact = ExactPosterior(arm, task)
    rng = np.random.default_rng(SEED_OF_TARGETS)
    targets = task.forward(arm, arm.sample_prior(TARGETS, rng))
    console.print(f"{path.stem}: closeness", soft_wrap=True)
    limited, accepting = arm.joint_limits is not None, sampler.accepted()
    compared = [sampler, exact, *([accepting] if limited else [])]
    ours, floor, *of_accepting = _closeness(compared, exact, targets, rng)
    log_weights = _log_weights(sampler, targets, rng)
    reach = ends = None
    if path.stem in WHOLE_REACH:
        on_reach = reach_targets(arm, task, REACH_TARGETS, 0.0, rng)
        reach = Shares.of(_log_weights(sampler, on_reach, rng))
        ends = Shares.of(_log_weights(sampler, _at_ends(arm, rng), rng))
    calibration = None
    if path.stem in CALIBRATED:
        console.print(f"{path.stem}: calibration", soft_wrap=True)
        calibration = calibrate(
            arm, task.name, lambda *request: accepting.sample(*request).positions, rng
        )

    def build() -> object:
        chain_array.cache_clear()  # as in a process that has not built it before
        return build_sampler(model, "cpu", AUTO)

    return Measured(
        weights=fingerprint(path),
        parameters=sum(model.tensors[name].size for name in model.tensors if "." in name),
        training_seconds=checkpoint.training["seconds"],
        limited=limited,
        ours=ours,
        floor=floor,
        shares=Shares.of(log_weights),
        lost=float(np.isneginf(log_weights).mean()),
        reach=reach,
        ends=ends,
        density_gap=_density_gap(sampler, exact, targets),
        moved_99=_moved(sampler, targets, rng),
        cost=_cost(sampler, targets, rng, path.stat().st_size, build),
        exact_cost=_cost(
            exact, targets, rng, exact.tables_bytes, lambda: ExactPosterior(unseen(arm), task)
        ),
        accepted=of_accepting[0] if limited else None,
        calibration=calibration,
    )


def _closeness(
    samplers: Sequence[Sampler],
    exact: ExactPosterior,
    targets: np.ndarray,
    rng: np.random.Generator,
) -> list[Mismatch]:
    """mmd2 of each sampler's draws to an exact sample; of the exact sampler's own it is the floor.

    All by the same random numbers: in the difference, what they have in common cancels.
    """

    def drawn(sampler: Sampler, target: np.ndarray, seed: int) -> np.ndarray:
        samples = sampler.sample(target[None], DRAWS, np.random.default_rng(seed))
        return exact.arm.embed(samples.positions[0])

    found: list[list[float]] = [[] for _ in samplers]
    for target in np.tile(targets, (REPEATS, 1)):
        reference, seed = drawn(exact, target, int(rng.integers(2**32))), int(rng.integers(2**32))
        for sampler, values in zip(samplers, found, strict=True):
            values.append(mmd2(drawn(sampler, target, seed), reference))
    return [summary(np.array(values), DRAWS) for values in found]


def _log_weights(
    sampler: WeightedSampler, targets: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    return np.array([sampler.draw(target, DRAWS, rng).log_weights for target in targets])


def _at_ends(arm: PlanarArm, rng: np.random.Generator) -> np.ndarray:
    """Half of the targets within `NEAR_END` of full reach, half of them of the base."""
    nearest, farthest = arm.reach
    near = NEAR_END * rng.random(END_TARGETS)
    distance = np.where(np.arange(END_TARGETS) % 2, farthest - near, nearest + near)
    bearing = rng.uniform(-np.pi, np.pi, END_TARGETS)
    return arm.base_joint.points(distance, bearing)


def _density_gap(sampler: WeightedSampler, exact: ExactPosterior, targets: np.ndarray) -> float:
    """See `Measured.density_gap`; by the same random numbers, so that what is alike cancels."""
    means = [
        [
            one.sample(target[None], GAP_DRAWS, np.random.default_rng(number)).log_densities.mean()
            for number, target in enumerate(targets)
        ]
        for one in (sampler, exact)
    ]
    return float(np.subtract(*means).mean())


def _moved(sampler: WeightedSampler, targets: np.ndarray, rng: np.random.Generator) -> float:
    """See `Measured.moved_99`."""
    distances = []
    for target in targets:
        angle = rng.uniform(-np.pi, np.pi)
        moved = target.copy()
        moved[:2] += MOVE * np.array((np.cos(angle), np.sin(angle)))
        if not sampler.task.reachable(sampler.arm, moved):
            continue
        draws = [
            sampler.draw(one, MOVED_SAMPLES, np.random.default_rng(1)) for one in (target, moved)
        ]
        both = np.isfinite(draws[0].log_weights) & np.isfinite(draws[1].log_weights)
        points = [sampler.arm.joint_positions(one.positions[both]) for one in draws]
        distances.append(np.linalg.norm(points[0] - points[1], axis=-1).max(-1))
    return float(np.quantile(np.concatenate(distances), 0.99))


def _cost(
    sampler: WeightedSampler,
    targets: np.ndarray,
    rng: np.random.Generator,
    num_bytes: int,
    make: Callable[[], object],
) -> Cost:
    few = targets[:TIMED_TARGETS]
    seconds = [
        steady_seconds_of(lambda target=target: sampler.draw(target, SAMPLES, rng))
        for target in few
    ]
    return Cost(
        milliseconds=1e3 * float(np.median(seconds)),
        effective_share=Shares.of(_log_weights(sampler, targets, rng)).mean,
        megabytes=num_bytes / 1e6,
        ready_seconds=seconds_of(make),
    )


def measure_speedups() -> dict[str, Ratio]:
    """`IKSolver.solve` beside the earlier version's, in turn."""
    case = CASES["normal_6"]
    solver = IKSolver.from_checkpoint(WEIGHTS_FOLDER / f"{BESIDE_EARLIER}.safetensors")
    rng = np.random.default_rng(SEED_OF_TARGETS)
    targets = case.arm.forward(case.arm.sample_prior(TIMED_TARGETS, rng))

    def everything(target: np.ndarray) -> None:
        solutions = solver.solve(target, SAMPLES)
        _ = solutions.log_densities, solutions.weights, solutions.effective_share

    asked = {
        f"{SAMPLES} solutions": ("cinn", SAMPLES, lambda one: solver.solve(one, SAMPLES)),
        f"{MANY_SAMPLES} solutions": (
            "cinn", MANY_SAMPLES, lambda one: solver.solve(one, MANY_SAMPLES),
        ),
        f"{SAMPLES} solutions with log densities": ("cinn densities", SAMPLES, everything),
    }  # fmt: skip
    speedups = {}
    with EarlierVersion() as earlier:
        for what, (theirs, count, ask) in asked.items():
            earlier.seconds(theirs, case, targets[0], count)  # compiles
            pairs = [
                (steady_seconds_of(lambda one=one, ask=ask: ask(one)),
                 earlier.seconds(theirs, case, one, count))
                for one in np.repeat(targets, ROUNDS, axis=0)
            ]  # fmt: skip
            ours, before = zip(*pairs, strict=True)
            speedups[what] = Ratio.of(before, ours)
    return speedups


def measure_earlier() -> Earlier:
    """How close the earlier version's raw draws come to the exact posterior."""
    case, rng = CASES["normal_6"], np.random.default_rng(SEED_OF_TARGETS)
    exact = ExactPosterior(case.arm)
    targets = case.arm.forward(case.arm.sample_prior(TARGETS, rng))
    ours, floor = [], []
    with EarlierVersion() as earlier:
        for target in np.tile(targets, (REPEATS, 1)):
            first, second = exact.sample(np.array((target, target)), DRAWS, rng).positions
            ours.append(mmd2(earlier.draws(case, target, DRAWS), first))
            floor.append(mmd2(second, first))
    name = f"{BESIDE_EARLIER} of commit {COMMIT}"
    return Earlier(name, summary(np.array(ours), DRAWS), summary(np.array(floor), DRAWS))
