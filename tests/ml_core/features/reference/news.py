"""References of the group "news": the record is read row by row for every decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import nan

from ml_core.market.news import NewsEvent
from tests.ml_core.features.reference.plain_decision import Decision

WEIGHT = {"low": 1.0, "medium": 2.0, "high": 3.0}


def minutes_to_news(decision: Decision) -> float:
    return _to_next(decision, _expected(decision))


def minutes_to_high_news(decision: Decision) -> float:
    return _to_next(
        decision, [event for event in _expected(decision) if event.importance == "high"]
    )


def minutes_since_news(decision: Decision) -> float:
    minutes = [
        decision.t0 - _minute(event.time)
        for event in _expected(decision)
        if decision.t0 - 1440 <= _minute(event.time) < decision.t0
    ]
    return min(minutes) if minutes else _nothing(decision, 1440)


def news_before_session_end(decision: Decision) -> float:
    spec = decision.market.market.ranges[decision.slot.number]
    end = decision.market.session_on(decision.slot.day, spec.session)[1]
    weights = [
        WEIGHT[event.importance]
        for event in _expected(decision)
        if decision.t0 <= _minute(event.time) < end
    ]
    return max(weights) if weights else _nothing(decision, 0)


def _to_next(decision: Decision, events: list[NewsEvent]) -> float:
    minutes = [
        _minute(event.time) - decision.t0
        for event in events
        if decision.t0 <= _minute(event.time) <= decision.t0 + 1440
    ]
    return min(minutes) if minutes else _nothing(decision, 1440)


def _expected(decision: Decision) -> list[NewsEvent]:
    """Return the events expected at t0: by the row known last, or the later row if equal."""
    word: dict[tuple[str, datetime, str], NewsEvent] = {}
    for event in decision.news:
        key = event.market, event.time, event.name
        if event.known_since > _time(decision.t0):
            continue
        if key not in word or word[key].known_since <= event.known_since:
            word[key] = event
    return [event for event in word.values() if not event.cancelled]


def _nothing(decision: Decision, value: float) -> float:
    """Return the value without news; NaN if the calendar known at t0 has ended."""
    reaches = any(
        not event.cancelled
        and event.known_since <= _time(decision.t0)
        and _minute(event.time) >= decision.t0
        for event in decision.news
    )
    return value if reaches else nan


def _time(minute: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)


def _minute(time: datetime) -> int:
    return int((time - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 60)
