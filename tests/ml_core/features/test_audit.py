"""The look-ahead audit: shipped features pass, features that see the future do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.features.aggregates import aggregate
from ml_core.features.all import CATALOGUE
from ml_core.features.audit import (
    AuditReport,
    NothingToAuditError,
    audit_lookahead,
)
from ml_core.features.audited_slots import draw_slots
from ml_core.features.catalogue import Feature, compute
from ml_core.features.false_future import (
    scrambled,
    shifted_in_time,
    windows_apart,
    with_false_future,
)
from ml_core.features.history import History, read_history
from ml_core.features.view import View
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import bars_of, flat_day, mgc, walk

FIRST, LAST = date(2023, 12, 4), date(2024, 1, 31)
SLOW = LabelSpec(rr=10)
"""A far target, so that many earlier trades are still open when the next range closes."""


@pytest.fixture(scope="module")
def bars() -> Bars:
    return walk(date(2023, 10, 23), LAST, seed=5, contracts=("MGCG4", "MGCJ4"))


def _audit(
    bars: Bars, features: tuple[Feature, ...], roll: str = "previous_day_volume"
) -> AuditReport:
    return audit_lookahead(
        bars, mgc(roll), SLOW, features, first=FIRST, last=LAST, decisions=30, seed=1
    )


def _history(bars: Bars) -> History:
    return read_history(bars, mgc(), SLOW, build_schedule(mgc(), date(2023, 10, 24), LAST))


def own_label(view: View) -> NDArray[np.float64]:
    return view.labels.r_net[view.rows]


def later_session_of_the_same_day(view: View) -> NDArray[np.float64]:
    schedule, day = view.tape.schedule, view.day
    return aggregate(
        view.tape, schedule.session_start[day, -1], schedule.session_end[day, -1]
    ).size


def unresolved_previous_outcome(view: View) -> NDArray[np.float64]:
    return view.labels.r_net[np.maximum(view.rows - 1, 0)]


def next_bar(view: View) -> NDArray[np.float64]:
    after = np.minimum(view.ranges.stop_bar[view.rows], len(view.tape) - 1)
    return view.tape.close[after].astype(np.float64) - view.price


def full_day_count(view: View) -> NDArray[np.float64]:
    schedule = view.tape.schedule
    count = aggregate(view.tape, schedule.day_start[view.day], schedule.day_end[view.day]).count
    return count.astype(np.float64)


def test_every_shipped_feature_passes_and_was_really_seen(bars: Bars) -> None:
    report = _audit(bars, CATALOGUE.select("all"))

    assert report.clean, [str(leak) for leak in report.leaks[:5]]
    assert report.never_seen == ()
    assert report.decisions == 30


@pytest.mark.parametrize(
    "leak",
    [
        own_label,
        later_session_of_the_same_day,
        unresolved_previous_outcome,
        next_bar,
        full_day_count,
    ],
    ids=lambda leak: leak.__name__,
)
def test_a_planted_leak_is_caught_and_nothing_else_is_blamed(
    bars: Bars, leak: Callable[[View], NDArray[np.float64]]
) -> None:
    planted = Feature(leak.__name__, "planted", "a leak", "", categorical=False, compute=leak)
    honest = CATALOGUE.select(["close_position", "atr20", "previous_net_r"])

    report = _audit(bars, (*honest, planted))

    assert not report.clean
    assert report.leaking == (leak.__name__,)


def test_a_leak_shows_by_both_tricks_on_every_slot(bars: Bars) -> None:
    planted = Feature("next_bar", "planted", "a leak", "", categorical=False, compute=next_bar)

    report = _audit(bars, (planted,))

    slots = {(leak.trading_day, leak.opening_range) for leak in report.leaks}
    tricks = [leak.trick for leak in report.leaks]
    assert len(slots) == report.decisions == 30
    # now and then a false price is the true one
    assert min(tricks.count(trick) for trick in ("deleted", "scrambled")) > 25
    assert len({range_ for _, range_ in slots}) == 6


def test_the_bar_that_opens_at_t0_is_falsified_and_the_one_before_is_not(bars: Bars) -> None:
    t0 = int(bars.minute[len(bars) // 2])

    false = scrambled(bars, np.where(bars.minute >= t0, 0, -1), np.random.default_rng(0))

    changed = (false.close != bars.close) | (false.volume != bars.volume)
    assert not changed[false.minute < t0].any()
    at = false.minute == t0
    assert at.any()
    assert changed[at].all()
    assert changed[false.minute > t0].mean() > 0.99
    assert (false.low <= np.minimum(false.open, false.close)).all()
    assert (false.high >= np.maximum(false.open, false.close)).all()


def test_a_contract_chosen_by_the_days_own_volume_is_caught(bars: Bars) -> None:
    report = _audit(bars, CATALOGUE.select(["range_size", "atr20"]), roll="same_day_volume")

    assert not report.clean


def test_progress_is_reported_for_each_decision(bars: Bars) -> None:
    progress: list[tuple[int, int]] = []

    audit_lookahead(
        bars,
        mgc(),
        LabelSpec(),
        CATALOGUE.select(["range_size"]),
        first=FIRST,
        last=LAST,
        decisions=12,
        on_progress=lambda done, of: progress.append((done, of)),
    )

    assert progress[-1] == (12, 12)
    assert sorted({done for done, _ in progress}) == [done for done, _ in progress]


def test_a_falsified_future_is_false_from_the_decision_on_and_true_before(bars: Bars) -> None:
    history = _history(bars)
    rows = np.flatnonzero(history.ranges.usable)[[120, 121]]
    for windows in windows_apart(history, rows):
        (t0,) = windows.t0.tolist()
        deleted = with_false_future(bars, history, SLOW, rows, windows, None)
        other = with_false_future(bars, history, SLOW, rows, windows, np.random.default_rng(0))

        for false in (deleted.history, other.history):
            before = false.tape.minute < t0
            real = history.tape.first_at(false.tape.minute[before])
            np.testing.assert_array_equal(
                np.diff(false.tape.close[before]), np.diff(history.tape.close[real])
            )
        assert deleted.history.tape.minute[-1] < t0
        # a weekend and what comes after it lie in the future that is falsified
        assert other.history.tape.minute[-1] - t0 > 4 * 1440


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "scrambled"])
def test_no_later_outcome_is_left_and_no_earlier_one_is_lost(bars: Bars, deleted: bool) -> None:
    history = _history(bars)
    rows = np.flatnonzero(history.ranges.usable)[[120, 123]]
    for windows in windows_apart(history, rows):
        (t0,) = windows.t0.tolist()
        draw = None if deleted else np.random.default_rng(0)
        false = with_false_future(bars, history, SLOW, rows, windows, draw).history
        there = np.isin(
            history.ranges.decision, false.ranges.decision[false.ranges.decision <= t0]
        )
        false_rows = np.flatnonzero(false.ranges.decision <= t0)
        settled = history.labels.resolved_minute[there] <= t0
        warm = np.arange(there.sum()) > 12  # the first days have no contract in a short history
        for name in ("outcome", "r_net", "direction", "resolved_minute"):
            real = getattr(history.labels, name)[there]
            falsified = getattr(false.labels, name)[false_rows]
            np.testing.assert_array_equal(falsified[settled & warm], real[settled & warm])
        later = ~settled & np.isfinite(history.labels.r_net[there])
        assert later.any()
        for name in ("outcome", "r_net", "resolved_minute"):
            real = getattr(history.labels, name)[there]
            falsified = getattr(false.labels, name)[false_rows]
            assert (falsified[later] != real[later]).all()


def test_the_calendar_of_later_days_is_false_and_of_the_day_itself_true(bars: Bars) -> None:
    history = _history(bars)
    rows = np.flatnonzero(history.ranges.usable)[[120]]
    (windows,) = windows_apart(history, rows)
    false = with_false_future(bars, history, SLOW, rows, windows, np.random.default_rng(0))

    falsified, real = false.history.tape.schedule, history.tape.schedule
    place = np.searchsorted(real.days, falsified.days)
    later = place > history.ranges.day[rows[0]]
    assert later.sum() >= 3
    for name in ("early_close", "exchange_close", "session_end", "range_start"):
        true, false_day = getattr(real, name)[place], getattr(falsified, name)
        assert (true[later] != false_day[later]).all()
        np.testing.assert_array_equal(true[~later], false_day[~later])


def test_in_a_false_future_another_contract_is_the_busiest(bars: Bars) -> None:
    minutes = np.unique(bars.minute)
    t0 = int(minutes[len(minutes) // 2])
    near = bars.between(t0 - 1440, t0 + 1440)
    false = scrambled(near, np.where(near.minute >= t0, 0, -1), np.random.default_rng(0))

    def busiest(of: Bars) -> int:
        later = of.minute >= t0
        return int(np.bincount(of.contract[later], of.volume[later]).argmax())

    assert busiest(false) != busiest(near)


def test_every_kind_and_range_is_drawn_and_counted_for_what_it_is(bars: Bars) -> None:
    history = _history(bars)
    usable = np.flatnonzero(history.ranges.usable)

    slots = draw_slots(history, usable, 60, np.random.default_rng(2))

    assert len(np.unique(slots.rows)) == 60
    day = history.ranges.day[slots.rows]
    counts = {kind.name: kind.decisions for kind in slots.kinds}
    (roll,) = np.flatnonzero(history.tape.rolled())
    closes_early = np.flatnonzero(history.tape.schedule.early_close)
    assert counts["eve of a roll"] == (day == roll - 1).sum() > 0
    assert counts["roll"] == (day == roll).sum() > 0
    assert counts["half-day"] == np.isin(day, closes_early).sum() > 0
    # between 2023-10-24 and 2024-01-31: London's clocks on 29 October, New York's on 5 November
    changed = ["2023-10-30", "2023-11-06"]
    days = history.tape.schedule.days[day].astype(str)
    assert counts["clock change"] == np.isin(days, changed).sum() > 0
    firsts = ["2023-11-01", "2023-12-01", "2024-01-02"]
    assert counts["first of a month"] == np.isin(days, firsts).sum() > 0
    assert (
        sum(counts[name] for name in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"))
        == 60
    )
    assert set(history.ranges.spec[slots.rows]) == set(range(6))


def test_another_last_day_draws_other_decisions_and_the_same_one_the_same(bars: Bars) -> None:
    def drawn(last: date) -> set[tuple[str, str]]:
        planted = Feature("next_bar", "planted", "a leak", "", categorical=False, compute=next_bar)
        report = audit_lookahead(
            bars, mgc(), SLOW, (planted,), first=FIRST, last=last, decisions=30
        )
        return {(leak.trading_day, leak.opening_range) for leak in report.leaks}

    night, again, next_night = drawn(date(2024, 1, 30)), drawn(date(2024, 1, 30)), drawn(LAST)
    assert night == again
    assert len(next_night - night) > 10


def test_the_history_moved_28_years_has_every_weekday_month_and_clock(bars: Bars) -> None:
    history = _history(bars)
    rows = np.flatnonzero(history.ranges.usable)

    shifted = shifted_in_time(history, rows)

    assert len(shifted.rows) == len(rows)
    clock = CATALOGUE.select(["weekday", "month_sin", "minutes_from_london_open", "atr20"])
    np.testing.assert_array_equal(
        compute(shifted.history.view(shifted.rows), clock), compute(history.view(rows), clock)
    )
    year = shifted.history.tape.schedule.days[0].astype("datetime64[Y]").astype(int) + 1970
    assert year == 2023 + 28


def test_decisions_at_which_clocks_had_other_rules_are_not_moved() -> None:
    # until 2006 New York put its clocks forward in April, 28 years on in March
    day = date(2006, 3, 20)
    history = read_history(
        walk(date(2006, 3, 15), day), mgc(), SLOW, build_schedule(mgc(), date(2006, 3, 15), day)
    )
    rows = np.flatnonzero(history.ranges.usable)
    assert len(rows)
    assert len(shifted_in_time(history, rows).rows) == 0


def test_a_period_without_ranges_cannot_be_audited() -> None:
    with pytest.raises(NothingToAuditError, match="no usable opening range"):
        _audit(bars_of([flat_day("2024-01-15")]), CATALOGUE.select(["range_size"]))
