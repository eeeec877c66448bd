"""The paper account: hand-made bars, a plain reference, and restarts without effect."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.market.schedule import to_minute
from ml_core.paper.account import paper_account_state
from ml_core.paper.order_terms import OrderTerms
from ml_core.strategy.account.limits import Account
from ml_core.strategy.rules import SIGN_OF, Side
from tests.ml_core.paper.made_intents import (
    FREE,
    HIGH,
    LOW,
    T0,
    changed,
    event_summaries,
    intent,
    later,
    paper,
    rows,
    rules_of,
    run,
)
from tests.ml_core.strategy.by_hand import Window, by_hand

STOP_ORDER = rules_of(entry="stop_order", stop={"ticks": 10}, rr=2.0)
CLOSE = rules_of(entry="close", stop={"ticks": 10}, rr=2.0)
QUIET = (1010, 1015, 1005, 1010)
MANY = Account(name="own", balance=100_000, risk_money=5_000, max_contracts=12)


moves = st.lists(
    st.tuples(st.integers(-9, 9), st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=45
)
rules_drawn = st.builds(
    rules_of,
    entry=st.sampled_from(["close", "stop_order", "retest"]),
    entry_offset_ticks=st.integers(0, 2),
    first_break_only=st.booleans(),
    stop=st.sampled_from(["full", "half", {"ticks": 6}, {"atr": 0.1}]),
    rr=st.sampled_from([None, 1.0, 1.7]),
    break_even_after_r=st.sampled_from([None, 0.5]),
    trail_r=st.sampled_from([None, 1.0]),
    partial=st.sampled_from([None, {"r": 0.4, "share": 0.5}]),
)
sides_drawn = st.sampled_from([(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)])


def walked(drawn: list[tuple[int, int, int]], *, gaps: bool) -> list[Any]:
    """Return bars of a walk from the middle of the range; each opens at the close before it."""
    bars, price = [], 1010
    for number, (move, above, below) in enumerate(drawn):
        open_ = price + (int(np.sign(move)) * 3 if gaps and number % 3 == 2 else 0)
        close = open_ + move
        bars.append((open_, max(open_, close) + above, min(open_, close) - below, close))
        price = close
    return bars


def done(minute: int, price: int, why: str) -> list[Any]:
    """Return the end of one contract's trade in short."""
    return [(minute, "closed", 1, price, why), (minute, "ended", 1, None, "")]


@pytest.mark.parametrize(
    ("rules", "bars", "expected"),
    [
        pytest.param(
            STOP_ORDER,
            [QUIET, (1010, 1025, 1015, 1022), (1022, 1041, 1020, 1041)],
            [(2, "filled", 1, 1020, ""), *done(3, 1040, "target")],
            id="stop order to target",
        ),
        pytest.param(
            STOP_ORDER,
            [QUIET, (1024, 1025, 1022, 1023), (1008, 1010, 1007, 1009)],
            [(2, "filled", 1, 1024, ""), *done(3, 1008, "stop")],
            id="gaps: entered and stopped at the opens",
        ),
        pytest.param(
            STOP_ORDER,
            [QUIET, (1015, 1030, 1009, 1029)],
            [(2, "filled", 1, 1020, ""), *done(2, 1010, "stop")],
            id="in one bar the stop comes first",
        ),
        pytest.param(
            CLOSE,
            [QUIET, (1010, 1023, 1010, 1022), (1025, 1030, 1024, 1030), (1030, 1046, 1030, 1046)],
            [(3, "filled", 1, 1025, ""), *done(4, 1045, "target")],
            id="a close is entered at the next open",
        ),
        pytest.param(
            CLOSE, [QUIET] * 61, [(60, "cancelled", 0, None, "its time for an entry is over")],
            id="nothing broke",
        ),
        pytest.param(
            STOP_ORDER,
            [(1010, 1021, 1015, 1020), *[(1020, 1025, 1015, 1020)] * 60],
            [(1, "filled", 1, 1020, ""), *done(60, 1020, "time")],
            id="time",
        ),
    ],
)  # fmt: skip
def test_a_trade_by_hand(rules: Any, bars: Any, expected: list[Any]) -> None:
    events = event_summaries(run(intent(rules), rows(*bars)))
    assert events == [(0, "taken", 0, None, ""), *expected]


