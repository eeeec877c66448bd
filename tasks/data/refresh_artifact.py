"""The Prefect artifact of a refresh of the bars."""

from __future__ import annotations

from tasks.data.intake import RefreshResult
from tasks.runs.artifacts import bullets, publish, table, to_copy

_COUNTS = {
    "new_batches": "New batches",
    "added": "Bars added",
    "revised": "Revised",
    "withdrawn": "Taken away",
    "quarantined": "Set aside",
    "bars": "In the lake",
}


def publish_refresh(market: str, brought: RefreshResult) -> None:
    """Publish the number of imported bars, their source, and remarks on unusual bars."""
    findings = brought.findings
    publish(
        f"refresh-{market}",
        brought.verdict,
        table([brought], _COUNTS),
        to_copy({"source": brought.source}),
        bullets([f"Odd but kept: {', '.join(findings)}"] if findings else []),
    )
