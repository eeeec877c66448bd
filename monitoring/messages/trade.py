"""The messages of a break and of a settlement."""

from __future__ import annotations

from collections.abc import Mapping

from ml_core.decision.entry import PredictionEntry
from ml_core.strategy.checks import DaySoFar
from ml_core.strategy.trade_rule import EntryBy
from monitoring.messages.facts import Message, SettledFacts, TradeFacts
from monitoring.messages.words import (
    BREAKS,
    clock,
    copy_line,
    in_subject,
    levels_line,
    money,
    money_line,
    signed_money,
    stage_line,
)
from monitoring.pages.formatting import count_of, percent, r_multiple, signed

_EVEN = 0.5
_ENDED = {
    "WIN": "target reached",
    "LOSS": "stopped out",
    "MOVED_STOP": "out at the moved stop",
    "TIMEOUT": "timed out",
}
_ENTRY = {
    "close": "First 1-minute close {word} {edge}: {entry} at",
    "stop_order": "The stop order {word} {edge} was filled: {entry} at",
    "retest": "Back at {edge} after a 1-minute close {word} it: {entry} at",
}
_NO_ENTRY: Mapping[EntryBy | None, str] = {
    "close": "No 1-minute close outside of the range",
    "stop_order": "No stop order at the range was filled",
    "retest": "After a 1-minute close outside the range no return to its edge",
}


def break_message(facts: TradeFacts) -> Message:
    """Write that a range broke, and how the entry compares with the planned one."""
    opening, bracket = facts.opening_range, facts.bracket
    broke, stage = BREAKS[bracket.side], facts.plan.stage
    entry = opening.instrument.price_text(bracket.entry)
    lines = [stage_line(stage), *entry_lines(facts), *_forecast_lines(facts.entry)]
    return Message(
        subject=f"{opening.symbol} {opening.opening_range}: {broke} broke at {entry}, "
        f"{_than_planned(facts)}{in_subject(stage) or _quantity(facts)}",
        body="\n".join(lines),
    )


def settled_message(facts: SettledFacts) -> Message:
    """Write the result of a range, and the day so far."""
    opening, trade, stage = facts.opening_range, facts.trade, facts.plan.stage
    slot = f"{opening.symbol} {opening.opening_range}"
    broke = None if trade is None else BREAKS[trade.bracket.side]
    lines = [
        stage_line(stage),
        *settled_lines(facts),
        *_forecast_lines(facts.entry, broke),
        day_line(facts.day, is_traded=facts.plan.is_traded),
    ]
    if broke is None or facts.r_net is None:
        came = "it did not break" if facts.by == "close" else "no entry"
    else:
        ended = _ENDED.get(facts.outcome or "", "settled")
        came = f"{broke}, {ended}, {r_multiple(facts.r_net)} net"
    return Message(subject=f"{slot}: {came}{in_subject(stage)}", body="\n".join(lines))


def entry_lines(facts: TradeFacts) -> list[str]:
    """Return a trade that was entered: when, its prices, its money, and whether it is taken."""
    opening, bracket = facts.opening_range, facts.bracket
    instrument = opening.instrument
    entry, edge = map(instrument.price_text, (bracket.entry, bracket.edge))
    word = "above" if bracket.side == "long" else "below"
    plan, is_entered = facts.plan, facts.size > 0 and facts.contracts != 0
    return [
        (
            f"{_ENTRY[facts.by].format(word=word, edge=edge, entry=entry)} "
            f"{clock(facts.broke, opening.zone)} {opening.zone}, {_than_planned(facts)}."
        ),
        levels_line(instrument, bracket),
        money_line(instrument, bracket),
        entered_line(facts),
        *(
            [copy_line(opening, bracket, size=facts.size, contracts=facts.contracts)]
            if plan.is_traded and is_entered
            else []
        ),
    ]


