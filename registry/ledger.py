"""The ledger: every prediction before its outcome, append-only, chained by hash."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.database import Database
from registry.tables import OutcomeRow, PredictionRow, canonical

_GENESIS = "0" * 64
_NUMBERS = frozenset({"p_up", "baseline_p_up", "expected_net_r"})

Mode = Literal["live", "replay"]
Role = Literal["champion", "challenger", "baseline"]
Status = Literal["predicted", "abstained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionEntry:
    """One thing said of one slot, or the typed reason why nothing was."""

    market: str
    trading_day: date
    opening_range: str
    mode: Mode
    role: Role
    decision_time: datetime
    made_at: datetime
    late: bool
    status: Status
    reason: str | None
    label: str
    model: str | None = None
    version: str | None = None
    recipe_hash: str | None = None
    p_up: float | None = None
    baseline_p_up: float | None = None
    recommendation: str | None = None
    expected_net_r: float | None = None
    features: dict[str, Any]
    outputs: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeEntry:
    """What became of a slot under a label."""

    market: str
    trading_day: date
    opening_range: str
    label: str
    direction: str
    outcome: str | None
    entry: float | None
    stop: float | None
    target: float | None
    r_gross: float | None
    r_net: float | None
    resolved_at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """A prediction and the latest outcome of its slot; None while it is open."""

    prediction: PredictionEntry
    outcome: OutcomeEntry | None
    revision: int


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the ledger's chain: rows in all, and the last one's hash."""

    rows: int
    row_hash: str


class Ledger:
    """Predictions and outcomes.

    Parameters
    ----------
    database
        Where they are rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, entries: list[PredictionEntry]) -> int:
        """Append predictions in one unit of work; give how many were new.

        A slot, mode and role that has an entry keeps it: the first word stands.
        """
        added = 0
        with self._database.session() as session:
            head = session.scalars(
                select(PredictionRow.row_hash).order_by(PredictionRow.id.desc()).limit(1)
            ).first()
            previous = head or _GENESIS
            for entry in entries:
                if _known(session, entry):
                    continue
                digest = _row_hash(entry, previous)
                session.add(
                    PredictionRow(**_fields(entry), previous_hash=previous, row_hash=digest)
                )
                session.flush()
                previous = digest
                added += 1
        return added

    def record_outcome(
        self, entry: OutcomeEntry, at: datetime
    ) -> Literal["added", "unchanged", "revised"]:
        """Append an outcome; one that differs from the latest is a revision beside it."""
        with self._database.session() as session:
            latest = session.scalars(
                select(OutcomeRow)
                .where(
                    OutcomeRow.market == entry.market,
                    OutcomeRow.trading_day == entry.trading_day,
                    OutcomeRow.opening_range == entry.opening_range,
                    OutcomeRow.label == entry.label,
                )
                .order_by(OutcomeRow.revision.desc())
                .limit(1)
            ).first()
            if latest is not None and _outcome(latest) == entry:
                return "unchanged"
            revision = 0 if latest is None else latest.revision + 1
            session.add(OutcomeRow(**asdict(entry), revision=revision, recorded_at=at))
            return "added" if latest is None else "revised"

    def settled(
        self,
        market: str,
        *,
        first: date | None = None,
        last: date | None = None,
        mode: Mode | None = None,
    ) -> tuple[Settled, ...]:
        """Give predictions in order of decision, each with the latest outcome of its slot."""
        query = select(PredictionRow).where(PredictionRow.market == market)
        if first is not None:
            query = query.where(PredictionRow.trading_day >= first)
        if last is not None:
            query = query.where(PredictionRow.trading_day <= last)
        if mode is not None:
            query = query.where(PredictionRow.mode == mode)
        query = query.order_by(PredictionRow.decision_time, PredictionRow.id)
        with self._database.session() as session:
            rows = list(session.scalars(query))
            outcomes = select(OutcomeRow).where(OutcomeRow.market == market)
            latest: dict[tuple[date, str, str], OutcomeRow] = {}
            for each in session.scalars(outcomes.order_by(OutcomeRow.revision)):
                latest[each.trading_day, each.opening_range, each.label] = each
        found = []
        for row in rows:
            outcome = latest.get((row.trading_day, row.opening_range, row.label))
            revision = outcome.revision if outcome else 0
            found.append(Settled(_entry(row), _outcome(outcome) if outcome else None, revision))
        return tuple(found)

    def head(self) -> Head:
        """Give the end of the chain; whoever notes it elsewhere can tell a shortened one later."""
        with self._database.session() as session:
            rows = session.scalar(select(func.count()).select_from(PredictionRow)) or 0
            last = select(PredictionRow.row_hash).order_by(PredictionRow.id.desc()).limit(1)
            return Head(rows, session.scalars(last).first() or _GENESIS)

    def has(self, row_hash: str) -> bool:
        """Tell whether a row with this hash, or one that begins with it, stands in the chain."""
        if row_hash == _GENESIS:
            return True
        query = select(PredictionRow.id).where(PredictionRow.row_hash.startswith(row_hash))
        with self._database.session() as session:
            return session.scalars(query).first() is not None

    def verify_chain(self) -> tuple[str, ...]:
        """Name every prediction that was edited, and every place where one is gone or moved."""
        faults = []
        previous = _GENESIS
        with self._database.session() as session:
            for number in list(
                session.scalars(select(PredictionRow.id).order_by(PredictionRow.id))
            ):
                try:
                    row = session.get_one(PredictionRow, number)
                except (ValueError, TypeError) as error:
                    faults.append(f"prediction {number} was edited: it cannot be read ({error})")
                    previous = _stored_hash(session, number)
                    continue
                name = f"prediction {row.id} ({row.market}:{row.trading_day}:{row.opening_range})"
                if row.previous_hash != previous:
                    faults.append(
                        f"{name} does not follow the row before it: one is gone or moved"
                    )
                if _row_hash(_entry(row), row.previous_hash) != row.row_hash:
                    faults.append(f"{name} was edited")
                previous = row.row_hash
        return tuple(faults)


def _stored_hash(session: Session, number: int) -> str:
    query = select(PredictionRow.row_hash).where(PredictionRow.id == number)
    return session.scalars(query).one()


def _fields(entry: PredictionEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in PredictionEntry.__slots__}


def _entry(row: PredictionRow) -> PredictionEntry:
    return PredictionEntry(**{name: getattr(row, name) for name in PredictionEntry.__slots__})


def _outcome(row: OutcomeRow) -> OutcomeEntry:
    return OutcomeEntry(**{name: getattr(row, name) for name in OutcomeEntry.__slots__})


def _known(session: Session, entry: PredictionEntry) -> bool:
    found = session.scalars(
        select(PredictionRow.id).where(
            PredictionRow.market == entry.market,
            PredictionRow.trading_day == entry.trading_day,
            PredictionRow.opening_range == entry.opening_range,
            PredictionRow.mode == entry.mode,
            PredictionRow.role == entry.role,
        )
    )
    return found.first() is not None


def _row_hash(entry: PredictionEntry, previous: str) -> str:
    plain = {name: _as_stored(name, value) for name, value in _fields(entry).items()}
    return hashlib.sha256((previous + canonical(plain)).encode()).hexdigest()


def _as_stored(name: str, value: Any) -> Any:
    """Give a value as it will be read back, so that a row's hash is the same then."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if name in _NUMBERS and value is not None else value
