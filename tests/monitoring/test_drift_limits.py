"""Drift at its limits: a slow computation of the p-value, and the minimum to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.linear_model import Ridge

from ml_core.array_rows import take_rows
from monitoring.drift.columns import LEFT, Daily, Reference, Rows
from monitoring.drift.report import report
from monitoring.drift.shifts import ColumnShift, column_shifts, p_value, threshold
from tests.monitoring.test_drift import GROUPS, NAMES, RANGES, world

DAYS = 130
MARKET = world(4, DAYS)


def slow_p(reference: Sequence[float], current: Sequence[float]) -> float:
    """Compare a mean with every stretch of as many days by Student's t, day by day."""
    days = len(current)
    middle = fmean(reference)
    stretches = [
        fmean(reference[start : start + days]) - middle
        for start in range(len(reference) - days + 1)
    ]
    variance = fmean(stretch**2 for stretch in stretches)
    later = fmean(
        stretches[index + days] * stretches[index] for index in range(len(stretches) - days)
    )
    memory = min(max(later / variance, 0.0), 0.95)
    count = max(len(reference) / days * (1 - memory) / (1 + memory), 3.0)
    error = (variance * (1 + 1 / count) * count / (count - 1)) ** 0.5
    return float(2 * student.sf(abs(fmean(current) - middle) / error, count - 1))


def series(kind: str) -> NDArray[np.float64]:
    draw = np.random.default_rng(9)
    noise = draw.normal(size=400)
    wander = np.zeros(400)
    for day in range(1, 400):
        wander[day] = 0.9 * wander[day - 1] + noise[day]
    return {
        "noise": noise,
        "wandering": wander,
        "short and wandering": wander[:40],
        "short and rising": np.linspace(-2.0, 2.0, 60),
        "rising": np.linspace(-2.0, 2.0, 2500),
        "in waves": np.sin(np.arange(400) * np.pi / 10),
    }[kind]


@pytest.mark.parametrize("days", [8, 10])
@pytest.mark.parametrize("shift", [-4.0, -0.8, 0.8, 2.0])
@pytest.mark.parametrize(
    "kind",
    ["noise", "wandering", "short and wandering", "short and rising", "rising", "in waves"],
)
def test_a_p_value_is_that_of_students_t_over_independent_stretches(
    kind: str, shift: float, days: int
) -> None:
    reference = series(kind)
    current = np.linspace(-0.2, 0.2, days) + reference.mean() + shift
    assert p_value(reference, current) == pytest.approx(
        slow_p(reference.tolist(), current.tolist()), rel=1e-9
    )


@pytest.mark.parametrize(
    ("shift", "drifted"), [(0.499, False), (-0.499, False), (0.5, True), (-0.5, True)]
)
def test_less_than_half_a_deviation_is_not_worth_an_alarm(shift: float, drifted: bool) -> None:
    reference = np.tile([0.25, -0.25], 100)
    # over ten days it never moved at all: what does is certain, and what does not is nothing
    assert p_value(reference, np.full(10, shift)) == (0.0 if drifted else 1.0)


@pytest.mark.parametrize(
    ("p", "limit"),
    [
        ([], -1.0),
        ([0.051], -1.0),
        ([0.05], 0.05),
        ([0.05, 0.05], 0.05),
        ([0.025, 0.9], 0.025),
        ([0.0251, 0.9], -1.0),
        ([0.9, 0.01, 0.04, 0.02], 0.025),
        ([0.9, 0.0126, 0.04, 0.025], 0.025),
        ([0.9, 0.0126, 0.04, 0.0251], -1.0),
    ],
)
def test_a_discovery_is_what_benjamini_and_hochberg_call_one(p: list[float], limit: float) -> None:
    assert threshold(p, 0.05) == pytest.approx(limit, rel=1e-12)


@pytest.mark.parametrize(("p", "drifted"), [(0.01, True), (0.0101, False)])
def test_a_p_value_of_just_the_limit_is_a_discovery(p: float, drifted: bool) -> None:
    assert ColumnShift("a", "b", 1.0, p, 0.01).drifted == drifted


def test_features_and_predictions_have_the_rates_they_were_measured_with() -> None:
    reference = Reference(MARKET, GROUPS)
    daily = reference.daily.latest(10)
    far = replace(daily, values=daily.values + 1e9)
    limits = {shift.group == "prediction": shift.limit for shift in column_shifts(reference, far)}
    assert limits == pytest.approx({False: 1e-6, True: 1e-4})
    values = daily.values.copy()
    values[:, 0] += 1e9
    one = column_shifts(reference, replace(daily, values=values))
    limits = {shift.group == "prediction": shift.limit for shift in one}
    assert limits == pytest.approx({False: 1e-6 / (len(one) - 1), True: -1.0})


def rows_of_days(first: int, last: int) -> Rows:
    return take_rows(MARKET, np.isin(MARKET.day, np.unique(MARKET.day)[first:last]))


