"""The look-ahead audit: the shipped features pass it, six kinds of leak do not."""

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
    scrambled_after,
)
from ml_core.features.catalogue import Feature
from ml_core.features.view import View
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import bars_of, flat_day, mgc, walk

FIRST, LAST = date(2023, 12, 4), date(2024, 1, 31)
SLOW = LabelSpec(rr=10)
"""A far target, so that many an earlier trade is still open when the next range closes."""


@pytest.fixture(scope="module")
def bars() -> Bars:
    return walk(date(2023, 10, 23), LAST, seed=5, contracts=("MGCG4", "MGCJ4"))


def _audit(
    bars: Bars, features: tuple[Feature, ...], roll: str = "previous_day_volume"
) -> AuditReport:
    return audit_lookahead(bars, mgc(roll), SLOW, features, first=FIRST, last=LAST, days=5, seed=1)


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
    assert report.decisions == 5 * 6


@pytest.mark.parametrize(
    "leak",
    [
        own_label,
        later_session_of_the_same_day,
        unresolved_previous_outcome,
        next_bar,
        full_day_count,
    ],
    ids=lambda each: each.__name__,
)
def test_a_planted_leak_is_caught_and_nothing_else_is_blamed(
    bars: Bars, leak: Callable[[View], NDArray[np.float64]]
) -> None:
    planted = Feature(leak.__name__, "planted", "a leak", "", categorical=False, compute=leak)
    honest = CATALOGUE.select(["close_position", "atr20", "previous_net_r"])

    report = _audit(bars, (*honest, planted))

    assert not report.clean
    assert report.leaking == (leak.__name__,)


def test_a_leak_shows_by_both_tricks_on_every_slot_the_first_and_last_day_among_them(
    bars: Bars,
) -> None:
    planted = Feature("next_bar", "planted", "a leak", "", categorical=False, compute=next_bar)

    report = _audit(bars, (planted,))

    slots = {(leak.trading_day, leak.opening_range) for leak in report.leaks}
    tricks = [leak.trick for leak in report.leaks]
    assert len(slots) == report.decisions == 5 * 6
    # now and then a false price is the true one
    assert min(tricks.count(trick) for trick in ("deleted", "scrambled")) > 25
    days = sorted({day for day, _ in slots})
    assert (days[0], days[-1]) == (str(FIRST), str(LAST))


def test_the_bar_that_opens_at_t0_is_falsified_and_the_one_before_is_not(bars: Bars) -> None:
    t0 = int(bars.minute[len(bars) // 2])

    false = scrambled_after(bars, t0, np.random.default_rng(0))

    true = bars.between(int(false.minute[0]), int(false.minute[-1]) + 1)
    np.testing.assert_array_equal(false.minute, true.minute)
    changed = (false.close != true.close) | (false.volume != true.volume)
    assert not changed[false.minute < t0].any()
    at = false.minute == t0
    assert at.any()
    assert changed[at].all()
    assert changed[false.minute > t0].mean() > 0.99
    # a weekend and what comes after it lie in the future that is falsified
    assert false.minute[-1] - t0 > 4 * 24 * 60
    assert (false.low <= np.minimum(false.open, false.close)).all()
    assert (false.high >= np.maximum(false.open, false.close)).all()


def test_a_contract_chosen_by_the_days_own_volume_is_caught(bars: Bars) -> None:
    report = _audit(bars, CATALOGUE.select(["range_size", "atr20"]), roll="same_day_volume")

    assert not report.clean


def test_progress_is_told_for_each_decision(bars: Bars) -> None:
    told: list[tuple[int, int]] = []

    audit_lookahead(
        bars,
        mgc(),
        LabelSpec(),
        CATALOGUE.select(["range_size"]),
        first=FIRST,
        last=LAST,
        days=2,
        on_progress=lambda done, of: told.append((done, of)),
    )

    assert told == [(each, 12) for each in range(1, 13)]


def test_a_period_without_ranges_cannot_be_audited() -> None:
    with pytest.raises(NothingToAuditError, match="no usable opening range"):
        _audit(bars_of([flat_day("2024-01-15")]), CATALOGUE.select(["range_size"]))
