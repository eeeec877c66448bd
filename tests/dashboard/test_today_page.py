"""The layout of Today, on days with and without ranges, whatever the machine's date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ml_core.decision.entry import Mode
from tasks.settings import current_settings
from tests.ledger_rows import PREDICTION
from tests.live_days import set_clock
from tests.waiting import AT_MOST_SECONDS

PageAt = Callable[[datetime], AppTest]
RANGES = ["0900", "1000", "1100", "1800", "2300", "0030"]


def today() -> None:
    from deployments.dashboard.shell import view  # noqa: PLC0415 - Streamlit runs it elsewhere
    from deployments.dashboard.today import page  # noqa: PLC0415 - the same

    page(view())


@pytest.fixture
def page_at(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PageAt:
    """Return the Today page of an empty home at a moment."""
    del home
    current_settings().database()

    def run(at: datetime) -> AppTest:
        st.cache_resource.clear()
        set_clock(monkeypatch, tmp_path / "clock", at)
        page = AppTest.from_function(today, default_timeout=AT_MOST_SECONDS).run()
        assert not page.exception
        return page

    return run


@pytest.mark.parametrize(
    ("at", "day", "closed"),
    [
        (datetime(2026, 12, 5, 3, 0, tzinfo=UTC), date(2026, 12, 5), "(weekend)"),
        (datetime(2026, 12, 25, 2, 0, tzinfo=UTC), date(2026, 12, 25), "(holiday)"),
    ],
    ids=["weekend", "holiday"],
)
def test_a_closed_day_says_why_and_lists_the_next_day_s_ranges(
    page_at: PageAt, at: datetime, day: date, closed: str
) -> None:
    page = page_at(at)
    assert page.date_input[0].value == day
    assert any(closed in notice.value for notice in page.info)
    assert page.subheader[0].value.startswith("Next: Monday ")
    assert len(page.subheader) == 1, "no card of a range that nobody waits for"
    table = page.table[0].value
    assert list(table.index) == RANGES
    assert table["opens (Australia/Brisbane)"].iloc[0] == "Mon 09:00"
    assert table["decided"].iloc[-1] == "Tue 00:35"


def test_after_the_last_range_the_cards_stay_and_the_next_day_follows(page_at: PageAt) -> None:
    page = page_at(datetime(2026, 12, 2, 15, 0, tzinfo=UTC))
    assert page.date_input[0].value == date(2026, 12, 2)
    titles = [heading.value for heading in page.subheader]
    assert [title.partition(" ")[0] for title in titles] == [*RANGES, "Next:"]


def test_before_a_range_the_day_is_the_market_s_own_and_all_its_ranges_are_to_come(
    page_at: PageAt,
) -> None:
    page = page_at(datetime(2026, 12, 1, 23, 1, tzinfo=UTC))
    assert page.date_input[0].value == date(2026, 12, 2), "still the first in UTC"
    assert [heading.value for heading in page.subheader] == [
        f"{name} · to come" for name in RANGES
    ]


def test_a_page_left_open_overnight_moves_on_and_a_day_that_was_chosen_stays(
    page_at: PageAt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_at(datetime(2026, 12, 2, 2, 0, tzinfo=UTC))
    set_clock(monkeypatch, tmp_path / "clock", datetime(2026, 12, 3, 2, 0, tzinfo=UTC))
    assert page.run().date_input[0].value == date(2026, 12, 3)
    page.date_input[0].set_value(date(2026, 12, 1))
    assert page.run().date_input[0].value == date(2026, 12, 1)


@pytest.mark.parametrize("mode", ["live", "replay"])
def test_a_day_without_anything_shows_the_last_day_on_record_without_a_click(
    page_at: PageAt, mode: Mode
) -> None:
    tuesday = datetime(2026, 11, 30, 23, 5, tzinfo=UTC)
    entry = replace(
        PREDICTION, trading_day=date(2026, 12, 1), decision_time=tuesday, made_at=tuesday
    )
    current_settings().ledger().record([replace(entry, mode=mode)])
    page = page_at(datetime(2026, 12, 2, 2, 0, tzinfo=UTC))
    assert page.date_input[0].value == date(2026, 12, 1)
    assert page.warning[0].value.startswith("No prediction today of 0900, 1000: is ")
    assert page.subheader[0].value == "Next: Wednesday 02 December"
    assert list(page.table[0].value.index) == RANGES[3:]
    assert any(heading.value.startswith("0900 · skip") for heading in page.subheader)


def test_a_record_later_than_the_clock_ends_no_page(page_at: PageAt) -> None:
    later = datetime(2026, 12, 6, 23, 5, tzinfo=UTC)
    entry = replace(PREDICTION, trading_day=date(2026, 12, 7), decision_time=later, made_at=later)
    current_settings().ledger().record([entry])
    weekend = datetime(2026, 12, 5, 3, 0, tzinfo=UTC)
    assert page_at(weekend).date_input[0].value == date(2026, 12, 5)
