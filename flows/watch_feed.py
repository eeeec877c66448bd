"""Watch: send notices of stopped feeds and of breakouts while the exchange is open."""

from __future__ import annotations

from prefect import flow

from tasks.data.feed import FeedCheck, check_feed
from tasks.health.prometheus_figures import write_figures
from tasks.messages.send_day import send_breaks
from tasks.notices.notify import REPORTED
from tasks.runs.parameters import MarketName
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings, now


@flow(
    name="watch-feed",
    flow_run_name=run_name("{symbol} feed {day} {time}"),
    timeout_seconds=TIME_LIMITS["watch-feed"],
    **REPORTED,
)
def watch_feed(market: MarketName = "mgc") -> FeedCheck:
    """Send one notice when a feed stops, one when it resumes, and one when a range breaks.

    A feed counts as stopped only while the exchange is open, and only when the silence is longer
    than is usual at that time of the session. The flow imports bars only while a forecast range
    waits for its break, so that it can report the break.

    Args:
        market: Name of a market file, such as mgc.
    """
    at = now()
    check = check_feed(market, at)
    send_breaks(market, at)
    write_figures(current_settings(), market, at)
    return check
