"""Round trips: nothing is lost or invented, and money equals that of single contracts."""

from __future__ import annotations

from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.fills.fill import Fill
from ml_core.fills.round_trips import RoundTrip, round_trips
from ml_core.market.instrument import Instrument
from tests.ml_core.fills.made_fills import fill, many

GOLD = Instrument(
    tick_size="0.10", tick_value=1.0, commission_per_side=1.24, slippage_ticks_per_side=1
)
UNIQUE = many().map(lambda fills: list({execution.key: execution for execution in fills}.values()))


def one_by_one(fills: list[Fill]) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Return gained ticks and open contracts by account and contract, one contract at a time."""
    gained: Counter[tuple[str, str]] = Counter()
    books: dict[tuple[str, str], deque[tuple[int, float]]] = {}
    for execution in sorted(fills, key=lambda execution: execution.order):
        key = execution.account, execution.contract
        book = books.setdefault(key, deque())
        sign = 1 if execution.side == "buy" else -1
        for _ in range(int(execution.quantity)):
            if book and book[0][0] != sign:
                opened, price = book.popleft()
                gained[key] += round(opened * (execution.price - price) * 10)
            else:
                book.append((sign, execution.price))
    still = Counter({key: sum(sign for sign, _ in book) for key, book in books.items()})
    return gained, still


def book_of(trip: RoundTrip) -> tuple[str, str]:
    return trip.account, trip.contract


@given(UNIQUE)
def test_quantities_balance(fills: list[Fill]) -> None:
    trips = round_trips(fills, GOLD)
    used: Counter[object] = Counter()
    for trip in trips:
        assert trip.closed <= trip.quantity
        assert trip.is_open == (trip.closed < trip.quantity)
        for part in (*trip.entries, *trip.exits):
            assert part.quantity > 0
            used[part.fill.key] += part.quantity
    assert used == Counter({execution.key: execution.quantity for execution in fills})
    position: Counter[tuple[str, str]] = Counter()
    for execution in fills:
        position[execution.account, execution.contract] += execution.signed
    for trip in trips:
        position[book_of(trip)] -= trip.sign * (trip.quantity - trip.closed)
    assert not any(position.values())


@given(UNIQUE)
def test_gains_and_open_contracts_are_those_of_contracts_taken_singly(fills: list[Fill]) -> None:
    gained, still = one_by_one(fills)
    trips = round_trips(fills, GOLD)
    for key in still:
        own = [trip for trip in trips if book_of(trip) == key]
        opened = sum(trip.sign * (trip.quantity - trip.closed) for trip in own)
        assert opened == still[key]
        if not any(trip.is_open for trip in own):
            total = sum(trip.gross_ticks(GOLD) for trip in own)
            assert total == pytest.approx(gained[key])


@given(UNIQUE, st.randoms(use_true_random=False))
def test_the_order_of_fills_changes_nothing(fills: list[Fill], shuffle: object) -> None:
    mixed = list(fills)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    assert round_trips(fills, GOLD) == round_trips(mixed, GOLD)


@given(UNIQUE)
def test_exits_are_of_the_other_side_and_never_before_the_entry(fills: list[Fill]) -> None:
    for trip in round_trips(fills, GOLD):
        enters = "buy" if trip.side == "long" else "sell"
        assert {part.fill.side for part in trip.entries} == {enters}
        assert enters not in {part.fill.side for part in trip.exits}
        assert all(part.fill.time >= trip.entered_at for part in trip.exits)


def shape(fills: list[Fill]) -> list[tuple[str, float, float, float | None]]:
    return [
        (trip.side, trip.quantity, trip.closed, trip.exit) for trip in round_trips(fills, GOLD)
    ]


CASES = {
    "in and out": ([fill(0, "buy", 1, 10), fill(9, "sell", 1, 11)], [("long", 1, 1, 11)]),
    "partial fills of one entry": (
        [fill(0, "sell", 1, 10), fill(50, "sell", 2, 10), fill(99, "buy", 3, 9)],
        [("short", 3, 3, 9)],
    ),
    "later, another entry": (
        [fill(0, "buy", 1, 10), fill(61, "buy", 1, 12), fill(99, "sell", 2, 11)],
        [("long", 1, 1, 11), ("long", 1, 1, 11)],
    ),
    "one order, however slowly": (
        [
            fill(0, "buy", 1, 10, order_id="o1"),
            fill(300, "buy", 1, 10, order_id="o1"),
            fill(301, "buy", 1, 10, order_id="o2"),
        ],
        [("long", 2, 0, None), ("long", 1, 0, None)],
    ),
    "scaled out": (
        [fill(0, "buy", 2, 10), fill(9, "sell", 1, 12), fill(20, "sell", 1, 11)],
        [("long", 2, 2, 11.5)],
    ),
    "reversal": (
        [fill(0, "buy", 1, 10), fill(9, "sell", 3, 12), fill(20, "buy", 2, 11)],
        [("long", 1, 1, 12), ("short", 2, 2, 11)],
    ),
    "after an exit it is another": (
        [fill(0, "buy", 2, 10), fill(9, "sell", 1, 12), fill(20, "buy", 1, 11)],
        [("long", 2, 1, 12), ("long", 1, 0, None)],
    ),
    "contracts and accounts apart": (
        [
            fill(0, "buy", 1, 10),
            fill(9, "sell", 1, 12, contract="MGCV5"),
            fill(20, "sell", 1, 11, account="B"),
        ],
        [("long", 1, 0, None), ("short", 1, 0, None), ("short", 1, 0, None)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fills_make_the_round_trips_that_a_person_would(case: str) -> None:
    fills, trips = CASES[case]
    assert shape(fills) == trips


def test_a_fill_that_closes_and_opens_shares_its_commission() -> None:
    long, short = round_trips(
        [fill(0, "buy", 1, 10, commission=1.24), fill(9, "sell", 3, 12, commission=3.6)], GOLD
    )
    assert long.commission == pytest.approx(1.24 + 1.2)
    assert short.commission == pytest.approx(2.4)
    (unknown,) = round_trips([fill(0, "buy", 1, 10), fill(9, "sell", 1, 12, commission=1)], GOLD)
    assert unknown.commission is None


def test_quantities_may_be_parts_of_a_lot() -> None:
    lots = GOLD.model_copy(update={"volume_step": 0.01})
    fills = [fill(0, "buy", 0.3, 10), *(fill(60 + n, "sell", 0.1, 11) for n in range(3))]
    (trip,) = round_trips(fills, lots)
    assert not trip.is_open
    assert trip.gross_ticks(lots) == pytest.approx(3.0)
