"""The ledger: every prediction recorded before its outcome, append-only, chained by hash."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, TypeVar

from sqlalchemy import Select, and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from ml_core.decision.entry import Mode, PredictionEntry
from registry.chains.chain import Head
from registry.chains.chain_checkpoints import Gap
from registry.database import Database
from registry.errors import BusyDatabaseError, NothingMissingError, PrematurePredictionError
from registry.ledger.entries import (
    OutcomeEntry,
    Revised,
    Settled,
    fields_of,
    outcome_key,
    outcome_of,
    prediction_of,
)
from registry.ledger.sealed_checkpoints import Seal
from registry.ledger.verification import (
    OUTCOMES,
    PREDICTIONS,
    Verification,
    chain_faults,
    chains,
    unaccepted_gaps,
    verify,
)
from registry.tables.ledger import OutcomeRow, PredictionRow

CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far the order of recording may differ from the order in which predictions were made."""

_ATTEMPTS = 5


T = TypeVar("T")


class Ledger:
    """The ledger of predictions and outcomes.

    Parameters
    ----------
    database
        The database that holds them as rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, entries: list[PredictionEntry]) -> int:
        """Append predictions like :meth:`append`; return how many were new."""
        return len(self.append(entries))

    def append(self, entries: list[PredictionEntry]) -> tuple[PredictionEntry, ...]:
        """Append predictions in one transaction; return the new ones, as recorded.

        The first entry of a slot, mode and role is final. A live entry dated before the previous
        live entry was made after the clock stepped back: it cannot prove that it was in time, so
        it is marked late, and ``outputs`` says by how many seconds.

        Raises
        ------
        PrematurePredictionError
            A live entry is dated before its slot's window closed; nothing is recorded.
        BusyDatabaseError
            Other processes kept writing; try again.
        """
        for entry in entries:
            _require_closed(entry)

        def work(session: Session) -> list[PredictionEntry]:
            head, latest = PREDICTIONS.end(session), _latest_live(session)
            added = []
            for entry in entries:
                if _is_recorded(session, entry):
                    continue
                marked = _marked(entry, latest)
                head = PREDICTIONS.append(session, fields_of(marked), head)
                latest = entry.made_at if entry.mode == "live" else latest
                added.append(marked)
            return added

        return tuple(self._alone(work))

    def record_outcome(
        self, entry: OutcomeEntry, at: datetime
    ) -> Literal["added", "unchanged", "revised"]:
        """Append an outcome; one that differs from the slot's latest is recorded as its revision.

        Raises
        ------
        BusyDatabaseError
            Other processes kept writing; try again.
        """

        def append(session: Session) -> Literal["added", "unchanged", "revised"]:
            latest = session.scalars(_outcomes_of(entry)).first()
            document = OUTCOMES.stored(asdict(entry))
            if latest is not None and asdict(outcome_of(latest)) == document:
                return "unchanged"
            values = {
                **document,
                "revision": 0 if latest is None else latest.revision + 1,
                "recorded_at": at,
            }
            OUTCOMES.append(session, values)
            return "added" if latest is None else "revised"

        return self._alone(append)

    def settled(
        self,
        market: str,
        *,
        first: date | None = None,
        last: date | None = None,
        days: Collection[date] | None = None,
        mode: Mode | None = None,
    ) -> tuple[Settled, ...]:
        """Return predictions by decision time, each with the latest outcome of its slot.

        They are those of some trading days, from a first to a last one or a collection, if given.
        """
        query = _within(select(PredictionRow), PredictionRow, market, first, last)
        if mode is not None:
            query = query.where(PredictionRow.mode == mode)
        query = query.order_by(PredictionRow.decision_time, PredictionRow.id)
        outcomes = _within(select(OutcomeRow), OutcomeRow, market, first, last)
        if days is not None:
            query = query.where(PredictionRow.trading_day.in_(days))
            outcomes = outcomes.where(OutcomeRow.trading_day.in_(days))
        with self._database.reading() as session:
            rows = list(session.scalars(query))
            latest = {
                outcome_key(row): row
                for row in session.scalars(outcomes.order_by(OutcomeRow.revision))
            }
        listed = []
        for row in rows:
            outcome = latest.get(outcome_key(row))
            revision = outcome.revision if outcome else 0
            listed.append(
                Settled(prediction_of(row), outcome_of(outcome) if outcome else None, revision)
            )
        return tuple(listed)

    def of_slot(
        self, market: str, trading_day: date, opening_range: str, mode: Mode
    ) -> tuple[PredictionEntry, ...]:
        """Return the entries of a slot in a mode, in the order of recording."""
        query = (
            select(PredictionRow)
            .where(
                PredictionRow.market == market,
                PredictionRow.trading_day == trading_day,
                PredictionRow.opening_range == opening_range,
                PredictionRow.mode == mode,
            )
            .order_by(PredictionRow.id)
        )
        with self._database.reading() as session:
            return tuple(prediction_of(row) for row in session.scalars(query))

    def reasons(
        self, market: str, *, first: date, before: datetime, mode: Mode
    ) -> dict[str, tuple[str | None, ...]]:
        """Return by role the reasons of earlier slots, by decision time; None for a prediction.

        Parameters
        ----------
        market, mode
            Symbol, and live or replayed.
        first
            First trading day.
        before
            Only slots decided before this aware time.
        """
        query = (
            # sorted here: for the order SQLite would walk all decisions there ever were
            select(
                PredictionRow.decision_time,
                PredictionRow.id,
                PredictionRow.role,
                PredictionRow.reason,
            ).where(
                PredictionRow.market == market,
                PredictionRow.trading_day >= first,
                PredictionRow.mode == mode,
            )
        )
        reasons: dict[str, list[str | None]] = {}
        with self._database.reading() as session:
            for decided, _, role, reason in sorted(session.execute(query)):
                if decided < before:
                    reasons.setdefault(role, []).append(reason)
        return {role: tuple(values) for role, values in reasons.items()}

    def revisions(self, market: str) -> tuple[Revised, ...]:
        """Return every revised outcome of a market, in the order of recording."""
        earlier, later = aliased(OutcomeRow), aliased(OutcomeRow)
        same = ("market", "trading_day", "opening_range", "label", "market_hash")
        query = (
            select(earlier, later)
            .join(
                later,
                (later.revision == earlier.revision + 1) & _all_equal(later, earlier, same),
            )
            .where(earlier.market == market)
            .order_by(later.id)
        )
        with self._database.reading() as session:
            return tuple(
                Revised(
                    earlier=outcome_of(before),
                    later=outcome_of(after),
                    revision=after.revision,
                    earlier_recorded_at=before.recorded_at,
                    later_recorded_at=after.recorded_at,
                )
                for before, after in session.execute(query)
            )

    def head(self) -> Head:
        """Return the end of the predictions' chain, to be noted where nobody here can write."""
        with self._database.reading() as session:
            return PREDICTIONS.head(session)

    def has(self, row_hash: str) -> bool:
        """Return whether a chain has a row with this hash, or with a hash that begins with it."""
        with self._database.reading() as session:
            return any(chain.has(session, row_hash) for chain in chains().values())

    def verify_chain(self) -> tuple[str, ...]:
        """Return a fault for each edited, missing or moved row of any chained table."""
        return chain_faults(self._database)

    def verify(self, since: Seal | None = None) -> Verification:
        """Verify all chains, from a sealed checkpoint if given, and compare the noted heads."""
        return verify(self._database, since)

    def accept_restored(self, *, by: str, reason: str, at: datetime) -> tuple[Gap, ...]:
        """Continue from a restored backup: record who accepts that rows are missing.

        Raises
        ------
        UnsignedChangeError
            It does not say who accepts the gap or why.
        NothingMissingError
            No noted row is missing, or no row is noted.
        """
        checkpoints = self._database.checkpoints
        if checkpoints is None:
            raise NothingMissingError("no file")
        gaps = unaccepted_gaps(self._database)
        checkpoints.accept(gaps, by=by, reason=reason, at=at)
        return gaps

    def _alone(self, work: Callable[[Session], T]) -> T:
        """Run a transaction; run it again if another writer was first."""
        for _ in range(_ATTEMPTS):
            try:
                with self._database.session() as session:
                    return work(session)
            except IntegrityError as error:
                conflict = error
        raise BusyDatabaseError(self._database.masked_url, str(conflict.orig)) from conflict