def test_slippage_and_commission_are_in_prices_and_money() -> None:
    bars = rows(QUIET, (1010, 1025, 1015, 1022), (1005, 1006, 1000, 1001))
    *_, filled, closed, ended = run(intent(STOP_ORDER), bars, paper(costs=True))
    assert (filled.price, closed.price) == (1021, 1004)  # a tick worse each
    assert ended.details["money"] == pytest.approx(-17 - 2 * 1.24)
    assert ended.details["r_net"] == pytest.approx((-17 - 2.48) / 10)
    assert paper_account_state(
        paper(costs=True), [ended], later(60)
    ).state.balance == pytest.approx(10_000 - 19.48)


def test_a_bar_fills_a_share_of_its_volume_and_the_next_opens_the_rest() -> None:
    wide = rules_of(entry="stop_order", stop={"ticks": 15}, rr=None)
    bars = rows(
        (1010, 1021, 1010, 1020, 50),
        (1022, 1025, 1020, 1024, 40),
        (1023, 1025, 1020, 1024, 300),
        (1024, 1024, 1004, 1006, 70),
        (1003, 1009, 1001, 1002, 90),
    )
    events = run(intent(wide), bars, paper(MANY, share=0.1))
    assert event_summaries(events) == [
        (0, "taken", 0, None, ""),
        (1, "filled", 5, 1020, ""),
        (2, "filled", 4, 1022, ""),
        (3, "filled", 2, 1023, ""),  # a third would risk more than 12 at the first price do
        (4, "closed", 7, 1005, "stop"),
        (5, "closed", 4, 1003, "stop"),
        (5, "ended", 11, None, ""),
    ]
    assert {one.details["of"] for one in events if one.event == "filled"} == {12}
    paid, gained = 5 * 1020 + 4 * 1022 + 2 * 1023, 7 * 1005 + 4 * 1003
    assert events[-1].details["money"] == gained - paid


def test_the_rest_is_filled_only_as_far_as_it_fits_into_the_risk_of_the_first_fill() -> None:
    wide = rules_of(entry="stop_order", stop={"ticks": 15}, rr=None)
    bars = rows((1010, 1021, 1010, 1020, 50), *[(1035, 1036, 1030, 1035, 900)] * 3)
    events = run(intent(wide), bars, paper(MANY, share=0.1))
    # 12 contracts of 15 ticks at risk, 5 of them used; what is left has 30 at risk each
    assert [one.quantity for one in events if one.event == "filled"] == [5, 3]


climbs = st.lists(
    st.tuples(st.integers(-2, 4), st.integers(0, 2), st.integers(0, 2)), min_size=15, max_size=30
)


@given(st.integers(3, 9), climbs, st.integers(5, 20), st.floats(30, 500))
def test_the_contracts_that_are_filled_never_risk_more_than_a_limit_leaves(
    ticks: int, drawn: Any, volume: int, daily_loss: float
) -> None:
    rules = rules_of(entry="stop_order", stop={"ticks": ticks}, rr=None)
    limits = Account(name="own", balance=10_000, risk_money=400, daily_loss=daily_loss)
    own = intent(rules, atr=77.0)
    account = paper(limits, costs=True, share=0.2)
    filled = [
        one
        for one in run(own, rows(*walked(drawn, gaps=True), volume=volume), account)
        if one.event == "filled"
    ]
    if filled:
        side, price = filled[0].details["side"], filled[0].price or 0
        stop = OrderTerms.of(own.order).sides[side].stop_at(price)
        away = (SIGN_OF[side] * ((one.price or 0) - stop) + 1 for one in filled)
        risk = sum(
            one.quantity * (distance + 2 * 1.24)
            for one, distance in zip(filled, away, strict=True)
        )
        assert risk <= min(400, daily_loss) + 1e-6


