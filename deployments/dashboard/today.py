"""The page Today: each opening range as a card with its prediction, the reasons, the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from deployments.dashboard.charts.range_chart import range_chart
from deployments.dashboard.charts.theme import theme
from deployments.dashboard.charts.themed_chart import show_chart
from deployments.dashboard.shell import FRESH, View, nothing_yet, show_errors
from deployments.dashboard.trading_day.figures import (
    all_markets,
    day_followed,
    day_so_far,
    markets_to_come,
)
from deployments.dashboard.trading_day.slot_words import (
    agreement,
    headline,
    likeness,
    probabilities,
    sides,
    trade_lines,
)
from deployments.dashboard.trading_day.summary import DaySummary
from deployments.dashboard.why import reasons_chart
from ml_core.decision.entry import Mode
from monitoring.pages.formatting import (
    duration,
    percent_or_dash,
    signed_or_dash,
)
from monitoring.pages.markdown import escaped
from registry.ledger.browsing import PredictionFilter, browse, choices
from registry.ledger.entries import Settled
from tasks.messages.followed_days import FollowedDays, FollowedSlot
from tasks.messages.slot_facts import picture_now
from tasks.prediction.day_outlook import (
    DayOutlook,
    closed_because,
    closed_in_words,
    day_outlook,
    next_ranges_in_words,
)
from tasks.prediction.trading_day import SlotOfDay, slots_of_day
from tasks.settings import current_settings, now

_DAY_WIDTH = 160
_RECORDS = {"live": "live", "replay": "replayed"}


def page(view: View) -> None:
    """Show a trading day of a market."""
    st.title("Today")
    _countdown(view)
    if len(view.settings.markets) < 2:  # noqa: PLR2004 - the only one is shown at length
        _cards(view)
        return
    # many markets take seconds: the chosen one comes first, and finds its place already
    table = st.empty()
    with table:
        markets_to_come(view)
    _cards(view)
    with table:
        _markets(view)


@st.fragment(run_every=timedelta(seconds=1))
@show_errors()
def _countdown(view: View) -> None:
    at = now()
    outlook = day_outlook(view.market, at)
    if not outlook.next_ranges:
        words = next_ranges_in_words(outlook)
        st.caption(f"{words[0].upper()}{words[1:]}.")
        return
    upcoming = outlook.next_ranges[0]
    local = upcoming.decision.astimezone(ZoneInfo(view.market.zone))
    st.metric(
        "Next decision in",
        duration(upcoming.decision - at),
        f"{upcoming.opening_range}, {local:%a %d %b %H:%M} {view.market.zone}",
        delta_color="off",
        delta_arrow="off",
    )


@st.fragment(run_every=4 * FRESH)
@show_errors()
def _markets(view: View) -> None:
    all_markets(replace(view, at=now()))


@st.fragment(run_every=2 * FRESH)
@show_errors()
def _cards(view: View) -> None:
    at = now()
    outlook = day_outlook(view.market, at)
    today = outlook.trading_day
    if outlook.closed is not None:
        st.info(f"{closed_in_words(today, outlook.closed)}.", icon=":material/event_busy:")
        _next_day(outlook, at)
    elif _first_day(view.name, outlook) != today:
        _warn_of_no_prediction(view.name, today)
        _next_day(outlook, at)
    day, mode = _choose_day_and_mode(view, outlook)
    slots = _slots(view.name, day, mode)
    days, summary = day_followed(view.name, day, mode)
    closed = closed_because(view.market, day)
    if closed is not None:
        slots = [slot for slot in slots if slot.state == "answered"]
        if day != today:
            st.info(f"{closed_in_words(day, closed)}.", icon=":material/event_busy:")
    if mode == "replay":
        st.caption("Replayed: these predictions were made after the fact and count for no gate.")
    else:
        day_so_far(view, day)
    if not any(slot.answers or picture_now(days, slot.slot.key, None) for slot in slots):
        _empty(view, day, today, mode)
    for slot in slots:
        _card(view, slot, days, summary)
    if day == today != outlook.next_day and outlook.closed is None:
        _next_day(outlook, at)


def _warn_of_no_prediction(name: str, today: date) -> None:
    passed = [
        slot.slot.opening_range for slot in _slots(name, today, "live") if slot.state == "absent"
    ]
    if passed:
        words = f"No prediction today of {', '.join(passed)}: is `orbcast up` running?"
        st.warning(words, icon=":material/block:")


def _next_day(outlook: DayOutlook, at: datetime) -> None:
    if outlook.next_day is None:
        return  # the countdown says so
    st.subheader(f"Next: {outlook.next_day:%A %d %B}")
    st.table(pd.DataFrame(expected_rows(outlook, at)).set_index("opening range"))


def expected_rows(outlook: DayOutlook, at: datetime) -> list[dict[str, str]]:
    """Return a row for each opening range to come, times on the market's clock."""
    zone = ZoneInfo(outlook.zone)
    return [
        {
            "opening range": expected.opening_range,
            f"opens ({outlook.zone})": f"{expected.opens.astimezone(zone):%a %H:%M}",
            "decided": f"{expected.decision.astimezone(zone):%a %H:%M}",
            "in": duration(expected.decision - at),
        }
        for expected in outlook.next_ranges
    ]