def _all_equal(one: Any, other: Any, names: tuple[str, ...]) -> Any:
    return and_(*(getattr(one, name) == getattr(other, name) for name in names))


def _require_closed(entry: PredictionEntry) -> None:
    dated = entry.made_at.tzinfo is not None and entry.decision_time.tzinfo is not None
    if entry.mode == "live" and dated and entry.made_at < entry.decision_time:
        slot = f"{entry.market}:{entry.trading_day}:{entry.opening_range}"
        raise PrematurePredictionError(slot, entry.made_at, entry.decision_time)


def _latest_live(session: Session) -> datetime | None:
    """Return when the most recently recorded live entry was made."""
    query = select(PredictionRow.made_at).where(PredictionRow.mode == "live")
    return session.scalars(query.order_by(PredictionRow.id.desc()).limit(1)).first()


def _marked(entry: PredictionEntry, latest: datetime | None) -> PredictionEntry:
    if entry.mode != "live" or latest is None or entry.made_at >= latest - CLOCK_TOLERANCE:
        return entry
    behind = (latest - entry.made_at).total_seconds()
    return replace(entry, late=True, outputs=replace(entry.outputs, clock_behind_seconds=behind))


def _within(
    query: Select[Any],
    table: type[PredictionRow | OutcomeRow],
    market: str,
    first: date | None,
    last: date | None,
) -> Select[Any]:
    query = query.where(table.market == market)
    if first is not None:
        query = query.where(table.trading_day >= first)
    return query if last is None else query.where(table.trading_day <= last)


def _outcomes_of(entry: OutcomeEntry) -> Select[OutcomeRow]:
    return (
        select(OutcomeRow)
        .where(
            OutcomeRow.market == entry.market,
            OutcomeRow.trading_day == entry.trading_day,
            OutcomeRow.opening_range == entry.opening_range,
            OutcomeRow.label == entry.label,
            OutcomeRow.market_hash == entry.market_hash,
        )
        .order_by(OutcomeRow.revision.desc())
        .limit(1)
    )


def _is_recorded(session: Session, entry: PredictionEntry) -> bool:
    condition = session.scalars(
        select(PredictionRow.id).where(
            PredictionRow.market == entry.market,
            PredictionRow.trading_day == entry.trading_day,
            PredictionRow.opening_range == entry.opening_range,
            PredictionRow.mode == entry.mode,
            PredictionRow.role == entry.role,
        )
    )
    return condition.first() is not None
