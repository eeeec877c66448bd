"""Rows that an import left out or found odd, as counts and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ml_core import bars

if TYPE_CHECKING:
    from ml_core.bars.lake.batch_log import BatchRecord


def remarked(records: Iterable[BatchRecord]) -> dict[str, dict[str, int]]:
    """Count rows that were not simply imported: bad rows, other instruments' rows, odd rows."""
    records = list(records)
    findings = (finding for record in records for finding in record.findings)
    return {
        "set_aside": _added_up(record.quarantined for record in records),
        "left_out": _added_up(record.dropped for record in records),
        "odd": _added_up({finding.check: finding.count} for finding in findings),
    }


_REMARKS = {"set_aside": "quarantined", "left_out": "left out", "odd": "unusual but imported"}


def remark_lines(records: Iterable[BatchRecord]) -> list[str]:
    """Return these counts in words, one line per kind, and the remedy if one is known."""
    counted = remarked(records)
    lines = [
        f"{_REMARKS[what]}: {rows:,} {name.replace('_', ' ')}"
        for what, counts in counted.items()
        for name, rows in counts.items()
    ]
    return [
        *lines,
        *(
            [bars.checks.bad_rows.NOT_POSITIVE_REMEDY]
            if bars.checks.bad_rows.NOT_POSITIVE in counted["set_aside"]
            else []
        ),
    ]


def _added_up(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for some in counts:
        total.update(some)
    return dict(total)
