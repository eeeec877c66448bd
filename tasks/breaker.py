"""The circuit breaker of a market: read before each answer, checked after each outcome."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from prefect import task

from monitoring.breaker import (
    UNREADABLE,
    BreakerEvent,
    LiveRow,
    Standing,
    standing,
    trouble,
)
from registry.breaker import BreakerRecord, breaker_records, record_breaker
from registry.drift import latest_drift
from registry.parity import latest_parity
from registry.scored import scored
from tasks.notices import notify
from tasks.retrying import RETRIED
from tasks.settings import Settings, settings

BY = "orbcast"
RECOVERED = "recovered"
OURS = frozenset({"stale_data", "model_unusable", "model_expired", "no_model", "missed"})
"""Reasons for no answer that are not the market's."""

_UP = {"UP": True, "DOWN": False}


def breaker_of(where: Settings, symbol: str, at: datetime) -> Standing:
    """Say where a market's breaker stands; one that cannot be read counts as open."""
    try:
        return standing(_events(where, symbol), at)
    except Exception as error:  # noqa: BLE001 - whatever the reason, it is not known to be closed
        return Standing(
            state="open", cause=UNREADABLE, detail=str(error)[:200], since=None, until=None
        )


@task(name="check the circuit breaker", **RETRIED)
def check_breaker(market: str, at: datetime) -> dict[str, Any]:
    """Open the breaker on trouble; close a half-open one in which none is found."""
    where = settings()
    symbol = where.market(market).symbol
    now = standing(_events(where, symbol), at)
    if now.state == "open":
        return shown(now)
    begun = now.since
    rows = [
        _live(each)
        for each in scored(where.database(), symbol, mode="live", role="champion", after=begun)
    ]
    found = trouble(rows) or _reported(where, symbol, begun)
    if found is not None:
        change(where, symbol, "open", cause=found[0], detail=found[1], by=BY, at=at)
    elif now.state == "half_open":
        told = f"nothing wrong found after {now.cause}"
        change(where, symbol, "closed", cause=RECOVERED, detail=told, by=BY, at=at)
    return shown(standing(_events(where, symbol), at))


def change(
    where: Settings,
    symbol: str,
    state: str,
    *,
    cause: str,
    detail: str,
    by: str,
    at: datetime,
) -> None:
    """Record a change of the breaker.

    Raises
    ------
    UnsignedChangeError
        It does not say who or why.
    """
    record = BreakerRecord(market=symbol, at=at, state=state, cause=cause, detail=detail, by=by)
    record_breaker(where.database(), record)
    notify(
        where,
        "breaker",
        symbol,
        f"breaker {symbol} {at.isoformat()} {state}",
        f"{symbol}: circuit breaker {state}",
        f"{cause}: {detail} (by {by}).\n"
        + (
            "While it is open predictions are logged and recommend nothing. "
            f"`orbcast breaker status --market {symbol.lower()}`"
            if state == "open"
            else "Recommendations are made again."
        ),
    )


def shown(now: Standing) -> dict[str, Any]:
    """Give a standing as plain values."""
    return {
        "state": now.state,
        "cause": now.cause,
        "detail": now.detail,
        "since": now.since.isoformat() if now.since else None,
        "until": now.until.isoformat() if now.until else None,
    }


def _reported(where: Settings, symbol: str, since: datetime | None) -> tuple[str, str] | None:
    """Give what the latest parity and drift checks since the last change found wrong."""
    database = where.database()
    parity, drift = latest_parity(database, symbol), latest_drift(database, symbol)
    if parity is not None and parity.unexplained and (since is None or parity.at > since):
        return "parity", parity.verdict
    if drift is not None and drift.detected and (since is None or drift.at > since):
        return "drift", drift.verdict
    return None


def _events(where: Settings, symbol: str) -> list[BreakerEvent]:
    return [
        BreakerEvent(
            at=each.at,
            state=cast("Any", each.state),
            cause=each.cause,
            detail=each.detail,
            by=each.by,
        )
        for each in breaker_records(where.database(), symbol)
    ]


def _live(each: Mapping[str, Any]) -> LiveRow:
    return LiveRow(
        at=each["decision_time"],
        failed=each["status"] != "predicted" and each["reason"] in OURS,
        stale=each["reason"] == "stale_data",
        late=each["late"],
        p_up=each["p_up"],
        baseline_p_up=each["baseline_p_up"],
        up=_UP.get(each["direction"] or ""),
        r_net=each["taken_r_net"],
        day=each["trading_day"],
    )
