"""Made news: some known long before, some recorded afterwards, moved, cancelled, restored."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from ml_core.market.news import IMPORTANCES, NewsEvent


def made_news(first: date, last: date, seed: int) -> tuple[NewsEvent, ...]:
    """Return some ten events a week in the order of recording, which is not that of their times.

    The calendar starts a week after the first day, has no events for two weeks in its middle, and
    ends a week before the last day.
    """
    draw = random.Random(seed)  # noqa: S311 - made data
    start = datetime.combine(first, time(), UTC) + timedelta(days=7)
    length = (last - first).days - 14
    news: list[NewsEvent] = []
    for number in range(length * 10 // 7):
        away = draw.uniform(0, length)
        if length / 2 - 7 < away < length / 2 + 7:
            continue
        at = start + timedelta(minutes=draw.choice([1, 5, 30]) * int(away * 1440 / 30))
        at = min(at, start + timedelta(days=length)) + timedelta(seconds=draw.choice([0, 0, 30]))
        event = NewsEvent(
            market=draw.choice(["", "MGC"]),
            time=at,
            name=draw.choice(["CPI", "FOMC", f"event {number}"]),
            importance=draw.choice(IMPORTANCES),
            known_since=at + timedelta(seconds=draw.randrange(-40 * 86400, 86400)),
        )
        news.append(event)
        for _ in range(draw.choice([0, 0, 0, 1, 2])):
            later = event.known_since + timedelta(minutes=draw.choice([0, 1, 600, 9000]))
            changed = {"cancelled": draw.random() < 0.7, "importance": draw.choice(IMPORTANCES)}
            news.append(replace(event, known_since=later, **changed))  # type: ignore[arg-type]
    draw.shuffle(news)
    return tuple(news)
