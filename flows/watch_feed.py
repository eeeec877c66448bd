"""Watch: a feed that stops while its exchange is open is told of within ten minutes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow

from tasks.feed import check_feed
from tasks.notices import REPORTED
from tasks.parameters import MarketName
from tasks.run_names import run_name
from tasks.settings import now
from tasks.time_limits import TIME_LIMITS


@flow(
    name="watch-feed",
    flow_run_name=run_name("{symbol} feed {day} {time}"),
    timeout_seconds=TIME_LIMITS["watch-feed"],
    **REPORTED,
)
def watch_feed(market: MarketName = "mgc") -> dict[str, Any]:
    """Tell once of a feed that has stopped, and once that it goes on again.

    Only while the exchange is open, and only of a silence that is longer than is usual at that
    time of the session. The source is looked at; no bar is taken in.

    Args:
        market: Name of a market file, such as mgc.
    """
    check = check_feed(market, now())
    last: datetime | None = check.last_bar
    return {
        "verdict": check.verdict,
        "told": check.told,
        "last_bar": last.isoformat() if last else None,
    }
