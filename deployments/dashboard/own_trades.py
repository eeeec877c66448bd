"""Own trades: results of followed, skipped and improvised trades, and their real costs."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from deployments.dashboard.shell import View, nothing_yet
from deployments.dashboard.tables.words_table import words_table
from ml_core.evidence.intervals import Interval
from ml_core.fills.real_costs import MIN_DAYS
from ml_core.fills.report import TradeReport
from ml_core.fills.review import TradeTotals
from monitoring.pages.formatting import (
    DASH,
    count_of,
    interval,
    minute,
    r_multiple,
    signed,
    signed_or_dash,
)
from monitoring.pages.trade_page import PRICE_WORDS, headline, plan_words
from registry.fills import fill_batches
from tasks.fills.review import NoFillsError, trade_report
from tasks.settings import current_settings, now

_SLOW = timedelta(minutes=5)
"""How long a report is cached, since it reads months of bars; a new import is shown at once."""


def page(view: View) -> None:
    """Show the trader's own trades, compared with the plans."""
    st.title("Own trades")
    imports = len(fill_batches(view.settings.database(), view.symbol))
    report = _report(view.name, imports) if imports else None
    if report is None:
        nothing_yet(
            "No imported trade of yours lies within the bars.",
            f"orbcast fills import FILE --market {view.name}",
        )
        return
    st.subheader(headline(report))
    st.caption(
        f"{report.review.first_day} to {report.review.last_day}; {report.plans_in_words}. "
        f"{report.rule_in_words}"
    )
    _headline(report)
    _costs(report)
    _trades(report)


@st.cache_resource(ttl=_SLOW, show_spinner="Comparing trades with plans ...", max_entries=20)
def _report(name: str, imports: int) -> TradeReport | None:
    del imports  # only a part of the cache's key
    try:
        return trade_report(current_settings(), name, first=None, last=None, at=now())
    except NoFillsError:
        return None


def _headline(report: TradeReport) -> None:
    currency = report.market.instrument.currency
    for column, (words, one) in zip(st.columns(4), report.groups().items(), strict=True):
        column.metric(
            words.capitalize(),
            r_multiple(one.total_r, 1) if one.trades else DASH,
            count_of(one.trades, "trade"),
            delta_color="off",
            delta_arrow="off",
        )
        if one.trades:
            column.caption(f"{_a_trade(one)}; {signed(one.money, 2)} {currency}")
    st.caption(
        "By the plan: size 1 at assumed costs, money of one contract. R is after commission; of a "
        "trade that no break explains, in units of the typical risk. 95 % intervals by days, "
        f"from {MIN_DAYS} days on."
    )


def _a_trade(one: TradeTotals) -> str:
    mean = one.per_trade
    span = f" ({interval(mean.low, mean.high, 2)})" if mean.is_known else ""
    return f"{signed_or_dash(mean.estimate)} R a trade{span}"


def _costs(report: TradeReport) -> None:
    st.header("Real costs")
    currency = report.market.instrument.currency
    words_table(
        [
            {"cost": check.name, "real against assumed": check.words(currency)}
            for check in report.review.costs
        ]
        + [
            {
                "cost": f"slippage {PRICE_WORDS[price]}",
                "real against assumed": _slip(real),
            }
            for price, real in report.review.slippage.items()
            if real.rows
        ]
    )
    if report.correction:
        st.write("The market file assumes other costs. To correct it:")
        st.code(report.correction, language="sh")


def _slip(real: Interval) -> str:
    span = f" ({interval(real.low, real.high, 2)})" if real.is_known else ""
    return f"{signed(real.estimate, 2)} ticks{span}, {count_of(real.rows, 'side')}"


def _trades(report: TradeReport) -> None:
    st.header("Trades")
    _table(
        "own_trips",
        [
            {
                "entered (UTC)": minute(one.trip.entered_at),
                "side": one.trip.side,
                "contracts": f"{one.trip.quantity:g} {one.trip.contract}",
                "entry": one.trip.entry,
                "exit": DASH if one.trip.exit is None else f"{one.trip.exit:g}",
                "R": signed_or_dash(one.r),
                "money": DASH if one.trip.is_open else signed(one.money, 2),
                "plan": plan_words(one),
            }
            for one in reversed(report.review.trips)
        ],
    )
    st.header("Planned, not taken")
    if not report.review.missed:
        st.write("Every planned entry was taken.")
        return
    _table(
        "missed_plans",
        [
            {
                "break (UTC)": minute(trade.at),
                "range": trade.opening_range,
                "side": trade.side,
                "entry": trade.entry,
                "stop": trade.stop,
                "target": trade.target,
                "R by the plan": r_multiple(trade.r_net),
            }
            for trade in reversed(report.review.missed)
        ],
    )


def _table(key: str, rows: list[dict[str, object]]) -> None:
    st.dataframe(pd.DataFrame(rows), width="stretch", hide_index=True, key=key)
