"""The task that brings the lake up to date with a market's source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from prefect import task

from ml_core.bars.contract import OnProgress
from ml_core.json_values import field_values
from tasks.data.intake import IntakeSummary, RefreshResult, take_in
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import NoSourceError, standing_source
from tasks.notices.events import BarsRefreshed, emit
from tasks.runs.retrying import RETRIED
from tasks.settings import current_settings

Announce = Literal["never", "news", "always"]
"""When to emit the bars event: never, only if there are new bars, or always."""


@task(
    name="read the source into the lake", task_run_name="{market}: source into the lake", **RETRIED
)
def refresh_lake(
    market: str,
    source: SourceSpec | None,
    at: datetime,
    *,
    full: bool,
    announce: Announce = "news",
) -> RefreshResult:
    """Read a source, by default the market's standing one, and announce the new bars."""
    brought = read_source(market, source, at, full=full)
    if announce != "never":
        announce_bars(market, [brought], always=announce == "always")
    return brought


def read_source(
    market: str,
    source: SourceSpec | None,
    at: datetime,
    *,
    full: bool,
    on_progress: OnProgress | None = None,
) -> RefreshResult:
    """Do the same as :func:`refresh_lake` within another task, without an announcement.

    ``on_progress`` is called with (batch name, batches done).

    Raises
    ------
    NoSourceError
        No source was given, and the market has no standing source.
    SourceError, BatchRefusedError
        The trader must correct the source.
    DatabaseLockedError, LakeBusyError
        Another try may succeed.
    """
    settings = current_settings()
    definition = settings.market(market)
    spec = source or standing_source(settings.sources_file, market)
    if spec is None:
        raise NoSourceError(market.lower())
    records = take_in(settings, definition, spec, at, full=full, on_progress=on_progress)
    summary = IntakeSummary.of(records, settings.lake().status(definition.symbol))
    return RefreshResult(
        **field_values(summary), verdict=summary.in_words, source=str(spec), as_of=at
    )


def announce_bars(market: str, readings: Sequence[RefreshResult], *, always: bool = False) -> None:
    """Emit one event for some readings, oldest first, if they changed any bar or ``always``."""
    if not readings or not (always or any(reading.changed_bars for reading in readings)):
        return
    last = readings[-1]
    emit(
        BarsRefreshed(
            market=market,
            as_of=last.as_of.isoformat(),
            added=sum(reading.added for reading in readings),
            revised=sum(reading.revised for reading in readings),
            withdrawn=sum(reading.withdrawn for reading in readings),
            batches=sum(reading.new_batches for reading in readings),
            last_bar=last.last_bar.isoformat() if last.last_bar else None,
        )
    )
