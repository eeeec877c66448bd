"""The trading day's figures are those of the ledger and of the bars known at that time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import streamlit as st
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from deployments.dashboard.trading_day.figures import market_row
from deployments.dashboard.trading_day.summary import DaySummary, day_summary
from ml_core.decision.plan_slot import OPEN_DAYS
from ml_core.strategy.rules import Rules
from ml_core.strategy.trades import PlanResult
from monitoring.pages.formatting import DASH, r_multiple
from registry.notices import Notice, record_notice
from registry.strategy import record_strategy, strategy_records
from registry.trades import remember_rules
from tasks.messages.followed_days import FollowedDays, followed_days
from tasks.prediction.day_outlook import day_outlook
from tasks.settings import Settings, current_settings
from tests.dashboard.conftest import FIRST_DAY, NOW
from tests.live_days import set_clock
from tests.trained_market import copy_home
from tests.waiting import AT_MOST_SECONDS

THURSDAY = date(2024, 11, 28)


@pytest.fixture
def settings(day_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("ORBCAST_HOME", str(day_home))
    return current_settings()


def followed(settings: Settings, day: date, at: datetime) -> FollowedDays:
    return followed_days(settings, "mgc", day - OPEN_DAYS, day, at)


def summary_of(settings: Settings, day: date, at: datetime) -> DaySummary:
    return day_summary(followed(settings, day, at), day, at)


def test_a_day_that_is_over_has_the_net_r_of_its_entered_trades(settings: Settings) -> None:
    entered = 0
    for on in (FIRST_DAY + timedelta(days=days) for days in (0, 1, 2, 3, 7, 8)):
        over = summary_of(settings, on, NOW)
        taken = [
            slot.taken
            for slot in followed(settings, on, NOW).slots
            if slot.entry.trading_day == on and slot.taken is not None and slot.taken.size
        ]
        outcomes = {
            row.outcome.opening_range: row.outcome.r_net
            for row in settings.ledger().settled("MGC", first=on, last=on, mode="live")
            if row.outcome is not None and row.prediction.role == "champion"
        }
        expected = sum((outcomes[t.slot.opening_range] or 0.0) * t.size for t in taken)
        assert over.net_r == pytest.approx(expected)
        assert (over.trades, over.open, over.running_r) == (len(taken), 0, 0.0)
        assert over.trades_left == 6 - len(taken)
        assert over.loss_left_r == pytest.approx(max(3.0 + expected, 0.0))
        entered += len(taken)
    assert entered >= 6


def test_at_a_stage_that_is_traded_a_range_that_waits_has_its_bracket_to_copy(
    settings: Settings,
) -> None:
    for on in (FIRST_DAY + timedelta(days=days) for days in (0, 1, 2, 3, 7, 8)):
        for opening in followed(settings, on, NOW).slots:
            at = opening.entry.decision_time + timedelta(seconds=30)
            days = followed(settings, on, at)
            raised = [replace(one, stage="advisory") for one in days.slots]
            ranges = day_summary(replace(days, slots=tuple(raised)), on, at).ranges
            quiet = day_summary(days, on, at).ranges
            assert {line for one in quiet for line in one.to_copy} == set()
            lines = [line for one in ranges for line in one.to_copy]
            if lines:
                assert re.fullmatch(
                    r"to copy: (long|short) size 1 MGC\w+, entry [\d.]+ \(\d+ ticks\), "
                    r"stop [\d.]+ \(\d+ ticks\), target [\d.]+ \(\d+ ticks\)",
                    lines[0],
                )
                return
    raise AssertionError("no range waited for its break")


def an_open_trade(settings: Settings) -> tuple[date, PlanResult]:
    for on in (FIRST_DAY + timedelta(days=days) for days in (0, 1, 2, 3, 7, 8)):
        for slot in followed(settings, on, NOW).slots:
            taken = slot.taken
            if (
                slot.entry.trading_day == on
                and taken is not None
                and taken.size
                and taken.slot.entered_at is not None
                and taken.slot.resolved_at is not None
                and taken.slot.resolved_at - taken.slot.entered_at > timedelta(minutes=5)
            ):
                return on, taken
    raise AssertionError("no trade lasted five minutes")


def test_an_open_trade_is_valued_at_the_close_of_the_last_bar_after_costs(
    settings: Settings, simulated_database: Path
) -> None:
    day, taken = an_open_trade(settings)
    entered, side = taken.slot.entered_at, 1 if taken.slot.side == "long" else -1
    assert entered is not None
    at = entered + timedelta(minutes=3)
    with duckdb.connect(str(simulated_database), read_only=True) as source:
        (last,) = source.execute(
            "SELECT close FROM bars_1m WHERE ts_utc < ? AND contract = (SELECT contract FROM "
            "bars_1m WHERE ts_utc < ? GROUP BY 1 ORDER BY max(ts_utc) DESC, sum(volume) DESC "
            "LIMIT 1) ORDER BY ts_utc DESC LIMIT 1",
            [at.replace(tzinfo=None)] * 2,
        ).fetchone() or (None,)
    prices, instrument = taken.slot.prices, settings.market("mgc").instrument
    assert prices is not None
    entry, stop = (float(instrument.price_text(ticks)) for ticks in (prices.entry, prices.stop))
    cost = instrument.round_trip_cost_ticks * float(instrument.tick_size)
    expected = (side * (last - entry) - cost) / abs(entry - stop) * taken.size

    now = summary_of(settings, day, at)
    assert now.open == 1
    assert now.running_r == pytest.approx(expected)
    (own,) = [it for it in now.ranges if it.opening_range == taken.slot.opening_range]
    assert own.r == pytest.approx(expected)
    assert own.result.endswith(", open")


def test_nothing_of_later_is_in_a_day(settings: Settings) -> None:
    close = datetime(2024, 11, 27, 23, 5, tzinfo=UTC)  # close of Thursday's first range
    early = summary_of(settings, THURSDAY, close + timedelta(seconds=30))
    assert (early.trades, early.open, early.net_r) == (0, 0, 0.0)
    assert early.ranges[0].result == "waiting for its break"


def planned_by(rules: Rules) -> None:
    """Replace the rules that made the plans on record by other rules."""
    database = current_settings().database()
    records = strategy_records(database, "MGC", mode="live")
    with database.session() as session:
        session.execute(text("DELETE FROM strategy_decisions"))
    remember_rules(database, rules, NOW)
    for record in records:
        record_strategy(database, replace(record, rules_hash=rules.hash))


def test_a_trade_that_no_break_of_the_label_gives_is_shown_as_it_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # within the breakout bar, before its close: the edge is touched, and the label waits
    home = tmp_path / "home"
    copy_home(settings.home, home)
    (home / "strategies").mkdir()
    touch = 'name = "touch"\n[trade]\nentry = "stop_order"\nrr = 1.0\n'
    (home / "strategies" / "touch.toml").write_text(touch, "utf-8")
    monkeypatch.setenv("ORBCAST_HOME", str(home))
    monkeypatch.setenv("ORBCAST_STRATEGY", "touch")
    planned_by(current_settings().rules("MGC"))
    before_the_label = 0
    for on in (FIRST_DAY, FIRST_DAY + timedelta(days=1)):
        for slot in followed(current_settings(), on, NOW).slots:
            row, taken = slot.row, slot.taken
            if slot.entry.trading_day != on or taken is None or taken.slot.entered_at is None:
                continue
            at = taken.slot.entered_at + timedelta(seconds=1)
            (line,) = [
                line
                for line in summary_of(current_settings(), on, at).ranges
                if line.opening_range == slot.entry.opening_range
            ]
            if not line.is_open:
                continue  # stopped out in its entry bar
            assert line.result.endswith(", open")
            broke_later = row is not None and (row["break_time"] is None or row["break_time"] > at)
            before_the_label += broke_later
    assert before_the_label


def today() -> None:
    from deployments.dashboard.shell import view  # noqa: PLC0415 - Streamlit runs it elsewhere
    from deployments.dashboard.today import page  # noqa: PLC0415 - the same

    page(view())


@pytest.fixture
def page_at(
    day_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[datetime], AppTest]:
    home = tmp_path / "home"
    copy_home(day_home, home)
    monkeypatch.setenv("ORBCAST_HOME", str(home))

    def run(at: datetime) -> AppTest:
        st.cache_resource.clear()
        set_clock(monkeypatch, tmp_path / "clock", at)
        page = AppTest.from_function(today, default_timeout=AT_MOST_SECONDS).run()
        assert not page.exception
        return page

    return run


def messages_of(page: AppTest) -> list[str]:
    return list(page.dataframe[1].value["message"])


def test_the_page_begins_with_the_day_in_figures_and_its_messages(
    page_at: Callable[[datetime], AppTest],
) -> None:
    before = messages_of(page_at(NOW))
    for key, at in (("of the day", NOW), ("of the day before", NOW - timedelta(days=1))):
        notice = Notice(key=key, market="MGC", kind="break", subject=key, body="", at=at)
        record_notice(current_settings().database(), notice)
    page = page_at(NOW)
    figures = {metric.label: metric.value for metric in page.metric}
    day = summary_of(current_settings(), THURSDAY, NOW)
    assert figures["Net R settled"] == r_multiple(day.net_r)
    assert figures["Messages"] == str(len(before) + 1)
    assert sorted(messages_of(page)) == sorted([*before, "of the day"])
    assert list(page.dataframe[0].value["range"]) == ["0900", "1000", "1100"]


def test_on_a_weekend_the_last_day_on_record_and_the_next_one_s_ranges_are_there_at_once(
    page_at: Callable[[datetime], AppTest],
) -> None:
    page = page_at(datetime(2024, 11, 30, 3, 0, tzinfo=UTC))  # Saturday noon in Brisbane
    assert page.date_input[0].value == THURSDAY
    titles = [heading.value for heading in page.subheader]
    assert titles[0] == "Next: Monday 02 December"
    assert titles[1].startswith("0900 · ")
    assert list(page.dataframe[0].value["range"]) == ["0900", "1000", "1100"]


def test_a_market_among_all_has_its_day_in_a_line(settings: Settings) -> None:
    market = settings.market("mgc")
    outlook = day_outlook(market, NOW)
    over = market_row("MGC", summary_of(settings, FIRST_DAY, NOW), outlook, NOW)
    whole = summary_of(settings, FIRST_DAY, NOW)
    assert over["trades"] == str(whole.trades)
    assert over["R settled"] == r_multiple(whole.net_r)
    assert over["R running"] == r_multiple(None)
    first = outlook.next_ranges[0]
    assert over["next"].startswith(f"{first.opening_range} in ")
    nothing = market_row(
        "NQ", summary_of(settings, THURSDAY + timedelta(days=365), NOW), outlook, NOW
    )
    assert (nothing["ranges"], nothing["trades"]) == (DASH, "0")
    assert nothing["R settled"] == r_multiple(None)


def test_today_begins_with_all_markets_where_there_are_several(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del settings
    set_clock(monkeypatch, tmp_path / "clock", NOW)

    def tables() -> dict[str, list[str]]:
        st.cache_resource.clear()
        page = AppTest.from_function(today, default_timeout=AT_MOST_SECONDS).run()
        assert not page.exception
        return {
            ",".join(table.value.columns): list(table.value.iloc[:, 0]) for table in page.dataframe
        }

    all_columns = "market,trades,R settled,R running,R to lose,next,ranges,stage"
    assert all_columns not in tables()
    monkeypatch.setenv("ORBCAST_MARKETS", "mgc,nq")
    assert tables()[all_columns] == ["MGC", "NQ"]
