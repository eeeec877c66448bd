"""The step that brings the lake up to a market's source."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from prefect import task
from prefect.events import emit_event

from tasks.events import REFRESHED, resource_of
from tasks.intake import summary, take_in
from tasks.retrying import RETRIED
from tasks.settings import settings
from tasks.sources import NoSourceError, SourceSpec, standing_source

Announce = Literal["never", "news", "always"]
"""When to emit that there are bars: never, if any are new, or in any case."""


@task(name="read the source into the lake", **RETRIED)
def refresh_lake(
    market: str,
    source: SourceSpec | None,
    at: datetime,
    *,
    full: bool,
    announce: Announce = "news",
) -> dict[str, Any]:
    """Read the source given, or the market's standing one; give what came in.

    Raises
    ------
    NoSourceError
        None was given and none is remembered.
    """
    return read_source(market, source, at, full=full, announce=announce)


def read_source(
    market: str,
    source: SourceSpec | None,
    at: datetime,
    *,
    full: bool,
    announce: Announce = "news",
) -> dict[str, Any]:
    """Do the same within another step.

    What came in is announced by the event ``orbcast.data.refreshed``: with ``news`` if any bar was
    added or revised, so that a source without anything new starts nothing.

    Raises
    ------
    NoSourceError
        None was given and none is remembered.
    SourceError, BatchRefusedError
        The trader must mend the source.
    DatabaseLockedError, LakeBusyError
        Worth another try.
    """
    where = settings()
    known = where.market(market)
    spec = source or standing_source(where.sources_file, market)
    if spec is None:
        raise NoSourceError(market.lower())
    records = take_in(where, known, spec, at, full=full)
    brought = summary(records, where.lake().status(known.symbol))
    if announce == "always" or (announce == "news" and brought["added"] + brought["revised"]):
        _announce(market, at, brought)
    return {**brought, "source": f"{spec.kind}: {', '.join(spec.paths)}"}


def _announce(market: str, at: datetime, brought: dict[str, Any]) -> None:
    emit_event(
        event=REFRESHED,
        resource={"prefect.resource.id": resource_of(market)},
        payload={
            "market": market,
            "as_of": at.isoformat(),
            "added": brought["added"],
            "revised": brought["revised"],
            "batches": brought["new_batches"],
            "last_bar": brought["last_bar"],
        },
    )
