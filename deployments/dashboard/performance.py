"""The record: results of the predictions, always compared with a driftless price."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial

import pandas as pd
import streamlit as st

from deployments.dashboard.charts.record_charts import (
    drawdown,
    equity,
    lines_over_time,
    reliability,
    running,
)
from deployments.dashboard.charts.theme import theme
from deployments.dashboard.charts.themed_chart import show_chart
from deployments.dashboard.lazy_tabs import lazy_tabs
from deployments.dashboard.shell import FRESH, View, nothing_yet
from deployments.dashboard.tables.record_tables import (
    confusion,
    grouped_periods,
    level,
    lines,
    side,
    weekday,
    with_span,
)
from ml_core.evidence.intervals import Interval
from ml_core.health.daily_sums import PerformanceRecord
from ml_core.health.scored_prediction import SIDES, ScoredPrediction
from ml_core.market.calendar_days import WEEKDAYS
from monitoring.pages.formatting import DASH, percent, points, r_multiple, signed
from monitoring.performance import MIN_DAYS, Period, grouped, interval_of_sums, over, whole_days
from monitoring.rolling import WINDOW, rolling
from registry.health.performance import OnRecord, on_record, performance_records
from registry.ledger.scored import scored_predictions
from tasks.settings import current_settings

Rows = Sequence[PerformanceRecord]
Predictions = Sequence[ScoredPrediction]

_PERIODS: dict[str, int | None] = {"30 days": 30, "90 days": 90, "1 year": 365, "all": None}
_MODES = {"live": "live", "replay": "replayed"}
_TRADES = {
    "taken": "recommended trades",
    "predicted_side": "every break of the likelier side",
    "every_break": "every break",
}


def page(view: View) -> None:
    """Show the results of a market's predictions."""
    st.title("Performance")
    mode, role, first = _choices(view)
    rows = _daily(view.name, mode, role, first)
    if not any(row.figures.breaks for row in rows):
        _show_no_outcomes(mode, role)
        return
    whole = whole_days(rows)
    period = over(whole)
    st.subheader(period.verdict)
    if mode == "replay":
        st.caption("Replayed days were predicted after the fact: they count for no gate.")
    _headline(period, whole)
    _over_time(whole)
    predictions = _predictions(view.name, mode, role, first)
    _by_group(rows, predictions, view)
    _calibration(whole, period, predictions)
    _equity(whole, period)


def _choices(view: View) -> tuple[str, str, date | None]:
    columns = st.columns(3)
    on_records = _recorded_periods(view.name)
    only_replayed = {on_record.mode for on_record in on_records} == {"replay"}
    with columns[0]:
        mode = st.segmented_control(
            "Record",
            list(_MODES),
            default="replay" if only_replayed else "live",
            required=True,
            format_func=_MODES.__getitem__,
            key="performance_mode",
            help="Live predictions were made before the fact, replayed ones after it; they are "
            "never added up.",
        )
    with columns[1]:
        back = st.segmented_control(
            "Period",
            list(_PERIODS),
            default="1 year",
            required=True,
            key="performance_period",
            help="Counted back from the last recorded day.",
        )
    with columns[2]:
        roles = list(dict.fromkeys(on_record.role for on_record in on_records)) or ["champion"]
        role = st.selectbox("Role", roles, key="performance_role")
    days = _PERIODS[back]
    last = max(
        (on_record.last_day for on_record in on_records if on_record.mode == mode), default=None
    )
    first = None if days is None or last is None else last - timedelta(days=days)
    return mode, role, first


def _show_no_outcomes(mode: str, role: str) -> None:
    what = "live" if mode == "live" else "replayed"
    words = f"No break that the {role} predicted {what} has an outcome in this period yet."
    nothing_yet(words, "orbcast up" if mode == "live" else "orbcast run replay")


