"""The step that brings the lake up to a market's source."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import task

from tasks.intake import summary, take_in
from tasks.retrying import RETRIED
from tasks.settings import settings
from tasks.sources import NoSourceError, SourceSpec, standing_source


@task(name="read the source into the lake", **RETRIED)
def refresh_lake(
    market: str, source: SourceSpec | None, at: datetime, *, full: bool
) -> dict[str, Any]:
    """Read the source given, or the market's standing one; give what came in.

    Raises
    ------
    NoSourceError
        None was given and none is remembered.
    """
    where = settings()
    known = where.market(market)
    spec = source or standing_source(where.sources_file, market)
    if spec is None:
        raise NoSourceError(market.lower())
    records = take_in(where, known, spec, at, full=full)
    brought = summary(records, where.lake().status(known.symbol))
    return {**brought, "source": f"{spec.kind}: {', '.join(spec.paths)}"}
