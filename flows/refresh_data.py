"""Refresh: bars from the trader's source into the lake.

A flow's docstring is what Prefect's run form shows; it reads ``Args`` in Google's style only.
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
"""Seconds that a flow waits for the bars before it goes on with those that are there."""


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
    """Bring the lake of bars up to the source. Running it again changes nothing.

    Bars that are new or revised emit orbcast.data.refreshed, which starts log-outcomes.

    Args:
        market: Name of a market file, such as mgc.
        source: Where to read from this once; left out, the market's standing source.
        full: Read a database from its beginning, not only from the month of the last bar on.
        as_of: Work as if it were this time, and emit nothing; left out, now. Without a zone, the
            market's own.
        announce: Emit the event even if nothing was new.
    """
    at = moment_of(as_of, current_settings().market(market))
    announcing: Announce = "never" if as_of else "always" if announce else "news"
    brought = refresh_lake(market, source, at, full=full, announce=announcing)
    publish_refresh(market, brought)
    return brought


def refresh_if_known(market: str, as_of: datetime | None = None) -> str | None:
    """Refresh from the standing source, if there is one; return what went wrong, if anything.

    A refresh that fails does not stop what comes after it, which uses the bars that are there.
    """
    if standing_source(current_settings().sources_file, market) is None:
        return None
    try:
        # below another flow's limit its own is no alarm, and ends no call that waits for ever
        with within(GIVEN_UP_AFTER):
            refresh_data(market, as_of=as_of)
    except (OrbcastError, TimeoutError) as error:
        return f"the bars could not be refreshed: {error}"
    return None
