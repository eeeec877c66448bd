"""A feed's silence: counted in open minutes, and judged by what is usual at that time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.bars.checks.silence import AROUND, FEWEST_SESSIONS, Silence, silence_at
from ml_core.market.exchange import TradeDates

DAY = 1440
OPENS, LENGTH = 600, 480


def sessions(count: int, short: int | None = None) -> TradeDates:
    """Return sessions of eight hours a day; session ``short`` is an hour shorter."""
    opens = OPENS + DAY * np.arange(count)
    lengths = np.full(count, LENGTH)
    if short is not None:
        lengths[short] -= 60
    days = np.arange(count).astype("datetime64[D]")
    return TradeDates(days, opens, opens + lengths, lengths < LENGTH)


def bars(hours: TradeDates, gaps: dict[int, list[tuple[int, int]]]) -> np.ndarray:
    """Return a bar in every open minute, except in the gaps (minute of the session, length)."""
    seen = []
    for session, (first, stop) in enumerate(zip(hours.open, hours.close, strict=True)):
        minutes = np.arange(first, stop)
        for start, length in gaps.get(session, []):
            minutes = minutes[(minutes < first + start) | (minutes >= first + start + length)]
        seen.append(minutes)
    return np.concatenate(seen)


def test_open_minutes_are_counted_and_no_others() -> None:
    hours = sessions(20, short=19)
    minute = bars(hours, {})
    begun = int(hours.open[19])
    until = minute[minute < begun + 100]

    def silent(at: int) -> int | None:
        silence = silence_at(until, hours, at)
        return silence.minutes if silence else None

    assert [silent(begun + at) for at in (100, 101, 107)] == [0, 1, 7]
    # closed: the last session of these ends an hour early
    assert silent(begun + LENGTH - 60 - 1) is not None
    assert silent(begun + LENGTH - 60) is None
    assert silent(begun - 1) is None
    # a silence starts with the session, however long ago the last bar was
    before = minute[minute < begun - DAY + 30]
    early = silence_at(before, hours, begun + 3)
    assert early is not None
    assert early.minutes == 3


@pytest.mark.parametrize(
    ("gaps", "usual"),
    [
        ({}, 0),
        # once may be a stopped feed; twice is the market
        ({7: [(240, 40)]}, 0),
        ({7: [(240, 40)], 9: [(230, 12)]}, 12),
        # other times of the session do not matter
        ({day: [(240 + AROUND, 40)] for day in range(5, 15)}, 0),
        ({day: [(240 - AROUND - 40, 40)] for day in range(5, 15)}, 0),
        ({day: [(240 + AROUND - 1, 40)] for day in range(5, 15)}, 40),
        ({day: [(240 - AROUND - 39, 40)] for day in range(5, 15)}, 40),
    ],
)
def test_usual_is_what_two_sessions_had_around_that_time(
    gaps: dict[int, list[tuple[int, int]]], usual: int
) -> None:
    hours = sessions(20)
    minute = bars(hours, gaps)
    at = int(hours.open[19]) + 240

    silence = silence_at(minute[minute < at - 9], hours, at)

    assert silence == Silence(minutes=9, usual=usual)


@pytest.mark.parametrize("days", [FEWEST_SESSIONS - 1, FEWEST_SESSIONS])
def test_with_few_sessions_nothing_is_reported(days: int) -> None:
    hours = sessions(days + 1)
    minute = bars(hours, {})
    at = int(hours.open[days]) + 200
    assert (silence_at(minute[minute < at], hours, at) is None) == (days < FEWEST_SESSIONS)


def test_a_usual_silence_of_a_thin_market_is_not_reported() -> None:
    busy, thin = Silence(minutes=5, usual=2), Silence(minutes=20, usual=10)
    assert busy.is_unusual(5)
    assert not Silence(minutes=4, usual=0).is_unusual(5)
    assert not thin.is_unusual(5)
    assert Silence(minutes=21, usual=10).is_unusual(5)


@given(seed=st.integers(0, 2**32 - 1), density=st.sampled_from([0.05, 0.3, 0.9]))
def test_it_is_what_counting_minute_by_minute_gives(seed: int, density: float) -> None:
    generator = np.random.default_rng(seed)
    hours = sessions(14)
    everything = bars(hours, {})
    minute = everything[generator.random(len(everything)) < density]
    at = int(hours.open[13]) + int(generator.integers(0, LENGTH))

    silence = silence_at(minute[minute < at], hours, at)

    here = set(minute.tolist())
    longest = []
    for opened, closed in zip(hours.open[:13], hours.close[:13], strict=True):
        if not any(one in here for one in range(opened, closed)):
            continue
        offset = opened + at - int(hours.open[13])
        best, run, near = 0, 0, False
        for one in range(opened, closed + 1):
            if one < closed and one not in here:
                run += 1
                near |= offset - AROUND <= one < offset + AROUND
            else:
                best = max(best, run if near else 0)
                run, near = 0, False
        longest.append(best)
    minutes = 0
    while at - 1 - minutes >= hours.open[13] and (at - 1 - minutes) not in here:
        minutes += 1
    if len(longest) < FEWEST_SESSIONS:
        assert silence is None
    else:
        assert silence == Silence(minutes=minutes, usual=sorted(longest)[-2])
