"""The look-ahead audit on the latest year of the lake."""

from __future__ import annotations

from datetime import datetime, timedelta

from prefect import task

from ml_core.features.audit import AuditSummary, audit_lookahead
from ml_core.ranges.label_spec import LabelSpec
from tasks.data.datasets import known_bars, period_of
from tasks.runs.retrying import RETRIED
from tasks.settings import current_settings

LOOKED_BACK = timedelta(days=400)
"""A year and a month: half-days, rolls and changes of the clock are among them."""


@task(name="audit look-ahead", task_run_name="{market}: look-ahead", **RETRIED)
def audit_recent(market: str, at: datetime) -> AuditSummary:
    """Take the future of decisions away, then falsify it: no feature may move.

    Raises
    ------
    EmptyLakeError, NothingToAuditError
        There are no bars to audit with.
    """
    settings = current_settings()
    definition = settings.market(market)
    bars = known_bars(settings, market, definition, at)
    begin, end = period_of(bars, definition, None, None)
    features = settings.catalogue().select_with_own()
    first = max(begin, end - LOOKED_BACK)
    report = audit_lookahead(bars, definition, LabelSpec(), features, first=first, last=end)
    return report.summary
