"""Times, ratios and counts as the document has them."""

from __future__ import annotations

import textwrap

from benchmarks.timing import Ratio, Timing

WIDTH = 100


def number(value: float) -> str:
    """Three digits that count; spaces between thousands."""
    if abs(value) < 1000.0:
        return f"{value:.3g}"
    return f"{float(f'{value:.3g}'):,.0f}".replace(",", " ")


def milliseconds(timing: Timing) -> str:
    """Median and 99th percentile [ms]."""
    return f"{number(1e3 * timing.median)} (p99 {number(1e3 * timing.p99)})"


def spread(ratio: Ratio) -> str:
    """Median, and the range of eight rounds in ten."""
    return f"{number(ratio.median)} x ({number(ratio.low)} to {number(ratio.high)})"


def paragraph(text: str) -> str:
    """The text in lines of the document's width."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
