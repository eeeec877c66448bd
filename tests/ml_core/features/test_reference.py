"""Every feature, at every decision of three made markets, against its definition in plain Python.

The markets include minutes, hours, sessions, a day and a week without trades, rolls, half-days, a
holiday, both clock changes in New York and in London, and windows of zero height.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.features.all import CATALOGUE, compute
from ml_core.features.history import History, read_history
from ml_core.market.market import Market, RangeSpec, Session
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import bars_of_contracts, mgc, minute, nq
from tests.ml_core.features.reference import (
    clock,
    levels_and_sessions,
    motion,
    news,
    previous,
    shape,
)
from tests.ml_core.features.reference.made_bars import Plan, made_bars
from tests.ml_core.features.reference.made_news import made_news
from tests.ml_core.features.reference.plain_decision import Decision
from tests.ml_core.features.reference.plain_market import PlainMarket
from tests.ml_core.features.reference.plain_trades import Story

Reference = Callable[[Decision], float]


def _functions(module: ModuleType) -> dict[str, Reference]:
    """Return the public functions that a module defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }


REFERENCES = {
    name: function
    for module in (clock, shape, motion, levels_and_sessions, previous, news)
    for name, function in _functions(module).items()
}


NAMES = tuple(feature.name for feature in CATALOGUE.every())


def _odd_nasdaq() -> Market:
    """The second range closes before the first, and a session ends with it; one length is even."""
    market = nq()
    longer, shorter = market.ranges[1], market.ranges[0]
    even = RangeSpec(name="1100_4m", start=time(11), minutes=4, session="rth")
    opening = Session(name="opening", start=time(9, 30), end=time(9, 35))
    return market.model_copy(
        update={
            "ranges": (longer, shorter, even),
            "sessions": (*market.sessions, opening),
        }
    )


SPRING = Plan(
    calendar="CMEGlobex_Gold",
    first=date(2024, 2, 1),
    last=date(2024, 4, 24),
    contracts=(
        ("MGCG4", date(2024, 2, 13)),
        ("MGCJ4", date(2024, 3, 25)),
        ("MGCM4", date(2024, 12, 31)),
    ),
    seed=1,
    holes=(
        (minute("2024-02-14", "09:00"), minute("2024-02-14", "09:05")),  # a window
        (minute("2024-02-22", "07:00"), minute("2024-02-22", "09:00")),  # the session before it
        (minute("2024-02-27", "17:00"), minute("2024-02-27", "18:00")),  # a session of the day
        (minute("2024-03-05", "09:00"), minute("2024-03-06", "09:00")),  # a whole trading day
        (minute("2024-03-14", "13:00"), minute("2024-03-14", "18:00")),  # the hours before a range
        (minute("2024-03-19", "09:00"), minute("2024-03-20", "09:00")),  # 21 days are just there
        (minute("2024-04-03", "12:00"), minute("2024-04-12", "18:02")),  # more than a week
        (minute("2024-04-17", "12:00"), minute("2024-04-22", "18:02")),  # more than four days
    ),
    flats=(
        (minute("2024-03-12", "10:59"), minute("2024-03-12", "11:05")),
        (minute("2024-03-20", "18:00"), minute("2024-03-20", "18:05")),
    ),
)
AUTUMN = Plan(
    calendar="CMEGlobex_Gold",
    first=date(2024, 9, 20),
    last=date(2024, 12, 4),
    contracts=(("MGCV4", date(2024, 9, 26)), ("MGCZ4", date(2024, 11, 21)), ("MGCG5", date.max)),
    seed=2,
    flats=((minute("2024-11-12", "00:00"), minute("2024-11-12", "02:00")),),
)
NASDAQ = Plan(
    calendar="CME_Equity",
    first=date(2024, 2, 5),
    last=date(2024, 4, 2),
    contracts=(("NQH4", date(2024, 3, 12)), ("NQM4", date.max)),
    seed=3,
)
CASES = {
    "spring": (mgc(), SPRING, LabelSpec()),
    "autumn": (mgc(), AUTUMN, LabelSpec(rr=2.5, stop="half", scan_end="next_day_start")),
    "nasdaq": (_odd_nasdaq(), NASDAQ, LabelSpec(anchor="edge", rr=1.2)),
}


@dataclass(frozen=True)
class Case:
    """A made market, read by the product and by definition."""

    history: History
    rows: NDArray[np.int64]
    ours: NDArray[np.float64]
    market: PlainMarket
    decisions: list[Decision]


def _case(name: str) -> Case:
    market, plan, spec = CASES[name]
    bars = made_bars(plan)
    schedule = build_schedule(market, plan.first, plan.last)
    calendar = made_news(plan.first, plan.last, plan.seed)
    history = read_history(bars_of_contracts(bars), market, spec, schedule, news=calendar)
    rows = np.flatnonzero(history.ranges.formed)
    reference = PlainMarket(
        market,
        bars,
        plan.first,
        plan.last,
        next_day_start=spec.scan_end == "next_day_start",
    )
    stories: dict[int, Story] = {}
    places = [place for place, slot in enumerate(reference.slots) if reference.window(slot)]
    return Case(
        history,
        rows,
        compute(history.view(rows), CATALOGUE.every()),
        reference,
        [Decision(reference, spec, place, stories, calendar) for place in places],
    )


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {name: _case(name) for name in CASES}


def test_every_feature_of_the_catalogue_has_a_reference_and_none_is_left_over() -> None:
    assert len(CATALOGUE) + len(CATALOGUE.news_names()) == 84
    assert sorted(REFERENCES) == sorted(NAMES)


@pytest.mark.parametrize("name", CASES)
def test_the_same_slots_form_a_range(cases: dict[str, Case], name: str) -> None:
    case = cases[name]

    assert [decision.place for decision in case.decisions] == case.rows.tolist()
    assert len(case.rows) > 100


@pytest.mark.parametrize("feature", NAMES)
def test_a_feature_is_its_definition_at_every_decision(
    cases: dict[str, Case], feature: str
) -> None:
    column = NAMES.index(feature)
    compared = 0
    for case in cases.values():
        expected = np.array([REFERENCES[feature](decision) for decision in case.decisions])
        np.testing.assert_allclose(case.ours[:, column], expected, rtol=1e-9, atol=1e-9)
        compared += int(np.isfinite(expected).sum())

    assert compared >= 300
