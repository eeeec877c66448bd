"""Notices, kept whether or not any channel took them, and every attempt to bring them there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from registry.tables import DeliveryRow, NoticeRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from registry.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something a person should know; ``key`` names it, so that it is told once."""

    key: str
    market: str | None
    kind: str
    subject: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An attempt to bring a notice to a channel."""

    key: str
    channel: str
    delivered: bool
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A notice, and every attempt to bring it anywhere, oldest first."""

    notice: Notice
    deliveries: tuple[Delivery, ...]

    def reached(self, channel: str) -> bool:
        """Whether a channel took it."""
        return any(each.delivered for each in self.deliveries if each.channel == channel)


def keep_notice(database: Database, notice: Notice) -> bool:
    """Keep a notice; False if it is there, which stays as it is."""
    values = {name: getattr(notice, name) for name in Notice.__slots__}
    with database.session() as session:
        if _id_of(session, notice.key) is not None:
            return False
    try:
        with database.session() as session:
            session.add(NoticeRow(**values))
    except IntegrityError:
        return False
    return True


def record_delivery(database: Database, delivery: Delivery) -> None:
    """Append an attempt; one of a notice that is not there is of nothing, and left out."""
    with database.session() as session:
        number = _id_of(session, delivery.key)
        if number is None:
            return
        session.add(
            DeliveryRow(
                notice_id=number,
                channel=delivery.channel,
                delivered=delivery.delivered,
                detail=delivery.detail,
                at=delivery.at,
            )
        )


def notices(database: Database, *, market: str | None = None, last: int = 50) -> tuple[Told, ...]:
    """Give the latest notices, of a market or of all, oldest first, with their deliveries."""
    query = select(NoticeRow).order_by(NoticeRow.at.desc(), NoticeRow.id.desc()).limit(last)
    if market is not None:
        query = query.where(NoticeRow.market == market)
    with database.session() as session:
        rows = list(session.scalars(query))[::-1]
        attempts = session.scalars(
            select(DeliveryRow)
            .where(DeliveryRow.notice_id.in_([each.id for each in rows]))
            .order_by(DeliveryRow.id)
        )
        by_notice: dict[int, list[DeliveryRow]] = {}
        for each in attempts:
            by_notice.setdefault(each.notice_id, []).append(each)
        return tuple(
            Told(
                Notice(**{name: getattr(row, name) for name in Notice.__slots__}),
                tuple(_deliveries(row.key, by_notice.get(row.id, ()))),
            )
            for row in rows
        )


def _deliveries(key: str, rows: Iterable[DeliveryRow]) -> Iterable[Delivery]:
    for row in rows:
        yield Delivery(
            key=key,
            channel=row.channel,
            delivered=row.delivered,
            detail=row.detail,
            at=row.at,
        )


def _id_of(session: Session, key: str) -> int | None:
    return session.scalars(select(NoticeRow.id).where(NoticeRow.key == key)).first()