def _choose_day_and_mode(view: View, outlook: DayOutlook) -> tuple[date, Mode]:
    # otherwise Streamlit starts at the machine's date; a page left open overnight moves on
    today = outlook.trading_day
    first = _first_day(view.name, outlook)
    if st.session_state.get("trading_day") in {None, st.session_state.get("was_first")}:
        st.session_state["trading_day"] = first
    st.session_state["was_first"] = first
    with st.container(horizontal=True):  # on a phone, on one line
        day = st.date_input("Trading day", key="trading_day", max_value=today, width=_DAY_WIDTH)
        mode = st.segmented_control(
            "Record",
            list(_RECORDS),
            default=_first_mode(view.name, today),
            required=True,
            format_func=_RECORDS.__getitem__,
            key="today_mode",
        )
    return day, cast("Mode", mode)


def _empty(view: View, day: date, today: date, mode: Mode) -> None:
    last = _last_day(view.name, mode)
    if last is None:
        nothing_yet("No predictions yet.", "orbcast up")
        return
    if day == today and last < today:
        st.info(f"No record for today yet. The last recorded day is {last}.")
        st.button("Show that day", on_click=_go_to, args=(last,), key="last_day")


def _go_to(day: date) -> None:
    st.session_state["trading_day"] = day


def _card(view: View, slot: SlotOfDay, days: FollowedDays, summary: DaySummary) -> None:
    zone, name = ZoneInfo(view.market.zone), slot.slot.opening_range
    became = next((one for one in summary.ranges if one.opening_range == name), None)
    followed = next((one for one in days.slots if one.key == slot.slot.key), None)
    with st.container(border=True, key=f"card_{name}"):
        st.subheader(f"{name} · {headline(slot, became)}")
        closes = slot.slot.decision.astimezone(zone)
        opens = slot.opens.astimezone(zone)
        st.caption(f"Range {opens:%H:%M} to {closes:%H:%M} {view.market.zone}, {closes:%a %d %b}")
        if slot.state == "due":
            left = slot.slot.decision - now()
            st.write(f"Decision in **{duration(left)}**.")
            return
        if slot.state != "answered":
            st.warning(f"No prediction: {slot.why}.", icon=":material/block:")
        picture, words = st.columns([3, 2])
        with picture:
            _trade(days, slot, followed)
        if slot.state == "answered":
            with words:
                _show_prediction(slot, slot.answers[0])
            _reasons(slot, slot.answers[0])
        if followed is not None and followed.beside:
            for column, other in zip(
                st.columns(len(followed.beside)), followed.beside, strict=True
            ):
                with column:
                    _trade(days, slot, other)
        _challengers(slot)


