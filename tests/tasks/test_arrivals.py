"""Slots that wait for their bars together: each has its turn by deadline and holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from ml_core.bars.contract import SourceError
from ml_core.decision.slot import Slot
from tasks.prediction import await_bars
from tasks.prediction.await_bars import MarketSlot, arrivals
from tasks.prediction.slot_bars import Arrival

T0 = datetime(2026, 11, 30, 14, 35, tzinfo=UTC)


def waiting(market: str, minutes_earlier: int = 0) -> MarketSlot:
    slot = Slot(
        symbol=market.upper(),
        trading_day=date(2026, 11, 30),
        opening_range="0930",
        decision=T0 - timedelta(minutes=minutes_earlier),
    )
    return MarketSlot(market=market, slot=slot)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], bool]]:
    """What reading each market's source does; it returns whether the bars are here then."""
    read: dict[str, Callable[[], bool]] = {}
    here: dict[str, bool] = {}

    def refreshed(_: Any, market: str) -> None:
        here[market] = read[market]()

    def seen(
        _: Any, of: MarketSlot, before: Arrival, _new: object, trouble: str | None
    ) -> Arrival:
        present = here.get(of.market, False)
        return Arrival(present=present, tries=before.tries + 1, trouble=trouble)

    monkeypatch.setattr(await_bars, "_refreshed", refreshed)
    monkeypatch.setattr(await_bars, "_arrival_after", seen)
    monkeypatch.setattr(await_bars, "_needs_prediction", lambda *_: True)
    monkeypatch.setattr(await_bars, "now", lambda: T0 + timedelta(seconds=1))
    monkeypatch.setattr(await_bars, "READERS", 1)
    monkeypatch.setattr(await_bars, "SHORT_SECONDS", 0.1)
    monkeypatch.setattr(await_bars, "_LOOK_SECONDS", 0.01)
    monkeypatch.setenv("ORBCAST_WAIT_FOR_BARS_SECONDS", "2")
    return read


def test_the_earliest_deadline_comes_first(sources: dict[str, Callable[[], bool]]) -> None:
    sources.update(dict.fromkeys("abc", lambda: True))
    slots = [waiting("a"), waiting("b", minutes_earlier=2), waiting("c", minutes_earlier=1)]
    assert [of.market for of, _ in arrivals(slots)] == ["b", "c", "a"]


def test_a_slot_without_bars_holds_up_no_other_and_is_tried_again(
    sources: dict[str, Callable[[], bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_WAIT_FOR_BARS_SECONDS", "60")
    tries = iter([False, True])
    sources.update({"late": lambda: next(tries), "here": lambda: True})
    given = {of.market: arrival for of, arrival in arrivals([waiting("late"), waiting("here")])}
    assert list(given) == ["here", "late"]
    assert (given["late"].present, given["late"].tries) == (True, 2)


def test_a_source_that_hangs_costs_its_own_slot_its_bars_and_the_others_nothing(
    sources: dict[str, Callable[[], bool]],
) -> None:
    released = Event()
    sources.update({"hangs": released.wait, "a": lambda: True, "b": lambda: True})
    given = [
        (of.market, arrival.present, arrival.trouble)
        for of, arrival in arrivals([waiting("hangs"), waiting("a"), waiting("b")])
    ]
    released.set()
    assert given[:2] == [("a", True, None), ("b", True, None)]
    assert given[2][:2] == ("hangs", False)
    assert str(given[2][2]).startswith("the bars could not be refreshed: no answer within")


@pytest.mark.parametrize(
    "error", [SourceError("x.csv", "it is empty", "write it"), KeyError("close")]
)
def test_a_source_that_fails_is_tried_until_the_deadline_and_its_slot_given_out(
    sources: dict[str, Callable[[], bool]], error: Exception
) -> None:
    def fails() -> bool:
        raise error

    sources.update({"fails": fails, "a": lambda: True})
    given = [(of.market, arrival) for of, arrival in arrivals([waiting("fails"), waiting("a")])]
    assert [market for market, _ in given] == ["a", "fails"]
    assert given[1][1].tries > 1
    assert str(given[1][1].trouble).startswith("the bars could not be refreshed: ")


def test_an_answer_that_comes_after_the_slot_was_given_out_changes_nothing(
    sources: dict[str, Callable[[], bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_WAIT_FOR_BARS_SECONDS", "0")
    released = Event()

    def until_released() -> bool:
        released.wait()
        return True

    sources.update({"hangs": until_released, "a": until_released})
    given = []
    for of, arrival in arrivals([waiting("hangs"), waiting("a")]):
        released.set()
        given.append((of.market, arrival.tries))
    assert sorted(market for market, _ in given) == ["a", "hangs"]
    assert {tries for _, tries in given} == {1}


def test_a_lake_that_cannot_be_read_ends_the_wait_of_its_own_slot_alone(
    sources: dict[str, Callable[[], bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = await_bars._arrival_after

    def fails(settings: Any, of: MarketSlot, *rest: Any) -> Arrival:
        if of.market == "damaged":
            raise OSError("no such month")
        return seen(settings, of, *rest)

    monkeypatch.setattr(await_bars, "_arrival_after", fails)
    sources.update({"damaged": lambda: True, "a": lambda: True})
    given = {of.market: arrival for of, arrival in arrivals([waiting("damaged"), waiting("a")])}
    assert given["a"].trouble is None
    assert given["damaged"].bars is None
    assert given["damaged"].trouble == "the bars could not be read: OSError: no such month"
