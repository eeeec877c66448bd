"""The look-ahead audit on the latest year of the lake."""

from __future__ import annotations

from datetime import datetime, timedelta

from prefect import task

from ml_core.features.audit import AuditSummary, audit_lookahead
from ml_core.ranges.label_spec import LabelSpec
from registry.news import news_of
from tasks.data.datasets import period_of, read_bars_until
from tasks.runs.retrying import RETRIED
from tasks.settings import current_settings

LOOKED_BACK = timedelta(days=400)
"""A year and a month, so that half-days, rolls and clock changes are included."""


@task(name="audit look-ahead", task_run_name="{market}: look-ahead", **RETRIED)
def audit_recent(market: str, at: datetime) -> AuditSummary:
    """Remove, then falsify, the bars after sampled decisions: no feature may change.

    Raises
    ------
    EmptyLakeError, NothingToAuditError
        There are no bars to audit.
    """
    settings = current_settings()
    definition = settings.market(market)
    bars = read_bars_until(settings, market, definition, at)
    begin, end = period_of(bars, definition, None, None)
    news = news_of(settings.database(), definition.symbol)
    # without a calendar, features that read it cannot be audited
    features = [one for one in settings.catalogue().select_with_own() if news or not one.news]
    first = max(begin, end - LOOKED_BACK)
    report = audit_lookahead(
        bars,
        definition,
        LabelSpec(),
        tuple(features),
        first=first,
        last=end,
        news=news,
    )
    return report.summary
