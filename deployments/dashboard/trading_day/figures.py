"""The trading day so far on the page Today: its figures, its ranges and its messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pandas as pd
import streamlit as st

from deployments.dashboard.shell import FRESH, View
from deployments.dashboard.trading_day.summary import DaySummary, day_summary
from ml_core.decision.entry import Mode
from ml_core.decision.plan_slot import OPEN_DAYS
from ml_core.market.schedule import first_minute, from_minute
from ml_core.strategy.account.standing import SOURCES
from monitoring.messages.facts import NOT_TRADED
from monitoring.messages.words import clock, limits_in_words
from monitoring.pages.formatting import DASH, count_of, duration, r_multiple
from registry.notices import NoticeRecord, notices
from tasks.messages.followed_days import FollowedDays, followed_days
from tasks.prediction.account_now import AccountNow, account_now
from tasks.prediction.day_outlook import DayOutlook, day_outlook
from tasks.prediction.slots import trading_day_at
from tasks.settings import current_settings, now

_METRIC_WIDTH = 160


def day_so_far(view: View, day: date) -> None:
    """Show the day in figures, then a line for each range; nothing before its first range."""
    summary = day_followed(view.name, day, "live")[1]
    if not summary.ranges:
        return
    day_notices = _notices(view.name, day)
    figures = [
        ("Net R settled", r_multiple(summary.net_r), count_of(summary.trades, "trade")),
        (
            "Running",
            r_multiple(summary.running_r if summary.open else None),
            f"{summary.open} open",
        ),
        (
            "Left today",
            count_of(summary.trades_left, "trade"),
            _loss_left(summary, view.market.instrument.currency),
        ),
        (
            "Messages",
            str(len(day_notices)),
            f"{sum(map(_reached, day_notices))} delivered",
        ),
    ]
    with st.container(horizontal=True):  # on a phone, two per line
        for label, value, words in figures:
            st.metric(
                label, value, words, delta_color="off", delta_arrow="off", width=_METRIC_WIDTH
            )
    if (account := _account(view.name)) is not None:
        over = f", over ({account.ended})" if account.ended else ""
        st.caption(
            f"Limits left in the account {account.account}{over}, {account.balance:,.2f} "
            f"{account.currency} by {SOURCES[account.source]}; {limits_in_words(account.limits)}."
        )
    if summary.stage in NOT_TRADED:
        st.caption(
            f"By the rules, for the record only: at stage {summary.stage} nothing is traded."
        )
    st.dataframe(
        pd.DataFrame([opening.row() for opening in summary.ranges]),
        hide_index=True,
        width="stretch",
        key="day_ranges",
    )
    for opening in summary.ranges:
        for line in opening.to_copy:
            st.text(f"{opening.opening_range}, {line}")
    if day_notices:
        zone = view.market.zone
        with st.expander(f"Messages of the day ({len(day_notices)})"):
            rows = [
                {
                    "at": clock(kept.notice.at, zone),
                    "message": kept.notice.subject,
                    "delivered to": ", ".join(_delivered_to(kept)) or "no channel",
                }
                for kept in reversed(day_notices)
            ]
            st.dataframe(
                pd.DataFrame(rows), hide_index=True, width="stretch", key="messages_of_day"
            )


def all_markets(view: View) -> None:
    """Show the day of every served market, a line each."""
    rows = []
    for name in view.settings.markets:
        market = view.settings.market(name)
        outlook = day_outlook(market, view.at)
        summary = _day_of_market(name, outlook.trading_day)
        rows.append(market_row(market.symbol, summary, outlook, view.at))
    _show_markets(rows)


def markets_to_come(view: View) -> None:
    """Show the table of all markets before its figures are known, at the same height."""
    _show_markets(
        [{"market": view.settings.market(name).symbol} for name in view.settings.markets]
    )


def _show_markets(rows: Sequence[dict[str, str]]) -> None:
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def market_row(
    symbol: str, summary: DaySummary, outlook: DayOutlook, at: datetime
) -> dict[str, str]:
    """Return a market's day as a row of the table of all; its R comes early, for phones."""
    upcoming = outlook.next_ranges[0] if outlook.next_ranges else None
    return {
        "market": symbol,
        "trades": str(summary.trades),
        "R settled": r_multiple(summary.net_r if summary.trades > summary.open else None),
        "R running": r_multiple(summary.running_r if summary.open else None),
        "R to lose": f"{summary.loss_left_r:.2f}",
        "next": DASH
        if upcoming is None
        else f"{upcoming.opening_range} in {duration(upcoming.decision - at)}",
        "ranges": str(len(summary.ranges)) if summary.ranges else DASH,
        "stage": summary.stage,
    }


def _loss_left(summary: DaySummary, currency: str) -> str:
    words = f"{summary.loss_left_r:.2f} R"
    if summary.loss_left_money is not None:
        words += f", {summary.loss_left_money:,.2f} {currency}"
    return f"{words} to lose"


def _reached(kept: NoticeRecord) -> bool:
    return any(delivery.delivered for delivery in kept.deliveries)


def _delivered_to(kept: NoticeRecord) -> list[str]:
    return sorted({delivery.channel for delivery in kept.deliveries if delivery.delivered})


@st.cache_resource(ttl=3 * FRESH, show_spinner=False, max_entries=500)
def _day_of_market(name: str, day: date) -> DaySummary:
    """Return a market's live day without its bars, which would take 1 MB a market."""
    return _read_day(name, day, "live")[1]


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=8)
def day_followed(name: str, day: date, mode: Mode) -> tuple[FollowedDays, DaySummary]:
    """Return a market's day by its rules and the current bars, and its summary."""
    return _read_day(name, day, mode)


def _read_day(name: str, day: date, mode: Mode) -> tuple[FollowedDays, DaySummary]:
    at = now()
    days = followed_days(current_settings(), name, day - OPEN_DAYS, day, at, mode)
    return days, day_summary(days, day, at)


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=20)
def _account(name: str) -> AccountNow | None:
    settings = current_settings()
    return account_now(settings, settings.market(name), now())


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=20)
def _notices(name: str, day: date) -> tuple[NoticeRecord, ...]:
    """Return the messages of a trading day, oldest first."""
    settings = current_settings()
    market = settings.market(name)
    begins, ends = day - timedelta(days=1), day + timedelta(days=2)
    kept = notices(
        settings.database(),
        market=market.symbol,
        since=from_minute(first_minute(begins)),
        until=from_minute(first_minute(ends)),
        last=500,
    )
    return tuple(one for one in kept if trading_day_at(market, one.notice.at) == day)
