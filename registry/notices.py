"""The record of notices, whether or not delivered, and of every attempt to deliver them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from ml_core.json_values import field_values
from registry.rows import record_of
from registry.tables.notices import DeliveryRow, NoticeRow

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from registry.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message for people; ``key`` identifies it, so that it is sent once."""

    key: str
    market: str | None
    kind: str
    subject: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An attempt to deliver a notice to a channel."""

    key: str
    channel: str
    delivered: bool
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """A notice with every attempt to deliver it, oldest first."""

    notice: Notice
    deliveries: tuple[Delivery, ...]

    def reached(self, channel: str) -> bool:
        """Return whether a channel accepted it."""
        return any(
            delivery.delivered for delivery in self.deliveries if delivery.channel == channel
        )

    def attempts(self, channel: str) -> int:
        """Return how many deliveries to a channel were tried."""
        return sum(delivery.channel == channel for delivery in self.deliveries)


def record_notice(database: Database, notice: Notice) -> bool:
    """Record a notice; return False if it is on record, which is then not changed.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    values = field_values(notice)
    if is_kept(database, notice.key):
        return False
    try:
        with database.session() as session:
            session.add(NoticeRow(**values))
    except IntegrityError:
        return False
    return True


def is_kept(database: Database, key: str) -> bool:
    """Return whether a notice with a key is on record.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    with database.reading() as session:
        return _id_of(session, key) is not None


def record_delivery(database: Database, delivery: Delivery) -> None:
    """Record an attempt to deliver; attempts for an unknown notice are ignored.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    with database.session() as session:
        number = _id_of(session, delivery.key)
        if number is None:
            return
        session.add(
            DeliveryRow(
                notice_id=number, **{n: v for n, v in field_values(delivery).items() if n != "key"}
            )
        )


def notices(
    database: Database,
    *,
    market: str | None = None,
    kinds: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    last: int = 50,
) -> tuple[NoticeRecord, ...]:
    """Return the latest notices with their deliveries, oldest first.

    Parameters
    ----------
    market
        Symbol; None for all markets.
    kinds
        Only notices of these kinds; None for all.
    since, until
        Aware times: only notices recorded from ``since`` on, and before ``until``.
    last
        Maximum number of notices.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = select(NoticeRow).order_by(NoticeRow.at.desc(), NoticeRow.id.desc()).limit(last)
    if market is not None:
        query = query.where(NoticeRow.market == market)
    if kinds is not None:
        query = query.where(NoticeRow.kind.in_(kinds))
    if since is not None:
        query = query.where(NoticeRow.at >= since)
    if until is not None:
        query = query.where(NoticeRow.at < until)
    with database.reading() as session:
        return _records(session, list(session.scalars(query))[::-1])


def waiting(database: Database, channel: str, since: datetime) -> tuple[NoticeRecord, ...]:
    """Return the notices that a channel has not accepted, least tried first.

    With the oldest first, a notice that a channel always refuses would block all others.

    Parameters
    ----------
    channel
        Name of the channel.
    since
        Aware time; older notices are left out.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    taken = select(DeliveryRow.notice_id).where(
        DeliveryRow.channel == channel, DeliveryRow.delivered
    )
    query = (
        select(NoticeRow)
        .where(NoticeRow.at >= since, NoticeRow.id.not_in(taken))
        .order_by(NoticeRow.at, NoticeRow.id)
    )
    with database.reading() as session:
        records = _records(session, list(session.scalars(query)))
    return tuple(sorted(records, key=lambda record: record.attempts(channel)))


def failures_in_a_row(database: Database, channel: str) -> tuple[Delivery, ...]:
    """Return a channel's failed attempts since the last one it accepted, oldest first.

    Parameters
    ----------
    channel
        Name of the channel.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    own = DeliveryRow.channel == channel
    last = select(func.max(DeliveryRow.id)).where(own, DeliveryRow.delivered).scalar_subquery()
    query = (
        _attempts().where(own, DeliveryRow.id > func.coalesce(last, 0)).order_by(DeliveryRow.id)
    )
    with database.reading() as session:
        return tuple(_delivery(key, row) for key, row in session.execute(query))


def last_attempt(database: Database, channel: str) -> Delivery | None:
    """Return a channel's latest attempt; None if there was none.

    Parameters
    ----------
    channel
        Name of the channel.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = (
        _attempts().where(DeliveryRow.channel == channel).order_by(DeliveryRow.id.desc()).limit(1)
    )
    with database.reading() as session:
        row = session.execute(query).first()
        return None if row is None else _delivery(*row)


def _records(session: Session, rows: Sequence[NoticeRow]) -> tuple[NoticeRecord, ...]:
    attempts = session.scalars(
        select(DeliveryRow)
        .where(DeliveryRow.notice_id.in_([row.id for row in rows]))
        .order_by(DeliveryRow.id)
    )
    by_notice: dict[int, list[DeliveryRow]] = {}
    for attempt in attempts:
        by_notice.setdefault(attempt.notice_id, []).append(attempt)
    return tuple(
        NoticeRecord(
            record_of(Notice, row),
            tuple(_delivery(row.key, attempt) for attempt in by_notice.get(row.id, ())),
        )
        for row in rows
    )


def _attempts() -> Select[str, DeliveryRow]:
    """Select delivery attempts with the key of their notice."""
    return select(NoticeRow.key, DeliveryRow).join(
        NoticeRow, NoticeRow.id == DeliveryRow.notice_id
    )


def _delivery(key: str, row: DeliveryRow) -> Delivery:
    return record_of(Delivery, row, key=key)


def _id_of(session: Session, key: str) -> int | None:
    return session.scalars(select(NoticeRow.id).where(NoticeRow.key == key)).first()