def test_a_bar_without_enough_volume_fills_nothing_and_the_next_open_does() -> None:
    bars = rows((1010, 1021, 1010, 1020, 9), (1022, 1025, 1020, 1024, 100))
    events = event_summaries(run(intent(STOP_ORDER), bars, paper(share=0.1)))
    assert events[1:] == [(2, "filled", 1, 1022, "")]


@pytest.mark.parametrize(
    ("issued", "bars", "reason"),
    [
        (2.5, [(1010, 1025, 1010, 1024)] * 3, "stale: the range had broken by 00:06 UTC"),
        (60.5, [QUIET] * 61, "stale: it was issued after its time for an entry"),
    ],
)
def test_a_stale_intent_is_refused(issued: float, bars: Any, reason: str) -> None:
    (refused,) = run(intent(CLOSE, issued=issued), rows(*bars))
    assert refused.event == "refused"
    assert refused.reason.startswith(reason)
    # and stays so
    assert run(intent(CLOSE, issued=issued), rows(*bars), stored=[refused]) == ()


def test_it_is_acknowledged_only_once_the_bars_reach_its_issue() -> None:
    late = intent(CLOSE, issued=2.5)
    assert run(late, rows(QUIET)) == ()
    assert [one.event for one in run(late, rows(QUIET, QUIET, QUIET))] == ["taken"]


def test_later_outbox_events_hold_for_intents_not_yet_entered() -> None:
    own = intent(STOP_ORDER)
    bars = rows(QUIET, QUIET, (1010, 1025, 1015, 1022), (1022, 1041, 1020, 1041))
    withdrawn = changed(own, "withdrawn", 1.5)
    assert event_summaries(run(withdrawn, bars))[1:] == [
        (1, "cancelled", 0, None, "withdrawn: by test")
    ]
    too_late = changed(own, "withdrawn", 3.5)
    assert [one.event for one in run(too_late, bars)][1:] == ["filled", "closed", "ended"]
    three, fewer = (
        [{**entry, "contracts": count} for entry in own.order["entries"]] for count in (3, 2)
    )
    twice = changed(changed(own, "replaced", 0.5, entries=three), "replaced", 1.5, entries=fewer)
    assert [(one.event, one.quantity) for one in run(twice, bars, paper(MANY))][1:4] == [
        ("resized", 0),
        ("resized", 0),
        ("filled", 2),
    ]
    whole, begun = run(twice, bars, paper(MANY)), run(twice, bars[:1], paper(MANY))
    assert begun + run(twice, bars, paper(MANY), begun) == whole
    resized = run(changed(own, "replaced", 1.5, entries=fewer), bars, paper(MANY))
    assert [(one.event, one.quantity) for one in resized][1:3] == [("resized", 0), ("filled", 2)]


def test_a_trade_that_its_time_has_ended_makes_room_for_the_next() -> None:
    first, second = intent(STOP_ORDER, end=3), intent(STOP_ORDER, name="1010", begins=4)
    bars = rows((1010, 1021, 1015, 1020), *[(1020, 1025, 1015, 1021)] * 5)
    events = run([first, second], bars)
    by_range = [(one.opening_range, *event_summaries([one])[0]) for one in events]
    assert ("1000", 3, "closed", 1, 1021, "time") in by_range
    assert ("1010", 5, "filled", 1, 1020, "") in by_range


def test_the_account_and_the_order_s_own_limits_refuse_at_the_entry() -> None:
    bars = rows(QUIET, (1010, 1025, 1015, 1022), (1022, 1041, 1020, 1041), *[QUIET] * 5)
    small = Account(name="own", balance=10_000, risk_money=9)
    (_, refused) = run(intent(STOP_ORDER), bars, paper(small))
    words = "a stop costs 10.00 USD, the risk of a trade leaves 9.00, 1.00 too much"
    assert refused.reason == words
    second = intent(STOP_ORDER, name="1005", begins=1, edges=(1000, 1021))
    both = run([intent(STOP_ORDER), second], bars)
    assert [one.reason for one in both if one.event == "cancelled"] == ["another trade is open"]
    assert {one.opening_range for one in both if one.event == "filled"} == {"1000"}