@pytest.fixture
def no_evidently(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip Evidently's count in tests of judgements."""
    monkeypatch.setattr("monitoring.drift.report.counted_by_evidently", lambda *_: 0)


@pytest.mark.usefixtures("no_evidently")
@pytest.mark.parametrize(
    ("learned", "seen", "why"),
    [
        (120, 8, ""),
        (
            119,
            8,
            "the version was trained on 119 ordinary days besides those checked, 120 are needed",
        ),
        (
            120,
            7,
            "7 ordinary days with predictions for at least 4 ranges so far, 1 more are needed",
        ),
    ],
)
def test_a_hundred_and_twenty_days_and_eight_are_just_enough(
    learned: int, seen: int, why: str
) -> None:
    drift = report(
        "MGC",
        "v",
        Reference(rows_of_days(0, learned), GROUPS),
        rows_of_days(DAYS - seen, DAYS),
    )
    assert (drift.judged, drift.figures.why_not, drift.figures.days) == (not why, why, seen)


@pytest.mark.usefixtures("no_evidently")
def test_the_last_ten_days_are_checked_and_none_before() -> None:
    drift = report("MGC", "v", Reference(MARKET, GROUPS), rows_of_days(DAYS - 12, DAYS))
    day = np.unique(MARKET.day)
    assert (drift.figures.days, drift.rows) == (10, 60)
    assert (str(drift.first_day), str(drift.last_day)) == (str(day[-10]), str(day[-1]))


@pytest.mark.parametrize(("ranges", "least"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4)])
def test_a_day_must_have_two_thirds_of_the_ranges(ranges: int, least: int) -> None:
    some = take_rows(MARKET, np.isin(MARKET.opening_range, RANGES[:ranges]))
    reference = Reference(some, GROUPS)
    assert reference.least_ranges == least
    last = some.day == some.day.max()
    place = np.cumsum(last) * last
    for kept, counted in ((least, True), (least - 1, False)):
        daily = reference.daily_of(take_rows(some, ~last | (place <= kept)))
        assert (daily.day[-1] == some.day.max()) == counted


@pytest.mark.parametrize(("span", "left_out"), [(364, ("clock",)), (365, ())])
def test_a_year_from_the_first_day_to_the_last_has_seen_the_calendar(
    span: int, left_out: tuple[str, ...]
) -> None:
    day = MARKET.day.copy()
    day[day == day.max()] = day.min() + span
    assert Reference(replace(MARKET, day=day), GROUPS).left_out == left_out


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("early_close", 1.0, False),
        ("early_close", 0.0, True),
        ("early_close", np.nan, True),
        ("days_since_roll", 0.0, False),
        ("days_since_roll", 1.0, True),
        ("days_since_roll", np.nan, True),
    ],
)
def test_only_a_row_known_to_be_of_a_half_day_or_a_roll_day_is_left_out(
    name: str, value: float, kept: bool
) -> None:
    values = MARKET.values.copy()
    values[7, NAMES.index(name)] = value
    left = replace(MARKET, values=values).ordinary()
    assert len(MARKET.day) - len(left.day) == (not kept)


def slow_scores(reference: Rows, rows: Rows) -> NDArray[np.float64]:
    """Return normal scores of ranks at the same range, value by value; missing is the middle."""
    scores = np.zeros(rows.values.shape)
    for row, column in np.ndindex(scores.shape):
        value = rows.values[row, column]
        seen = reference.values[reference.opening_range == rows.opening_range[row], column]
        seen = seen[~np.isnan(seen)]
        if not np.isnan(value):
            below = sum(seen < value) + sum(seen == value) / 2
            scores[row, column] = norm.ppf((below + 0.5) / (len(seen) + 1))
    return scores


def by_day(rows: Rows, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([np.nanmean(values[rows.day == day], axis=0) for day in np.unique(rows.day)])


def test_levels_and_residuals_are_those_of_a_slow_ridge_regression() -> None:
    columns = ("size", "wick", "atr", "slow", "said")
    rows = rows_of_days(0, 40).of(columns)
    values = rows.values.copy()
    values[::11, 1] = np.nan
    rows = replace(rows, values=values)
    reference = Reference(rows, GROUPS)
    scores = slow_scores(rows, rows)
    levels = by_day(rows, np.where(np.isnan(values), np.nan, scores))
    groups = [GROUPS[name] for name in columns]
    unique = np.unique(rows.day)
    left, left_now = np.zeros((2, len(scores), 4))
    for column in range(4):
        others = [at for at in range(4) if groups[at] != groups[column]]
        blocks = [np.isin(rows.day, unique[start : start + 8]) for start in range(0, 40, 8)]
        for inside in blocks:
            fitted = Ridge(alpha=20.0, fit_intercept=False).fit(
                scores[~inside][:, others], scores[~inside, column]
            )
            left[inside, column] = scores[inside, column] - fitted.predict(
                scores[inside][:, others]
            )
        whole = Ridge(alpha=20.0, fit_intercept=False).fit(scores[:, others], scores[:, column])
        left_now[:, column] = scores[:, column] - whole.predict(scores[:, others])

    assert reference.columns == (*columns, *(name + LEFT for name in columns[:4]))
    for daily, rest in ((reference.daily, left), (reference.daily_of(rows), left_now)):
        np.testing.assert_allclose(
            daily.values, np.hstack([levels, by_day(rows, rest)]), atol=1e-8
        )
        assert (daily.values == np.round(daily.values, 9)).all()


def test_the_latest_days_are_the_last_ones() -> None:
    daily = Daily(
        day=np.arange(5).astype("datetime64[D]"), names=("a",), values=np.arange(5.0)[:, None]
    )
    assert daily.latest(2).values.tolist() == [[3.0], [4.0]]
    assert daily.latest(9).day.tolist() == daily.day.tolist()
