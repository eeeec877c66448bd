"""The digests of a day and of a week, and the message of a new champion."""

from __future__ import annotations

from ml_core.market_events import Stage
from monitoring.explain import why_not
from monitoring.messages.facts import (
    NOT_TRADED,
    ChampionFacts,
    DayFacts,
    Message,
    RangeOfDigest,
    WeekFacts,
)
from monitoring.messages.words import in_subject, stage_line
from monitoring.pages.formatting import count_of, percent, r_multiple, signed
from monitoring.performance import Period


def day_message(facts: DayFacts) -> Message:
    """Write the evening's digest: each range, the day's trades, the record beside the corridor."""
    trades = f"{count_of(facts.trades, 'trade')}, {signed(facts.net_r, 2)} R net"
    lines = [
        stage_line(facts.stage),
        *(_range_line(opening, facts.stage) for opening in facts.ranges),
        "",
        f"By the rules{_for_the_record(facts.stage)}: {trades}.",
        *_beside_the_corridor("Today", facts.period),
        f"The whole record: {facts.record.verdict}.",
    ]
    return Message(
        subject=f"{facts.symbol} {facts.trading_day:%a %d %b}: {trades}{in_subject(facts.stage)}",
        body="\n".join(lines),
    )


def week_message(facts: WeekFacts) -> Message:
    """Write the week's digest."""
    count, net = sum(n for _, n, _ in facts.days), sum(r for _, _, r in facts.days)
    trades = f"{count_of(count, 'trade')}, {signed(net, 2)} R net"
    lines = [
        stage_line(facts.stage),
        *(f"{day:%a %d %b}: {count_of(n, 'trade')}, {signed(r, 2)} R" for day, n, r in facts.days),
        "",
        f"By the rules{_for_the_record(facts.stage)}: {trades}.",
        *_beside_the_corridor("This week", facts.period),
        f"The whole record: {facts.record.verdict}.",
        "One week is too short to judge skill; the whole record and its interval are not.",
    ]
    first, last = facts.first_day, facts.last_day
    return Message(
        subject=f"{facts.symbol} week {first:%d %b} to {last:%d %b}: {trades}"
        f"{in_subject(facts.stage)}",
        body="\n".join(lines),
    )


def champion_message(facts: ChampionFacts) -> Message:
    """Write that another version makes the forecasts from now on."""
    instead = f" in place of {facts.before}" if facts.before else ""
    return Message(
        subject=f"{facts.symbol}: new champion {facts.model}",
        body=f"{facts.model} {facts.version} makes the forecasts from now on{instead}.\n"
        f"By {facts.by}: {facts.reason}\n"
        f"The stage stays {facts.stage}. To go back: orbcast models rollback --market "
        f"{facts.symbol.lower()}",
    )


def _for_the_record(stage: Stage) -> str:
    return ", for the record" if stage in NOT_TRADED else ""


def _range_line(opening: RangeOfDigest, stage: Stage) -> str:
    name = opening.opening_range
    if opening.p_up is None or opening.baseline_p_up is None:
        return f"{name}: no forecast, {why_not(opening.why_none)}"
    forecast = f"UP {percent(opening.p_up, 0)} (corridor {percent(opening.baseline_p_up, 0)})"
    if opening.direction is None:
        return f"{name}: {forecast}; open"
    if opening.direction == "NONE":
        return f"{name}: {forecast}; did not break"
    how = (opening.outcome or "").lower().replace("_", " ")
    result = f"{opening.direction} {how} {r_multiple(opening.r_net)}"
    counted = "counted" if stage in NOT_TRADED else "entered"
    traded = f", {counted} at size {opening.size:g}" if opening.size else f", not {counted}"
    return f"{name}: {forecast}; {result}{traded}"


def _beside_the_corridor(when: str, period: Period) -> list[str]:
    breaks = period.counts.breaks
    if not breaks or "model" not in period.forecasters:
        return []
    model, corridor = (
        round(period.forecasters[name].accuracy * breaks) for name in ("model", "corridor")
    )
    return [
        (
            f"{when} the model had {model} of {count_of(breaks, 'break')} right, the corridor "
            f"{corridor}."
        )
    ]
