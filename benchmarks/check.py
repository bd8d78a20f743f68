"""Whether ours is still as much faster than the reference path as it should be."""

from __future__ import annotations

from benchmarks.inference import REFERENCED, against_reference
from benchmarks.words import milliseconds, spread

SOLUTIONS = 1000


def shortcomings(least_ratio: float, rounds: int) -> tuple[list[str], list[str]]:
    """Sentences about what was measured, and those of them that say that it was too little."""
    result = against_reference(SOLUTIONS, rounds)
    compared = (
        ("solutions", result.ours, result.reference, result.speedup),
        (
            "solutions and log densities",
            result.ours_with_densities,
            result.reference_with_densities,
            result.speedup_with_densities,
        ),
    )
    sentences, failures = [], []
    for what, ours, reference, ratio in compared:
        sentence = (
            f"{SOLUTIONS} {what} take {milliseconds(ours)} ms, {REFERENCED} in eager PyTorch and a "
            f"plain projection {milliseconds(reference)} ms: {spread(ratio)} faster"
        )
        sentences.append(sentence)
        if ratio.median < least_ratio:
            failures.append(f"{sentence}, which should be {least_ratio:g} x at least")
    return sentences, failures