def _headline(period: Period, rows: Rows) -> None:
    model, corridor = period.forecasters["model"], period.forecasters["corridor"]
    trades = period.trades["predicted_side"]
    columns = st.columns(4)
    accuracy = _interval(rows, "model", "accuracy")
    columns[0].metric(
        "Accuracy",
        percent(model.accuracy),
        f"{points(model.accuracy - corridor.accuracy)} against the corridor",
        delta_color="off",
    )
    columns[0].caption(f"{_span(accuracy, '.1%')}; corridor {percent(corridor.accuracy)}")
    for column, name, words in (
        (columns[1], "log_loss", "Log loss"),
        (columns[2], "brier", "Brier"),
    ):
        change = getattr(period.difference["corridor"], name)
        column.metric(
            words,
            f"{getattr(model, name):.4f}",
            f"{change.estimate:+.4f} against the corridor",
            delta_color="off",
        )
        column.caption(f"{_span(change, '+.4f')}; smaller is better")
    columns[3].metric(
        "Net R a trade",
        signed(trades.net_r.estimate, 2) if trades.trades else DASH,
        f"{trades.trades:,} trades of the likelier side",
        delta_color="off",
        delta_arrow="off",
    )
    columns[3].caption(f"{_span(trades.net_r, '+.2f')}; a claim needs all of it above 0")


def _over_time(rows: Rows) -> None:
    st.header(f"Over time, {WINDOW} days with breaks at a time")
    names = {"Accuracy": "accuracy", "Log loss": "log_loss", "Brier": "brier", "Net R": "r_net"}
    fillings = {words: partial(_line, rows, words, figure) for words, figure in names.items()}
    lazy_tabs("over_time", fillings)


def _line(rows: Rows, words: str, figure: str) -> None:
    if figure == "r_net":
        rolled = {"model": rolling(rows, "predicted_side", "r_net")}
    else:
        forecasters = ("model", "corridor", "majority")
        rolled = {name: rolling(rows, name, figure) for name in forecasters}
    drawn = {forecaster: line for forecaster, line in rolled.items() if line is not None}
    if "model" not in drawn:
        st.info(f"Too few days: the first point needs {WINDOW} days with breaks.")
        return
    per_cent = figure == "accuracy"
    axis = "net R a trade of the likelier side" if figure == "r_net" else words.lower()
    show_chart(lines_over_time(drawn, theme(), y=axis, per_cent=per_cent), f"over_time_{figure}")


def _by_group(rows: Rows, predictions: Predictions, view: View) -> None:
    st.header("By opening range, side, confidence and weekday")
    st.caption(
        "Log loss is the model's less the corridor's, below 0 is better; intervals are 95 %, over "
        f"whole days, and not given for fewer than {MIN_DAYS} days. They hold for one test of "
        "one group: of many groups or nights, one in twenty or more is good or bad by chance."
    )

    def by_range() -> Mapping[str, Period]:
        single = grouped(whole_days(rows, ranges=True), lambda row: row.opening_range)
        return {name: over(own) for name, own in single.items()}

    def by(key: Callable[[ScoredPrediction], str | None]) -> Callable[[], Mapping[str, Period]]:
        return partial(grouped_periods, view.market.symbol, predictions, key)

    ranges = [range_.name for range_ in view.market.ranges]
    tables: dict[str, tuple[Callable[[], Mapping[str, Period]], Sequence[str]]] = {
        "Opening range": (by_range, ranges),
        "Side": (by(side), SIDES),
        "Confidence": (by(level), ("high", "medium", "low", "none")),
        "Weekday": (by(weekday), WEEKDAYS),
    }
    lazy_tabs("by_group", {name: partial(_table, name, *table) for name, table in tables.items()})


def _table(name: str, periods: Callable[[], Mapping[str, Period]], order: Sequence[str]) -> None:
    st.dataframe(
        lines(periods(), order).rename(columns={"group": name}),
        width="stretch",
        hide_index=True,
        key=f"by_{name.lower().replace(' ', '_')}",
    )


