"""Scheduled news: files are read completely or refused, and no event is known too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.market.news import NewsEvent, coming_news, known_news
from ml_core.market.news_files import NewsFileError, read_news

AT = datetime(2026, 1, 2, 12, tzinfo=UTC)
OCTOBER = datetime(2025, 10, 1, tzinfo=UTC)
CPI = NewsEvent(
    market="MGC",
    time=datetime(2026, 1, 14, 13, 30, tzinfo=UTC),
    name="CPI",
    importance="high",
    known_since=AT,
)
FOMC = NewsEvent(
    market="MGC",
    time=datetime(2026, 1, 28, 19, 0, tzinfo=UTC),
    name="FOMC, statement",
    importance="medium",
    known_since=OCTOBER,
)
GONE = NewsEvent(
    market="MGC",
    time=datetime(2026, 1, 9, 13, 30, tzinfo=UTC),
    name="NFP",
    importance="low",
    known_since=AT,
    cancelled=True,
)

TOML = """
zone = "America/New_York"

[[event]]
time = 2026-01-14T08:30:00
name = "CPI"

[[event]]
time = 2026-01-28T19:00:00Z
name = "FOMC, statement"
importance = "medium"
known_since = 2025-10-01

[[event]]
time = "2026-01-09T08:30"
name = "NFP"
importance = "low"
cancelled = true
"""
CSV = """Time,Name,Importance,Known_since,Cancelled,Zone
2026-01-14T08:30,CPI,,,,
2026-01-28T19:00:00+00:00,"FOMC, statement",Medium,2025-10-01,no,

2026-01-09T07:30,NFP,low,,yes,America/Chicago
"""
ICS = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
DTSTART;TZID=America/New_York:20260114T083000
SUMMARY:CPI
PRIORITY:1
BEGIN:VALARM
TRIGGER:-PT15M
END:VALARM
END:VEVENT
BEGIN:VEVENT
SUMMARY:FOMC\\, state
 ment
DTSTART:20260128T190000Z
PRIORITY:5
X-KNOWN-SINCE:20251001
END:VEVENT
BEGIN:VEVENT
DTSTART:20260109T083000
STATUS:CANCELLED
PRIORITY:9
SUMMARY:NFP
END:VEVENT
END:VCALENDAR
"""


def read(folder: Path, name: str, text: str, zone: str | None = None) -> tuple[NewsEvent, ...]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_news(path, market="MGC", zone=zone, at=AT)


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.csv", CSV), ("a.ics", ICS)])
def test_every_kind_of_file_is_read_the_same(name: str, text: str, tmp_path: Path) -> None:
    assert read(tmp_path, name, text, "America/New_York") == (CPI, FOMC, GONE)


def toml(**values: Any) -> str:
    lines = {"time": "2026-01-14T13:30:00Z", "name": '"CPI"', **values}
    return "[[event]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items() if value)


REFUSED = {
    ("no kind"): (
        "a.txt",
        "x",
        "ends in .txt, which is not a known kind of file; name one that ends in",
    ),
    "no TOML": ("a.toml", "[[event", "is not TOML"),
    "something else": ("a.toml", 'news = "x"', "has news where only zone and [[event]] belong"),
    "nothing": ("a.toml", 'zone = "UTC"', "has no event; write one with time, name"),
    "no zone": (
        "a.toml",
        toml(time="2026-01-14T08:30:00"),
        "event 1: time 2026-01-14 08:30:00 has no zone; give --zone",
    ),
    "bad zone": ("a.toml", toml(zone='"Mars"'), "event 1: zone Mars is not known; use an IANA"),
    "no table": ("a.toml", "event = [1]\n", "event 1 is no table; write each event below a line"),
    "no name": ("a.toml", toml(name=None), "event 1: name is missing; give the event's name"),
    "no time": ("a.toml", toml(time=None), "event 1: time is missing; write one such as"),
    "a day": ("a.toml", toml(time="2026-01-14"), "time 2026-01-14 has no time of day"),
    "a number": ("a.toml", toml(time="20260114"), "time 20260114 is not a time"),
    "bad importance": ("a.toml", toml(importance='"red"'), "importance red is not known; use low"),
    "bad flag": ("a.toml", toml(cancelled='"maybe"'), "cancelled maybe is neither; use true"),
    "unknown field": ("a.toml", toml(impact="3"), "event 1: impact is not a field; use time"),
    "known in the future": (
        "a.toml",
        toml(known_since="2026-01-03"),
        "known_since 2026-01-03 lies in the future; leave it out",
    ),
    "no header": ("a.csv", "2026-01-14,CPI\n", "names no columns time and name; write a header"),
    "bad row": (
        "a.csv",
        "time,name\n2026-01-14T13:30Z,CPI\nsoon,NFP\n",
        "line 3: time soon is no",
    ),
    "clocks change": (
        "a.csv",
        "time,name,zone\n2026-03-08T02:30,CPI,America/New_York\n",
        "is an hour in which clocks of America/New_York change; write it with an offset",
    ),
    "repeats": (
        "a.ics",
        "BEGIN:VEVENT\nDTSTART:20260114T133000Z\nRRULE:FREQ=MONTHLY\nEND:VEVENT\n",
        "line 1: the event repeats (RRULE); write each of its times",
    ),
    "all day": (
        "a.ics",
        "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260114\nSUMMARY:CPI\nEND:VEVENT\n",
        "line 1: time 2026-01-14 has no time of day",
    ),
}


@pytest.mark.parametrize("fault", sorted(REFUSED))
def test_a_wrong_file_is_refused_whole_with_its_place_and_a_remedy(
    fault: str, tmp_path: Path
) -> None:
    name, text, words = REFUSED[fault]
    with pytest.raises(NewsFileError) as refused:
        read(tmp_path, name, text)
    message = str(refused.value)
    assert words in message
    assert name in message
    assert "\n" not in message


HOUR = timedelta(hours=1)
events = st.builds(
    NewsEvent,
    market=st.sampled_from(("", "MGC")),
    time=st.integers(0, 9).map(lambda hours: AT + hours * HOUR),
    name=st.sampled_from(("CPI", "FOMC")),
    importance=st.sampled_from(("low", "high")),
    known_since=st.integers(-9, 9).map(lambda hours: AT + hours * HOUR),
    cancelled=st.booleans(),
)


@given(st.lists(events), st.integers(-9, 9))
def test_later_news_changes_nothing_known_before(made: list[NewsEvent], hours: int) -> None:
    at = AT + hours * HOUR
    by_then = [event for event in made if event.known_since <= at]
    assert known_news(made, at) == known_news(by_then, at)
    assert all(event.known_since <= at for event in known_news(made, at))


@given(st.lists(events), st.integers(-9, 9))
def test_the_last_record_of_an_event_counts(made: list[NewsEvent], hours: int) -> None:
    at = AT + hours * HOUR
    expected = set()
    for key in {(event.market, event.time, event.name) for event in made}:
        last: NewsEvent | None = None
        for event in made:
            if (event.market, event.time, event.name) == key and event.known_since <= at:
                last = event if last is None or event.known_since >= last.known_since else last
        if last is not None and not last.cancelled:
            expected.add(last)
    assert set(known_news(made, at)) == expected


def test_news_to_come_ends_with_a_time() -> None:
    assert coming_news([CPI, FOMC], AT, CPI.time) == (CPI,)
    assert coming_news([CPI], CPI.time - HOUR, CPI.time - timedelta(minutes=1)) == ()
    assert coming_news([CPI], CPI.time + HOUR, CPI.time + 2 * HOUR) == ()
