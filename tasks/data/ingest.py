"""The step that brings the lake up to a market's source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from prefect import task

from ml_core.bars.contract import OnProgress
from tasks.data.intake import IntakeSummary, SourceReading, take_in
from tasks.data.sources import NoSourceError, SourceSpec, standing_source
from tasks.notices.events import BarsRefreshed, emit
from tasks.runs.retrying import RETRIED
from tasks.settings import current_settings

Announce = Literal["never", "news", "always"]
"""When to emit that there are bars: never, if any are new, or in any case."""


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
) -> SourceReading:
    """Read the source given, or the market's standing one, and announce what came in."""
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
) -> SourceReading:
    """Do the same within another step, and announce nothing.

    ``on_progress`` is called with (batch name, batches done).

    Raises
    ------
    NoSourceError
        None was given and none is remembered.
    SourceError, BatchRefusedError
        The trader must mend the source.
    DatabaseLockedError, LakeBusyError
        Worth another try.
    """
    settings = current_settings()
    definition = settings.market(market)
    spec = source or standing_source(settings.sources_file, market)
    if spec is None:
        raise NoSourceError(market.lower())
    records = take_in(settings, definition, spec, at, full=full, on_progress=on_progress)
    summary = IntakeSummary.of(records, settings.lake().status(definition.symbol))
    return SourceReading(summary=summary, source=str(spec), as_of=at)


def announce_bars(market: str, readings: Sequence[SourceReading], *, always: bool = False) -> None:
    """Emit one event of what some readings brought in, oldest first, if it is any bar at all."""
    summaries = [reading.summary for reading in readings]
    if not readings or not (always or any(summary.changed_bars for summary in summaries)):
        return
    last = readings[-1]
    last_bar = last.summary.last_bar
    emit(
        BarsRefreshed(
            market=market,
            as_of=last.as_of.isoformat(),
            added=sum(summary.added for summary in summaries),
            revised=sum(summary.revised for summary in summaries),
            withdrawn=sum(summary.withdrawn for summary in summaries),
            batches=sum(summary.new_batches for summary in summaries),
            last_bar=last_bar.isoformat() if last_bar else None,
        )
    )