def _calibration(rows: Rows, period: Period, predictions: Predictions) -> None:
    left, right = st.columns(2)
    with left:
        st.header("Calibration")
        bins = {forecaster: _bins(rows, forecaster) for forecaster in ("model", "corridor")}
        show_chart(reliability(bins, theme()), "reliability")
        model = period.forecasters["model"]
        st.caption(
            f"Calibration error {model.ece:.3f}; a perfectly calibrated model would "
            f"show {model.ece_by_chance:.3f} by chance. Bars are 95 % intervals (Wilson)."
        )
    with right:
        st.header("Predicted and actual direction")
        counts = confusion(predictions)
        table = [
            {
                "predicted": words,
                **{f"broke {side}": f"{happened[side]:,}" for side in SIDES},
                "no break": f"{happened['NONE']:,}",
                "right": percent(happened[words] / breaks) if breaks else DASH,
            }
            for words, happened in counts.items()
            for breaks in (happened["UP"] + happened["DOWN"],)
        ]
        st.dataframe(pd.DataFrame(table), width="stretch", hide_index=True, key="confusion")
        st.caption(
            "Late predictions are left out: nothing shows that they were made before the fact."
        )
        coverage = period.coverage
        if coverage.rows:
            st.write(
                f"Net R fell inside the stated 80 % interval in {coverage.estimate:.1%} of "
                f"{coverage.rows:,} trades: {_span(coverage, '.1%')}."
            )


def _equity(rows: Rows, period: Period) -> None:
    st.header("Result of trading it, in R")
    st.caption("No order was placed: these are the labels' outcomes, one unit of risk each.")
    lazy_tabs(
        "equity",
        {words: partial(_line_of_r, rows, period, kind) for kind, words in _TRADES.items()},
    )


def _line_of_r(rows: Rows, period: Period, kind: str) -> None:
    trades = period.trades[kind]
    if not trades.trades:
        st.info(f"No trades in this period: {_TRADES[kind]}.")
        return
    days = sorted({row.day for row in rows})
    fall = drawdown(running(rows, days, kind, "r_net"))
    st.write(
        f"{trades.trades:,} taken, {trades.won:,} won: "
        f"{r_multiple(trades.r_gross, 1)} gross, **{r_multiple(trades.r_net, 1)} net**; "
        f"largest drawdown {fall:.1f} R; net R a trade {_span(trades.net_r, '+.2f')}."
    )
    show_chart(equity(rows, kind, theme()), f"equity_{kind}")


def _span(interval: Interval, form: str) -> str:
    if interval.days < MIN_DAYS:
        return f"too few days for an interval ({interval.days} of {MIN_DAYS})"
    return with_span(interval, form)


def _interval(rows: Rows, forecaster: str, metric: str) -> Interval:
    scored_days = [row for row in rows if row.figures.breaks]
    return interval_of_sums(
        [row.day for row in scored_days],
        [row.figures.breaks for row in scored_days],
        [getattr(getattr(row.figures, forecaster), metric) for row in scored_days],
    )


def _bins(rows: Rows, forecaster: str) -> list[tuple[float, float, int]]:
    sums: dict[str, list[float]] = {}
    for row in rows:
        forecast = getattr(row.figures, forecaster)
        for name, (n, predicted, up, _) in forecast.bins.items() if forecast else ():
            before = sums.setdefault(name, [0.0, 0.0, 0.0])
            sums[name] = [before[0] + n, before[1] + predicted, before[2] + up]
    return [(predicted / n, up / n, int(n)) for _, (n, predicted, up) in sorted(sums.items()) if n]


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=50)
def _recorded_periods(name: str) -> tuple[OnRecord, ...]:
    settings = current_settings()
    return on_record(settings.database(), settings.market(name).symbol)


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=50)
def _daily(name: str, mode: str, role: str, first: date | None) -> Rows:
    settings = current_settings()
    symbol = settings.market(name).symbol
    return performance_records(settings.database(), symbol, mode=mode, role=role, first=first)


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=50)
def _predictions(name: str, mode: str, role: str, first: date | None) -> Predictions:
    settings = current_settings()
    symbol = settings.market(name).symbol
    return scored_predictions(settings.database(), symbol, mode=mode, role=role, first=first)
