"""Numbers and tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from measuring.metrics import Mismatch, Shares

UNKNOWN = "-"


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; its cells are printed as they are."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def integer(value: int | None) -> str:
    """A whole number in groups of three digits."""
    return UNKNOWN if value is None else f"{value:,}".replace(",", " ")


def small(value: float | None) -> str:
    """A number of any magnitude, two digits of it."""
    return UNKNOWN if value is None else f"{value:.1e}"


def fixed(value: float | None, digits: int = 4) -> str:
    """A number with so many digits behind the point."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def accuracy(result: Mismatch) -> str:
    """A classifier's accuracy, with its standard error."""
    return f"{result.mean:.3f} +- {result.standard_error:.3f}"


def thousandths(result: Mismatch) -> str:
    """A statistic times 1000, with its standard error."""
    return f"{1e3 * result.mean:.2f} +- {1e3 * result.standard_error:.2f}"


def share(shares: Shares | None) -> str:
    """Effective shares: the mean, and the 5th percentile."""
    return UNKNOWN if shares is None else f"{shares.mean:.3f}, {shares.p5:.3f}"
