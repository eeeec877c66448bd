"""The backtest against a manual one: minute by minute, with or without a position."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.backtest.value_added import by_year, refusals, trade_statistics
from ml_core.bars.arrays import Bars
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.dbn import read_dbn
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute
from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trades import TradedSlot, backtest
from tests.ml_core.builders import mgc, minute, walk

FIRST, LAST = date(2024, 2, 5), date(2024, 2, 16)
COST = 4.48
RANGES = {  # wall clock in Brisbane: window, end of the session it belongs to
    "0900": (540, 1020),
    "1000": (600, 1020),
    "1100": (660, 1020),
    "1800": (1080, 1380),
    "2300": (1380, 1470),
    "0030": (1470, 1560),
}
OFF = Rules(
    name="off",
    one_position=False,
    max_trades_per_day=99,
    daily_loss_limit_r=1e9,
    skip_half_days=False,
)


@dataclass
class Account:
    """What a trader at the screen can see."""

    rules: Rules
    trades: int = 0
    lost: float = 0.0
    open: list[dict[str, Any]] = field(default_factory=list)
    book: list[tuple[str, str, str, float]] = field(default_factory=list)

    def allowed(self) -> bool:
        return (
            not (self.rules.one_position and self.open)
            and self.trades < self.rules.max_trades_per_day
            and self.lost > -self.rules.daily_loss_limit_r
        )

    def leave(self, trade: dict[str, Any], price: int) -> None:
        gain = trade["sign"] * (price - trade["entry"])
        net = (gain - COST) / abs(trade["entry"] - trade["stop"])
        self.lost += net
        self.open.remove(trade)
        self.book.append((trade["day"], trade["range"], trade["side"], net))


def by_hand(bars: Bars, rules: Rules) -> set[tuple[str, str, str, float]]:
    """Trade every day by hand, minute by minute."""
    rows = {
        int(when): tuple(int(value) for value in rest)
        for when, *rest in zip(bars.minute, bars.high, bars.low, bars.close, strict=True)
    }
    book: set[tuple[str, str, str, float]] = set()
    day = FIRST
    while day <= LAST:
        if day.weekday() < 5:
            book |= set(_day(rows, str(day), rules))
        day += timedelta(days=1)
    return book


def _day(  # noqa: C901, PLR0912 - one plain loop, as a person would sit through it
    rows: dict[int, tuple[int, ...]], day: str, rules: Rules
) -> list[tuple[str, str, str, float]]:
    account, armed, last = Account(rules), {}, 0
    midnight = minute(day, "00:00")
    for now in range(midnight + 540, midnight + 1561):
        for name, (opens, _) in RANGES.items():
            if now == midnight + opens + 5:
                window = [rows[at] for at in range(now - 5, now) if at in rows]
                if len(window) / 5 >= rules.min_share_traded and account.allowed():
                    high, low = max(bar[0] for bar in window), min(bar[1] for bar in window)
                    if high > low:
                        armed[name] = (high, low)
        ended = [trade for trade in account.open if now == trade["until"]]
        for trade in ended:
            account.leave(trade, last)
        armed = {name: one for name, one in armed.items() if now < midnight + RANGES[name][1]}
        if now not in rows:
            continue
        bar_high, bar_low, close = rows[now]
        for trade in list(account.open):
            up = trade["sign"] > 0
            if bar_low <= trade["stop"] if up else bar_high >= trade["stop"]:
                account.leave(trade, trade["stop"])
            elif bar_high >= trade["target"] if up else bar_low <= trade["target"]:
                account.leave(trade, trade["target"])
        for name, (high, low) in list(armed.items()):
            if low <= close <= high:
                continue
            del armed[name]
            if not account.allowed():
                continue
            sign, stop = (1, low) if close > high else (-1, high)
            account.trades += 1
            account.open.append(
                {
                    "day": day,
                    "range": name,
                    "side": "long" if sign > 0 else "short",
                    "sign": sign,
                    "entry": close,
                    "stop": stop,
                    "target": close + sign * math.ceil(rules.label.rr * abs(close - stop)),
                    "until": midnight + RANGES[name][1],
                }
            )
        last = close
    return account.book


def with_wicks(bars: Bars, ticks: int) -> Bars:
    """Extend every window's range beyond its closes, so that it breaks out late."""
    opens = np.array([opens for opens, _ in RANGES.values()]) % 1440
    clock = (bars.minute + 600) % 1440  # Brisbane is ten hours ahead of UTC
    inside = (((clock[:, None] - opens) % 1440) < 5).any(axis=1)
    wick = np.where(inside, ticks, 0).astype(np.int32)
    return replace(bars, high=bars.high + wick, low=bars.low - wick)