def _trade(days: FollowedDays, slot: SlotOfDay, followed: FollowedSlot | None) -> None:
    """Show a range with the trade of a strategy, or the range alone without a ledger entry."""
    if followed is not None:
        st.markdown(f"**{escaped(followed.rules.name)}**")
    drawn = picture_now(days, slot.slot.key, followed)
    if drawn is None:
        st.caption("No bars of this range are in the lake.")
    else:
        which = "" if followed is None else f"_{followed.rules.hash[:12]}"
        show_chart(range_chart(drawn, theme()), f"chart_{slot.slot.opening_range}{which}")
    if followed is not None:
        st.markdown("  \n".join(escaped(line) for line in trade_lines(days, followed)))


def _show_prediction(slot: SlotOfDay, champion: Settled) -> None:
    entry = champion.prediction
    prediction = entry.outputs.prediction
    if prediction is None:  # shown only for slots that were predicted
        return
    st.table(pd.DataFrame(probabilities(champion)).set_index("break"))
    st.table(pd.DataFrame(sides(prediction)).set_index("if it breaks"))
    lines = [
        f"confidence **{prediction.level}**",
        f"p(no break) {percent_or_dash(prediction.p_none)}",
        likeness(prediction.novelty),
        *([prediction.answered_by] if prediction.models is not None else []),
        f"{escaped(entry.model or '-')} {escaped(entry.version or '')}",
        f"logged {_seconds(entry.made_at - entry.decision_time)} after the close",
    ]
    if entry.late:
        lines.append("**late**: not scored")
    if entry.outputs.fallback:
        lines.append(f"fallback: {escaped(entry.outputs.fallback)}")
    st.write(" · ".join(lines))
    st.write(agreement(slot))


def _reasons(slot: SlotOfDay, champion: Settled) -> None:
    if reasons := champion.prediction.outputs.reasons:
        with st.expander("Contributions toward UP or DOWN", expanded=True):
            show_chart(reasons_chart(reasons, theme()), f"reasons_{slot.slot.opening_range}")


def _challengers(slot: SlotOfDay) -> None:
    if len(slot.answers) < 2:  # noqa: PLR2004 - the champion and one more
        return
    others = "the other version" if len(slot.answers) == 2 else "other versions"  # noqa: PLR2004
    with st.expander(f"Predictions of {others}"):
        rows = [
            {
                "role": other.prediction.role,
                "version": other.prediction.version,
                "p(UP)": percent_or_dash(other.prediction.p_up),
                "prediction": other.prediction.recommendation
                or f"none: {other.prediction.reason}",
                "E[net R]": signed_or_dash(other.prediction.expected_net_r),
            }
            for other in slot.answers[1:]
        ]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            width="stretch",
            key=f"others_{slot.slot.opening_range}",
        )


def _seconds(spent: timedelta) -> str:
    seconds = spent.total_seconds()
    return f"{seconds:.0f} s" if seconds < 600 else duration(spent)  # noqa: PLR2004 - minutes


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=20)
def _slots(name: str, day: date, mode: Mode) -> Sequence[SlotOfDay]:
    settings = current_settings()
    return slots_of_day(settings, settings.market(name), day, mode, now())


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=20)
def _first_mode(name: str, today: date) -> Mode:
    del today
    settings = current_settings()
    there = choices(settings.database(), settings.market(name).symbol)["mode"]
    return "replay" if there == ("replay",) else "live"


def _first_day(name: str, outlook: DayOutlook) -> date:
    """Return the day to begin with: today if it has something, the last one on record if not."""
    today = outlook.trading_day
    last = _last_day(name, _first_mode(name, today))
    if last is None or last >= today:  # later than today only where a clock was wrong
        return today
    return today if outlook.closed is None and _has_bars(name, today) else last


def _has_bars(name: str, day: date) -> bool:
    days, _ = day_followed(name, day, "live")
    return any(
        picture_now(days, slot.slot.key, None) is not None for slot in _slots(name, day, "live")
    )


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=20)
def _last_day(name: str, mode: Mode) -> date | None:
    settings = current_settings()
    there = PredictionFilter(market=settings.market(name).symbol, mode=(mode,))
    rows = browse(settings.database(), there, limit=1)
    return rows[0].trading_day if rows else None
