"""News on record: a repeated file adds nothing, and known times are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ml_core.market.news import NewsEvent, known_news
from registry.database import Database
from registry.ledger.ledger import Ledger
from registry.news import EVERY_MARKET, news_of, record_news

AT = datetime(2026, 1, 2, 12, tzinfo=UTC)
LATER = AT + timedelta(days=1)
CPI = NewsEvent(
    market=EVERY_MARKET,
    time=datetime(2026, 1, 14, 13, 30, tzinfo=UTC),
    name="CPI",
    importance="high",
    known_since=AT,
)


def test_a_file_twice_adds_nothing_and_stays_known_since_the_first_time(
    database: Database,
) -> None:
    own = replace(CPI, market="MGC", name="COMEX closes")
    assert record_news(database, [CPI, own, CPI], "a.csv", AT) == 2
    again = [replace(CPI, known_since=LATER), replace(own, known_since=LATER)]
    assert record_news(database, again, "a.csv", LATER) == 0
    assert news_of(database, "MGC") == (CPI, own)
    assert news_of(database, "NQ") == (CPI,)
    assert Ledger(database).verify().faults == ()


def test_a_change_is_known_since_it_was_recorded_and_an_earlier_publication_counts(
    database: Database,
) -> None:
    record_news(database, [CPI], "a.csv", AT)
    gone = replace(CPI, known_since=LATER, cancelled=True)
    assert record_news(database, [gone], "b.csv", LATER) == 1
    assert known_news(news_of(database, "MGC"), AT) == (CPI,)
    assert known_news(news_of(database, "MGC"), LATER) == ()
    published = replace(CPI, time=CPI.time + timedelta(days=30))
    record_news(database, [published], "a.csv", AT)
    earlier = replace(published, known_since=AT - timedelta(days=90))
    assert record_news(database, [earlier], "c.csv", LATER) == 1
    assert known_news(news_of(database, "MGC"), AT - timedelta(days=1)) == (earlier,)
