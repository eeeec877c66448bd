"""Notices are recorded once, with every attempt to deliver them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from registry.database import Database
from registry.notices import (
    Delivery,
    Notice,
    failures_in_a_row,
    last_attempt,
    notices,
    record_delivery,
    record_notice,
    waiting,
)

AT = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)


def notice(key: str, minute: int = 0, market: str | None = "MGC") -> Notice:
    at = AT + timedelta(minutes=minute)
    return Notice(key=key, market=market, kind="breaker", subject=key, body="12 R", at=at)


def attempt(key: str, delivered: bool, channel: str = "desk", minute: int = 0) -> Delivery:
    at = AT + timedelta(minutes=minute)
    detail = "" if delivered else "refused"
    return Delivery(key=key, channel=channel, delivered=delivered, detail=detail, at=at)


def test_a_notice_is_kept_once_and_stays_as_it_was(database: Database) -> None:
    assert record_notice(database, notice("one"))
    assert not record_notice(database, notice("one", minute=9))
    (record,) = notices(database)
    assert record.notice == notice("one")


def test_the_latest_notices_of_a_market_are_returned_oldest_first(database: Database) -> None:
    for minute, (key, market) in enumerate([("a", "MGC"), ("b", "NQ"), ("c", "MGC"), ("d", None)]):
        record_notice(database, notice(key, minute, market))
    assert [record.notice.key for record in notices(database, market="MGC")] == ["a", "c"]
    assert [record.notice.key for record in notices(database, last=2)] == ["c", "d"]
    first, later = AT + timedelta(minutes=1), AT + timedelta(minutes=3)
    between = notices(database, since=first, until=later)
    assert [record.notice.key for record in between] == ["b", "c"]


def test_undelivered_notices_wait_for_a_channel_least_tried_first(database: Database) -> None:
    for minute, key in enumerate(["old", "taken", "refused", "new"]):
        record_notice(database, notice(key, minute))
    record_delivery(database, attempt("taken", delivered=True))
    record_delivery(database, attempt("refused", delivered=False))
    record_delivery(database, attempt("refused", delivered=True, channel="pager"))
    since = AT + timedelta(minutes=1)
    assert [record.notice.key for record in waiting(database, "desk", since)] == ["new", "refused"]
    assert [record.notice.key for record in waiting(database, "pager", AT)] == [
        "old",
        "taken",
        "new",
    ]


def test_failures_in_a_row_end_with_a_delivery(database: Database) -> None:
    for key in ("one", "two"):
        record_notice(database, notice(key))
    tries = [
        attempt("one", False),
        attempt("one", True, minute=1),
        attempt("two", False, minute=2),
    ]
    assert last_attempt(database, "desk") is None
    for attempted in tries:
        record_delivery(database, attempted)
    record_delivery(database, attempt("two", False, channel="pager"))
    assert failures_in_a_row(database, "desk") == (tries[2],)
    assert last_attempt(database, "desk") == tries[2]


def test_an_attempt_of_a_notice_that_is_not_there_is_left_out(database: Database) -> None:
    record_delivery(database, attempt("never", delivered=True))
    assert last_attempt(database, "desk") is None
