"""A batch after its checks: what is sound, what was set aside, what is odd."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd that is no fault of a single row; the bars are kept.

    Attributes
    ----------
    check
        ``out_of_order``, ``off_session``, ``gap``, ``stale`` or ``spike``.
    count
        How often.
    examples
        The first few, in words.
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
        Rows of the raw table that are sound, in order of time and contract, each key once.
    quarantined
        The bad rows, with a ``reason`` column.
    reasons
        How many rows each reason set aside.
    duplicates
        Rows that repeated an earlier one to the letter, and are dropped.
    findings
        What was odd.
    """

    good: pa.Table
    quarantined: pa.Table
    reasons: dict[str, int]
    duplicates: int
    findings: tuple[Finding, ...]
