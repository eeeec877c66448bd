"""A batch after its checks: good rows, quarantined rows and findings."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Finding:
    """Something unusual that is not an error of a single row; the bars are kept.

    Attributes
    ----------
    check
        ``out_of_order``, ``off_session``, ``gap``, ``stale`` or ``spike``.
    count
        Number of occurrences.
    examples
        The first few, as text.
    """

    check: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A batch after its checks.

    Attributes
    ----------
    good
        Valid rows of the raw table, ordered by time and contract, each key once.
    quarantined
        The bad rows, with a ``reason`` column.
    reasons
        Number of quarantined rows by reason.
    duplicates
        Number of exact repetitions of an earlier row, which are dropped.
    findings
        The unusual observations.
    """

    good: pa.Table
    quarantined: pa.Table
    reasons: dict[str, int]
    duplicates: int
    findings: tuple[Finding, ...]
