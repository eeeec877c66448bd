"""Rows of the ledger that belong to a market as its file defines it now, and those that do not."""

from __future__ import annotations

from datetime import datetime

from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market
from registry.definitions.markets import definition_of, definitions, remember_definition
from tasks.settings import Settings


def note_definitions(settings: Settings, at: datetime) -> None:
    """Note what each market's file says, where versions were made before that was kept.

    They are held against it from then on: the sooner after an upgrade, the less can have changed.
    """
    database = settings.database()
    symbols = {record.market for record in settings.models().versions() if not record.market_hash}
    for symbol in sorted(symbols):
        now = settings.market_definition(symbol)
        if now is not None and not definitions(database, symbol):
            remember_definition(database, now, at)


class AnyHash(frozenset[str]):
    """Every hash there can be: where no market file says what a market is now."""

    def __contains__(self, _hash: object) -> bool:
        return True


def hashes_of_question(settings: Settings, symbol: str) -> frozenset[str]:
    """Return the hashes under which rows ask what the market's file asks now.

    Definitions that differ in single calendar days ask the same; rows of before definitions were
    kept have the hash "", and belong to the first one on record.
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
    """Return the market that rows of a hash were made on; None if it is not on record.

    Parameters
    ----------
    settings, market
        The installation, and the market as its file is now.
    market_hash
        Of the rows; "" for those of before definitions were kept.
    """
    now = MarketDefinition.of(market)
    if market_hash == now.hash:
        return market
    recorded = definitions(settings.database(), market.symbol)
    then = definition_of(recorded, market_hash)
    if then is None:
        return None if market_hash else market
    if not then.changes_of_question(now):
        return market  # what is known of single days by now holds for earlier rows as well
    return then.market(market)