def settled_lines(facts: SettledFacts) -> list[str]:
    """Return how a trade ended and its result, or that there was none."""
    opening, trade = facts.opening_range, facts.trade
    resolved = f"{clock(facts.resolved, opening.zone)} {opening.zone}"
    if trade is None or facts.r_net is None or facts.exit is None:
        none = _NO_ENTRY.get(facts.by, "No entry by the rules")
        return [f"{none} up to {resolved}: no trade."]
    instrument, bracket = opening.instrument, trade.bracket
    return [
        (
            f"{BREAKS[bracket.side]} at {instrument.price_text(bracket.entry)} "
            f"({clock(trade.broke, opening.zone)}), "
            f"{_ENDED.get(facts.outcome or '', 'settled')} at "
            f"{instrument.price_text(facts.exit)} ({resolved})"
        ),
        (
            f"{r_multiple(facts.r_gross)} before costs, {r_multiple(facts.r_net)} net: "
            f"{signed_money(instrument, facts.r_net * bracket.risk)} a contract"
            f"{_of_all_contracts(trade, facts.r_net)}"
        ),
        entered_line(trade, is_over=True),
    ]


def entered_line(facts: TradeFacts, *, is_over: bool = False) -> str:
    """Return whether the rules enter a trade. Whether a person did is not known here."""
    now, then = ("is", "was") if facts.plan.is_traded else ("would be", "would have been")
    verb = f"By the rules {facts.plan.rules} it {then if is_over else now}"
    if not facts.size:
        return f"{verb} not entered: {facts.why_not or 'this side is not armed'}."
    count, planned = facts.contracts, facts.planned_contracts
    if count == 0:
        return f"{verb} not entered: at this price no contract fits the account's limits."
    if count is None:
        return f"{verb} entered at size {facts.size:g}."
    fewer = "" if count == planned else f" of the {planned} planned"
    at_stop = money(facts.opening_range.instrument, count * facts.ticks_at_stop)
    return (
        f"{verb} entered at size {facts.size:g}: {count_of(count, 'contract')}{fewer}, "
        f"{at_stop} at the stop."
    )


def day_line(day: DaySoFar, *, is_traded: bool) -> str:
    """Return the day's trades by the rules so far."""
    trades = f"{count_of(day.trades, 'trade')} by the rules, {signed(day.net_r, 2)} R net"
    still_open = f", {day.open} open" if day.open else ""
    kept = "" if is_traded else " (on record only)"
    return f"The day so far: {trades}{still_open}{kept}."


def _quantity(facts: TradeFacts) -> str:
    """Return the contracts as written in the subject, or the size where no account is named."""
    if not facts.size or facts.contracts == 0:
        return ", not entered"
    if facts.contracts is None:
        return f", size {facts.size:g}"
    return f", {count_of(facts.contracts, 'contract')}"


def _of_all_contracts(trade: TradeFacts, r_net: float) -> str:
    count = trade.contracts
    if not count or not trade.size:
        return ""
    won = signed_money(trade.opening_range.instrument, count * r_net * trade.bracket.risk)
    return f", {won} for {count_of(count, 'contract')}"


def _than_planned(facts: TradeFacts) -> str:
    worse = facts.bracket.beyond - facts.planned.beyond
    if not worse:
        return "entry as planned"
    return f"{count_of(worse, 'tick')} worse than planned"


def _forecast_lines(entry: PredictionEntry, broke: str | None = None) -> list[str]:
    if entry.p_up is None or entry.baseline_p_up is None:
        return []
    line = f"The forecast was UP {percent(entry.p_up)}, corridor {percent(entry.baseline_p_up)}"
    if broke is None:
        return [f"{line}."]
    model, corridor = (
        "right" if ("UP" if share > _EVEN else "DOWN") == broke else "wrong"
        for share in (entry.p_up, entry.baseline_p_up)
    )
    return [f"{line}: the model was {model}, the corridor {corridor}."]
