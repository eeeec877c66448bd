"""The slots of a period and the trades of the rules on them, past or live."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from ml_core.array_types import IntArray
from ml_core.bars.arrays import Bars
from ml_core.features.all import CATALOGUE
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute
from ml_core.ranges.labels import DOWN, NOT_RESOLVED, UP
from ml_core.strategy.rules import Rules, Side
from ml_core.strategy.setups import Setups, setups_of
from ml_core.strategy.simulate import Exit, Trades, simulate
from ml_core.strategy.trades import TradedSlot, TradePrices

RULE_FEATURES = (
    "range_size_atr14",
    "minutes_traded",
    "early_close",
    "days_since_roll",
    "body",
    "volume_against_same_slot",
    "atr14",
)
"""The features that the rules check when a range closes."""

_SIDES: dict[int, Side] = {UP: "long", DOWN: "short"}


def rules_history(
    bars: Bars,
    market: Market,
    rules: Rules,
    *,
    first: date,
    last: date,
    as_of_minute: int | None = None,
    facts: bool = True,
) -> Assembly:
    """Assemble trading days with everything that the rules check.

    Parameters
    ----------
    bars, market, rules
        The bars, and what is traded by which rules.
    first, last
        Trading days, both included.
    as_of_minute
        UTC minute after which nothing is known; by default the end of the last bar.
    facts
        Whether to include what the rules check when a range closes; trades alone do not need it.

    Raises
    ------
    NoBarsError
        The period holds no bar.
    """
    features = CATALOGUE.select(RULE_FEATURES) if facts else ()
    return assemble(
        bars,
        market,
        rules.label,
        first=first,
        last=last,
        features=features,
        as_of_minute=as_of_minute,
    )


def slots_of(
    assembly: Assembly, rules: Rules, *, every_break: bool = False
) -> tuple[TradedSlot, ...]:
    """Return the usable slots of an assembly in decision order, each with its trade if any.

    Parameters
    ----------
    assembly, rules
        The period, and the rules.
    every_break
        Also follow a first breakout to a side that is not traded, for a plan that is shown but not
        traded.
    """
    table = [row for row in slot_table(assembly).to_pylist() if row["exclusion"] is None]
    instrument = assembly.market.instrument
    cost, money = instrument.round_trip_cost_ticks, instrument.tick_value
    slots: list[TradedSlot | None] = [None] * len(table)
    for rows, setups in rule_setups(assembly, rules):
        trades = simulate(
            assembly.tape, setups.with_every_break() if every_break else setups, cost
        )
        offset = assembly.tape.offset[assembly.ranges.day[usable_of(assembly)[rows]]]
        for place, at in enumerate(rows.tolist()):
            slots[at] = _slot(table[at], trades, place, int(offset[place]), money)
    return tuple(slot for slot in slots if slot is not None)


def usable_of(assembly: Assembly) -> IntArray:
    """Return the positions in ``ranges`` of the period's slots with a usable range."""
    return assembly.reported[assembly.ranges.usable[assembly.reported]]


def rule_setups(assembly: Assembly, rules: Rules) -> list[tuple[IntArray, Setups]]:
    """Return the setups of each rule, and their positions among the period's usable slots.

    Ranges with the same rule are grouped, so that a strategy without ``[ranges]`` is simulated in
    one run.
    """
    usable = usable_of(assembly)
    names = [opening_range.name for opening_range in assembly.market.ranges]
    of_ranges = [rules.for_range(name) for name in names]
    atr = np.full(len(usable), np.nan)
    if rules.need_atr:
        atr = assembly.with_features(CATALOGUE.select(("atr14",))).features[:, 0]
    spec, setups_by_rows = assembly.ranges.spec[usable], []
    for own in dict.fromkeys(map(str, of_ranges)):
        alike = [at for at, other in enumerate(of_ranges) if str(other) == own]
        rows = np.flatnonzero(np.isin(spec, alike))
        setups = setups_of(
            assembly.tape,
            assembly.market,
            assembly.ranges,
            usable[rows],
            of_ranges[alike[0]],
            atr[rows],
        )
        setups_by_rows.append((rows, setups))
    return setups_by_rows


def _slot(row: dict[str, Any], trades: Trades, at: int, offset: int, money: float) -> TradedSlot:
    side = _SIDES.get(int(trades.direction[at]))
    resolved = int(trades.resolved_minute[at])
    ended = np.isfinite(trades.r_net[at])
    prices = None
    if side is not None:
        entry, target = int(trades.entry[at]) + offset, int(trades.target[at]) + offset
        prices = TradePrices(
            entry=entry,
            stop=int(trades.stop[at]) + offset,
            target=target if target != entry else None,
            exit=int(trades.exit[at]) + offset if ended else None,
            best=int(trades.best[at]) + offset,
            worst=int(trades.worst[at]) + offset,
            reason=Exit(int(trades.reason[at])).name.lower(),
            at_once=bool(trades.at_once[at]),
        )
    return TradedSlot(
        trading_day=row["trading_day"],
        opening_range=row["opening_range"],
        decision_time=row["decision_time"],
        facts=row,
        side=side,
        entered_at=None if side is None else from_minute(int(trades.entry_minute[at])),
        resolved_at=None if resolved == NOT_RESOLVED else from_minute(resolved),
        r_net=float(trades.r_net[at]) if ended else None,
        r_gross=float(trades.r_gross[at]) if ended else None,
        prices=prices,
        risk_money=None if side is None else float(trades.risk[at]) * money,
    )
