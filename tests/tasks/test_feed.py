"""A stopped feed is reported once, and once more when it resumes; a quiet market never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from ml_core.market.exchange import trade_dates
from ml_core.market.schedule import from_minute, to_minute
from registry.notices import notices
from tasks.data import feed
from tasks.data.feed import FeedCheck, check_feed
from tasks.data.ingest import read_source
from tasks.data.sources import source_spec
from tasks.data.standing_sources import remember_source
from tasks.notices.events import Event, FeedResumed, FeedStopped
from tasks.settings import current_settings
from tests.ml_core.builders import mgc

TODAY = datetime(2024, 3, 6, tzinfo=UTC)
NOON = TODAY + timedelta(hours=12)


class Platform:
    """A trader's writer: a bar in each open minute, except those that a test leaves out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        hours = trade_dates(mgc().calendar, 2024, 2024)
        first = np.searchsorted(hours.day, np.datetime64("2024-02-05"))
        last = np.searchsorted(hours.day, np.datetime64("2024-03-08"))
        self.all = np.concatenate(
            [np.arange(hours.open[day], hours.close[day]) for day in range(first, last)]
        )
        session = np.searchsorted(hours.day, np.datetime64("2024-03-05"))
        self.closes = from_minute(int(hours.close[session]))

    def write(
        self,
        until: datetime,
        *,
        thin: bool = False,
        gap: tuple[datetime, datetime] | None = None,
    ) -> None:
        minutes = self.all[self.all < to_minute(until)]
        if thin:  # three minutes in twenty
            minutes = minutes[minutes % 20 < 3]
        if gap is not None:
            start, stop = map(to_minute, gap)
            minutes = minutes[(minutes < start) | (minutes >= stop)]
        stamps = minutes.astype("datetime64[m]").astype("datetime64[us]")
        with duckdb.connect(str(self.path)) as database:
            database.execute(
                "CREATE OR REPLACE TABLE bars_1m AS SELECT unnest(?::TIMESTAMP[]) AS ts_utc, "
                "'MGC' AS symbol, 2000.0 AS open, 2000.0 AS high, 2000.0 AS low, "
                "2000.0 AS close, 1 AS volume", [stamps.tolist()],
            )  # fmt: skip


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    made = Platform(tmp_path / "trader.duckdb")
    spec = source_spec(kind="duckdb", paths=[str(made.path)])
    remember_source(current_settings().sources_file, "mgc", spec)
    return made


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    events: list[Event] = []
    monkeypatch.setattr(feed, "emit", events.append)
    return events


def refreshed(at: datetime) -> None:
    read_source("mgc", None, at, full=True)


def look(at: datetime) -> FeedCheck:
    return check_feed.fn("mgc", at)


def notice_subjects() -> list[str]:
    return [entry.notice.subject for entry in notices(current_settings().database())]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_a_stopped_feed_is_reported_once_and_its_return_once(
    platform: Platform, emitted: list[Any]
) -> None:
    platform.write(NOON)
    refreshed(NOON)

    looks = [look(NOON + minutes(after)).change for after in (1, 4, 5, 8, 30, 400)]
    platform.write(NOON + minutes(410), gap=(NOON, NOON + minutes(405)))
    again = [look(NOON + minutes(after)).change for after in (410, 411, 414)]
    platform.write(NOON + minutes(411), gap=(NOON, NOON + minutes(405)))
    second = [look(NOON + minutes(after)).change for after in (412, 417, 420)]

    assert looks == [None, None, "stopped", None, None, None]
    assert again == ["resumed", None, None]
    assert second == [None, "stopped", None]
    assert notice_subjects() == [
        "MGC: the feed has stopped",
        "MGC: the feed goes on",
        "MGC: the feed has stopped",
    ]
    stop, resumed, _ = emitted
    assert stop == FeedStopped(market="mgc", last_bar=NOON - minutes(1), silent_minutes=5)
    assert resumed == FeedResumed(
        market="mgc", last_bar=NOON + minutes(409), stopped_after=NOON - minutes(1)
    )


def test_a_feed_that_nobody_has_read_since_goes_on(platform: Platform) -> None:
    platform.write(NOON)
    refreshed(NOON)
    platform.write(NOON + minutes(59))

    assert look(NOON + minutes(59)).last_bar == NOON + minutes(58)
    assert current_settings().lake().status("MGC").last == NOON - minutes(1)
    assert notice_subjects() == []


@pytest.mark.parametrize(("silent", "expected"), [(17, None), (34, None), (35, "stopped")])
def test_a_thin_market_is_reported_after_a_pause_longer_than_is_usual_for_it(
    platform: Platform, silent: int, expected: str | None
) -> None:
    platform.write(NOON + minutes(3), thin=True)  # seventeen minutes without a bar are usual
    refreshed(NOON + minutes(3))

    assert look(NOON + minutes(3 + silent)).change == expected


def test_a_closed_exchange_is_not_silent(platform: Platform) -> None:
    platform.write(platform.closes)
    refreshed(platform.closes - minutes(1))

    weekend = TODAY + timedelta(days=3, hours=12)
    for at in (platform.closes, platform.closes + minutes(30), weekend):
        assert look(at).verdict == "the exchange is closed"
    # an hour's pause, and the session after it has just begun
    assert look(platform.closes + minutes(64)).change is None
    assert look(platform.closes + minutes(65)).change == "stopped"
    # the next session begins, and the feed has not come back
    assert look(platform.closes + minutes(1440 + 62)).change is None


def test_a_source_brought_up_to_date_after_the_close_has_not_stopped_in_the_morning(
    platform: Platform,
) -> None:
    platform.write(platform.closes)
    refreshed(platform.closes + minutes(30))

    late = look(platform.closes + minutes(200))

    assert late.change is None
    assert "nor any as it was made" in late.verdict


def test_the_notice_names_a_source_that_cannot_be_read(platform: Platform) -> None:
    platform.write(NOON)
    refreshed(NOON)
    platform.path.unlink()

    assert look(NOON + minutes(6)).change == "stopped"
    (entry,) = notices(current_settings().database())
    assert "trader.duckdb: does not exist" in entry.notice.body


@pytest.mark.parametrize("sessions", [9, 10])
def test_too_few_sessions_are_not_judged(platform: Platform, sessions: int) -> None:
    platform.write(NOON)
    begun = trade_dates(mgc().calendar, 2024, 2024)
    today = int(np.searchsorted(begun.open, to_minute(NOON), side="right")) - 1
    platform.all = platform.all[platform.all >= begun.open[today - sessions]]
    platform.write(NOON)
    refreshed(NOON)

    assert look(NOON + minutes(6)).change == ("stopped" if sessions == 10 else None)


def test_nothing_is_watched_where_nobody_feeds(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.write(NOON)
    refreshed(NOON)
    monkeypatch.setenv("ORBCAST_FEED_SILENT_MINUTES", "0")
    assert look(NOON + minutes(60)).change is None
    monkeypatch.setenv("ORBCAST_FEED_SILENT_MINUTES", "61")
    assert look(NOON + minutes(60)).change is None
    monkeypatch.delenv("ORBCAST_FEED_SILENT_MINUTES")
    current_settings().sources_file.unlink()
    assert look(NOON + minutes(60)).verdict.startswith("no standing source")
