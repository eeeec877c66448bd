"""Tell ledger rows of a market's current definition from those of an earlier one."""

from __future__ import annotations

from datetime import datetime

from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market
from registry.definitions.markets import definition_of, definitions, remember_definition
from tasks.settings import Settings


def note_definitions(settings: Settings, at: datetime) -> None:
    """Record the definition of each market whose versions predate the record of definitions.

    Those versions are compared with it from then on. The sooner after an upgrade this runs, the
    less can have changed.
    """
    database = settings.database()
    symbols = {record.market for record in settings.models().versions() if not record.market_hash}
    for symbol in sorted(symbols):
        now = settings.market_definition(symbol)
        if now is not None and not definitions(database, symbol):
            remember_definition(database, now, at)


class AnyHash(frozenset[str]):
    """A set that contains every hash, for a market without a market file."""

    def __contains__(self, _hash: object) -> bool:
        return True


def hashes_of_question(settings: Settings, symbol: str) -> frozenset[str]:
    """Return the definition hashes of ledger rows that are comparable with the market file now.

    Definitions that differ only in single calendar days are comparable. Rows from before
    definitions were recorded have the hash "" and belong to the first definition on record.
    """
    now = settings.market_definition(symbol)
    if now is None:
        return AnyHash()
    recorded = definitions(settings.database(), symbol)
    same = {definition.hash for definition in recorded if not definition.changes_of_question(now)}
    first = definition_of(recorded, "")
    if first is None or first.hash in same:
        same.add("")
    return frozenset({now.hash, *same})


def market_of(settings: Settings, market: Market, market_hash: str) -> Market | None:
    """Return the market under which rows with a definition hash were made; None if unknown.

    Parameters
    ----------
    settings, market
        The installation, and the market as its file is now.
    market_hash
        Definition hash of the rows; "" for rows from before definitions were recorded.
    """
    now = MarketDefinition.of(market)
    if market_hash == now.hash:
        return market
    recorded = definitions(settings.database(), market.symbol)
    then = definition_of(recorded, market_hash)
    if then is None:
        return None if market_hash else market
    if not then.changes_of_question(now):
        return market  # corrections of single calendar days apply to earlier rows too
    return then.market(market)