def slots(
    bars: Bars, rules: Rules, market: Market, first: date, last: date
) -> tuple[TradedSlot, ...]:
    return slots_of(rules_history(bars, market, rules, first=first, last=last), rules)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"one_position": True},
        {"one_position": True, "daily_loss_limit_r": 1.5, "max_trades_per_day": 3},
        {"daily_loss_limit_r": 1.0, "min_share_traded": 0.9},
        {"one_position": True, "label": {"rr": 3.0}},
    ],
    ids=["off", "one position", "limits", "loss limit, quiet windows", "far target"],
)
@pytest.mark.parametrize("widened", [0, 40], ids=["soon broken", "long waited for"])
def test_it_takes_the_trades_of_a_trader_who_watches_every_minute(
    changes: dict[str, Any], widened: int
) -> None:
    bars = with_wicks(walk(date(2024, 1, 8), LAST, seed=1), widened)
    rules = Rules.model_validate({**OFF.model_dump(), **changes})
    taken = backtest(rules, slots(bars, rules, mgc(), FIRST, LAST))
    ours = {
        (str(result.slot.trading_day), result.slot.opening_range, result.slot.side or "", result.r)
        for result in taken
        if result.size
    }
    theirs = by_hand(bars, rules)
    assert len(theirs) >= 10
    # ranges that wait long for a breakout overlap: the day's rules also apply at the breakout
    if widened and rules.one_position:
        assert any(result.why_not for result in taken)
    assert {trade[:3] for trade in ours} == {trade[:3] for trade in theirs}
    assert sorted(trade[3] for trade in ours) == pytest.approx(
        sorted(trade[3] for trade in theirs)
    )


def test_every_slot_is_traded_or_names_the_reason_against_it() -> None:
    bars = walk(date(2024, 1, 8), LAST, seed=3)
    rules = OFF.model_copy(update={"one_position": True, "daily_loss_limit_r": 1.5})
    taken = backtest(rules, slots(bars, rules, mgc(), FIRST, LAST))
    why, years = refusals(taken), by_year(taken)
    assert set(why) == {"one position", "daily loss"}
    broke = [result for result in taken if result.slot.side]
    assert broke
    assert all(result.size or result.why_not or not result.plan.armed for result in broke)
    assert years["2024"] == trade_statistics(taken)


def test_with_every_rule_off_it_sums_to_the_outside_record(
    real_data_dir: Path, tmp_path: Path
) -> None:
    with (real_data_dir / "mgc-opening-range-reference-2024-2025h1.csv").open() as file:
        record = {
            (row["trading_day"], row["opening_range"]): row
            for row in csv.DictReader(file)
            if "2025-01" <= row["trading_day"][:7] <= "2025-02"
        }
    market = mgc("same_day_volume")
    files = sorted((real_data_dir / "mgc-ohlcv-1m").glob("*-202[45]*.dbn.zst"))
    kept = [str(path) for path in files if "20241101" <= path.name.split("-")[2] <= "20250301"]
    lake = Lake(tmp_path / "lake")
    lake.ingest(read_dbn(kept, market.contract_pattern), market, from_minute(30_000_000))
    begin, end = date(2025, 1, 2), date(2025, 2, 28)
    taken = backtest(OFF, slots(lake.read(market), OFF, market, begin, end))

    gross = {
        (str(result.slot.trading_day), result.slot.opening_range): result.slot.r_gross
        for result in taken
        if result.size
    }
    # the record has no value for a trade that the session's end closed
    settled = {slot: float(row["r_multiple"]) for slot, row in record.items() if row["r_multiple"]}
    assert len(settled) > 200
    assert settled.keys() <= gross.keys()
    assert {slot: round(gross[slot] or 0.0, 9) for slot in settled} == settled
