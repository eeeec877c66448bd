"""The record of scheduled news: each event's file, and since when it was known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Select, or_, select

from ml_core.json_values import field_values
from ml_core.market.news import NewsEvent
from registry.chains.chain import chain_of
from registry.rows import read_records, records_in
from registry.tables.news import NewsRow

if TYPE_CHECKING:
    from registry.database import Database

EVERY_MARKET = ""
"""The market name of events that concern every market."""


def record_news(database: Database, events: Iterable[NewsEvent], source: str, at: datetime) -> int:
    """Record the events of a file that are new; return their number.

    A recorded event keeps the time since when it was known, unless the file says it was earlier.

    Parameters
    ----------
    database, events
        The database, and the events of a file.
    source, at
        The file's name, and aware time, now.
    """
    added = 0
    with database.session() as session:
        every = select(NewsRow).order_by(NewsRow.id)
        latest = {_key(one): one for one in records_in(session, NewsEvent, every)}
        end = None
        for event in events:
            on_record = latest.get(_key(event))
            if on_record is not None and _is_repeat(event, on_record):
                continue
            values = {**field_values(event), "source": source, "at": at}
            end = chain_of(NewsRow).append(session, values, end)
            latest[_key(event)] = event
            added += 1
    return added


def news_of(database: Database, market: str, by: datetime | None = None) -> tuple[NewsEvent, ...]:
    """Return every event of a market and of all markets, in the order of recording.

    Parameters
    ----------
    database, market
        The database, and the market's symbol.
    by
        Aware time: only events on record by then; by default, all events.
    """
    query = _of_market(market)
    return read_records(
        database, NewsEvent, query if by is None else query.where(NewsRow.at <= by)
    )


def late_news_of(database: Database, market: str) -> tuple[NewsEvent, ...]:
    """Return past events recorded after their time as known before it, in order of recording.

    They were recorded only after they had happened, so whoever did so knew what followed.
    """
    late = NewsRow.time < NewsRow.at, NewsRow.known_since < NewsRow.at
    return read_records(database, NewsEvent, _of_market(market).where(*late))


def _of_market(market: str) -> Select[NewsRow]:
    own = or_(NewsRow.market == market, NewsRow.market == EVERY_MARKET)
    return select(NewsRow).where(own).order_by(NewsRow.id)


def _key(event: NewsEvent) -> tuple[str, datetime, str]:
    return event.market, event.time, event.name


def _is_repeat(event: NewsEvent, on_record: NewsEvent) -> bool:
    same = (event.importance, event.cancelled) == (on_record.importance, on_record.cancelled)
    return same and event.known_since >= on_record.known_since