@given(rules_drawn, sides_drawn, moves, st.integers(5, 50))
def test_it_trades_as_the_reference_notes_it(
    rules: Any, sides: tuple[float, float], drawn: Any, end: int
) -> None:
    """Without costs, with enough volume, and with bars that open at the previous close."""
    rule = rules.trade_rule
    bars = rows(*walked(drawn, gaps=rule.entry != "close"))
    own = intent(rules, sides=sides, end=end, atr=77.0)
    two = Account(name="own", balance=10**6, risk_money=10**5, max_contracts=2)
    events = run(own, bars, paper(two))
    traded = frozenset(sign for sign, size in zip((1, -1), sides, strict=True) if size)
    window = Window(
        high=HIGH, low=LOW, decision=T0, sides=traded, atr=77.0, entry_end=T0 + end, end=T0 + end
    )
    noted = by_hand(window, [bar[:5] for bar in bars], rule, T0 + len(bars))
    filled = [one for one in events if one.event == "filled"]
    ended = [one for one in events if one.event == "ended"]
    if not noted.side:
        assert filled == []
        return
    if rule.entry == "close" and (noted.entered == T0 + len(bars) or noted.entered == T0 + end):
        assert filled == []  # there is no next open
        return
    (entry,) = filled
    side: Side = entry.details["side"]
    assert (SIGN_OF[side], entry.price, entry.quantity) == (noted.side, noted.entry, 2)
    last = noted.resolved == T0 + end and noted.reason == "time"
    if noted.exit is None or (last and not ended):
        assert ended == []
        return
    assert ended[0].details["r_net"] == pytest.approx(noted.gross)
    assert to_minute(ended[0].time) == noted.resolved
    assert [one.reason for one in events if one.event == "closed"][-1] == noted.reason


@given(
    rules_drawn, moves, moves, st.lists(st.integers(0, 60), max_size=4), st.sampled_from([5, 900])
)
def test_killed_anywhere_and_run_again_the_record_is_that_of_an_undisturbed_run(
    rules: Any, first: Any, second: Any, kills: list[int], volume: int
) -> None:
    bars = rows(*walked([*first, *second], gaps=True), volume=volume)
    account = paper(MANY, costs=True, share=0.4)
    later_one = intent(rules, name="1005", begins=5, end=50, edges=(1003, 1018), atr=77.0)
    after = intent(rules, name="1055", begins=52, end=80, edges=(1000, 1012), atr=77.0)
    first_one = intent(rules, atr=77.0, enter_by=40)
    both = [first_one, changed(later_one, "withdrawn", 20), after]
    undisturbed = run(both, bars, account)
    record: tuple[Any, ...] = ()
    for seen in (*sorted(kills), len(bars)):
        if seen:
            record += run(both, bars[:seen], account, record)
    assert sorted(record, key=_order) == sorted(undisturbed, key=_order)
    assert run(both, bars, account, record) == ()


def _order(event: Any) -> Any:
    return event.key, event.sequence


@given(rules_drawn, moves, st.floats(20, 400), st.floats(30, 500))
def test_no_trade_of_the_paper_account_breaks_its_limits_where_no_bar_gaps(
    rules: Any, drawn: Any, risk: float, daily_loss: float
) -> None:
    limits = Account(name="own", balance=10_000, risk_money=risk, daily_loss=daily_loss)
    account = paper(limits, costs=True)
    bars = rows(*walked(drawn, gaps=False))
    events = run(intent(rules, atr=77.0), bars, account)
    for one in events:
        if one.event == "ended":
            assert -one.details["money"] <= min(risk, daily_loss) + 1e-6
            assert not math.isnan(one.details["r_net"])
    after = paper_account_state(account, events, later(10_000))
    assert after.state.ended is None
    assert FREE.tick_value == 1.0
