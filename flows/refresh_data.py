"""Refresh: bars from the trader's source into the lake.

Prefect's run form shows the docstrings of flows; it reads ``Args`` only in Google's style.
"""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from ml_core.errors import OrbcastError
from tasks.data.ingest import Announce, refresh_lake
from tasks.data.intake import RefreshResult
from tasks.data.refresh_artifact import publish_refresh
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import standing_source
from tasks.notices.notify import REPORTED
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS, within
from tasks.settings import current_settings

GIVEN_UP_AFTER = TIME_LIMITS["refresh-data"] + 5.0
"""Seconds that a flow waits for a refresh before it continues with the bars in the lake."""


@flow(
    name="refresh-data",
    flow_run_name=run_name("{symbol} bars {day} {time}"),
    timeout_seconds=TIME_LIMITS["refresh-data"],
    **REPORTED,
)
def refresh_data(
    market: MarketName = "mgc",
    source: SourceSpec | None = None,
    full: bool = False,
    as_of: datetime | None = None,
    announce: bool = False,
) -> RefreshResult:
    """Import new and revised bars from the source. Running it again changes nothing.

    New or revised bars emit orbcast.data.refreshed, which starts log-outcomes.

    Args:
        market: Name of a market file, such as mgc.
        source: Where to read from, for this run only; default: the market's standing source.
        full: Read a database from its beginning, not only from the month of the last bar on.
        as_of: Work as if it were this time, and emit nothing; default: now. A time without a zone
            is in the market's zone.
        announce: Emit the event even if nothing was new.
    """
    at = moment_of(as_of, current_settings().market(market))
    announcing: Announce = "never" if as_of else "always" if announce else "news"
    brought = refresh_lake(market, source, at, full=full, announce=announcing)
    publish_refresh(market, brought)
    return brought


def refresh_standing_source(market: str, as_of: datetime | None = None) -> str | None:
    """Refresh from the standing source, if there is one; return the error in words, if any.

    A failed refresh does not stop the caller, which then uses the bars in the lake.
    """
    if standing_source(current_settings().sources_file, market) is None:
        return None
    try:
        # inside another flow, the refresh's own limit sets no alarm and ends no hanging call
        with within(GIVEN_UP_AFTER):
            refresh_data(market, as_of=as_of)
    except (OrbcastError, TimeoutError) as error:
        return f"the bars could not be refreshed: {error}"
    return None
