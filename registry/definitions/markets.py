"""Market definitions as first used; evidence refers to the one it was made under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ml_core.market.definition import MarketDefinition
from registry.chains.chain import chain_of
from registry.tables.ledger import OutcomeRow, PredictionRow
from registry.tables.studies import EvaluationRow, TrialRow
from registry.tables.versions import MarketDefinitionRow, ModelVersion

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from registry.database import Database

_NAMING: dict[str, Any] = {
    "versions": ModelVersion,
    "studies": EvaluationRow,
    "trials": TrialRow,
    "predictions": PredictionRow,
    "outcomes": OutcomeRow,
}


def remember_definition(database: Database, definition: MarketDefinition, at: datetime) -> None:
    """Record a market's definition; one that is already on record is not changed."""
    with database.reading() as session:
        if _on_record(session, definition):
            return
    with database.session() as session:
        if not _on_record(session, definition):
            values = {
                "market": definition.symbol,
                "market_hash": definition.hash,
                "definition": definition.values,
                "first_seen": at,
            }
            chain_of(MarketDefinitionRow).append(session, values)


def definitions(database: Database, market: str) -> tuple[MarketDefinition, ...]:
    """Return all recorded definitions of a market, in order of first use."""
    query = (
        select(MarketDefinitionRow)
        .where(MarketDefinitionRow.market == market)
        .order_by(MarketDefinitionRow.id)
    )
    with database.reading() as session:
        return tuple(
            MarketDefinition(row.market, row.definition) for row in session.scalars(query)
        )


def definition_of(
    on_record: tuple[MarketDefinition, ...], market_hash: str
) -> MarketDefinition | None:
    """Return the definition with a hash; None if it is not on record.

    Records from before definitions were kept have no hash; the first definition is assumed.
    """
    if not market_hash:
        return on_record[0] if on_record else None
    return next((one for one in on_record if one.hash == market_hash), None)


@dataclass(frozen=True, slots=True)
class Definitions:
    """A market's current definition (None if there is none to compare), and the recorded ones."""

    now: MarketDefinition | None
    on_record: tuple[MarketDefinition, ...]

    def changes_since(self, market_hash: str) -> str | None:
        """Return in words the relevant changes of the market since the definition with a hash.

        None if there is no such change, or if that is unknown because no definition was recorded.
        """
        if self.now is None or market_hash == self.now.hash:
            return None
        before = definition_of(self.on_record, market_hash)
        if before is not None:
            return "; ".join(map(str, before.changes_of_question(self.now))) or None
        return f"{market_hash[:12]}, not described in the record" if market_hash else None


def _on_record(session: Session, definition: MarketDefinition) -> bool:
    query = select(MarketDefinitionRow.id).where(
        MarketDefinitionRow.market == definition.symbol,
        MarketDefinitionRow.market_hash == definition.hash,
    )
    return session.scalars(query).first() is not None


def definition_faults(database: Database) -> tuple[str, ...]:
    """Return a fault for each edited definition, and for records whose definition is missing."""
    with database.reading() as session:
        rows = list(session.scalars(select(MarketDefinitionRow)))
        on_record = {(row.market, row.market_hash) for row in rows}
        faults = [
            f"market definition {row.market} {row.market_hash[:12]} was edited"
            for row in rows
            if MarketDefinition(row.market, row.definition).hash != row.market_hash
        ]
        for noun, table in _NAMING.items():
            named = select(table.market, table.market_hash).where(table.market_hash != "")
            faults += [
                (
                    f"{noun} of {market} name the market definition {market_hash[:12]}, which "
                    "is missing"
                )
                for market, market_hash in session.execute(named.distinct())
                if (market, market_hash) not in on_record
            ]
    return tuple(faults)
