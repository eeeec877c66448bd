"""The step that brings the lake up to a market's source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from prefect import task

from ml_core.bars.contract import OnProgress
from tasks.data.intake import summary, take_in
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
) -> dict[str, Any]:
    """Read the source given, or the market's standing one; give what came in, and announce it."""
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
) -> dict[str, Any]:
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
    brought = summary(records, settings.lake().status(definition.symbol))
    return {
        **brought,
        "source": str(spec),
        "as_of": at.isoformat(),
    }


def announce_bars(
    market: str, readings: Sequence[dict[str, Any]], *, always: bool = False
) -> None:
    """Emit one event of what some readings brought in, oldest first, if it is any bar at all."""
    counts = {
        name: sum(reading[name] for reading in readings)
        for name in ("added", "revised", "withdrawn", "new_batches")
    }
    if not readings or not (always or counts["added"] + counts["revised"] + counts["withdrawn"]):
        return
    emit(
        BarsRefreshed(
            market=market,
            as_of=readings[-1]["as_of"],
            added=counts["added"],
            revised=counts["revised"],
            withdrawn=counts["withdrawn"],
            batches=counts["new_batches"],
            last_bar=readings[-1]["last_bar"],
        )
    )
