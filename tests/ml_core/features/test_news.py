"""News features use what a decision knew, never what became known later."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.features.all import CATALOGUE
from ml_core.features.audit import AuditReport, audit_lookahead
from ml_core.features.catalogue import Feature
from ml_core.features.known_news import KnownNews
from ml_core.features.view import NewsNotDeclaredError, NewsNotReadError, View
from ml_core.learning.datasets.assemble import assemble, assemble_live
from ml_core.market.news import IMPORTANCES, Importance, NewsEvent, known_news
from ml_core.market.schedule import from_minute, to_minute
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc, walk
from tests.ml_core.features.reference.made_news import made_news

FIRST, LAST = date(2024, 2, 5), date(2024, 4, 12)
NAMES = CATALOGUE.news_names()
OCTOBER = datetime(2023, 10, 1, tzinfo=UTC)
T0 = datetime(2024, 3, 8, 13, 5, tzinfo=UTC)
"""23:05 in Brisbane; the session ends at 00:30, 14:30 UTC."""
LATER = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def bars() -> Bars:
    return walk(date(2023, 12, 18), LAST, seed=5)


def event(
    time: datetime, name: str = "CPI", importance: Importance = "high", **more: object
) -> NewsEvent:
    values = {"market": "MGC", "known_since": OCTOBER, **more}
    return NewsEvent(time=time, name=name, importance=importance, **values)  # type: ignore[arg-type]


END = event(LATER, "end of the calendar", "low")
FAR = replace(END, time=T0 + timedelta(days=60))


def row_of(bars: Bars, *news: NewsEvent, t0: datetime = T0) -> dict[str, float]:
    """Return the news features of the 23:00 range that ends at t0."""
    data = assemble_live(
        bars,
        mgc(),
        LabelSpec(),
        trading_day=t0.date(),
        opening_range="2300",
        features=CATALOGUE.select(NAMES),
        news=news,
    )
    assert from_minute(int(data.decision_minute[0])) == t0
    return dict(zip(NAMES, data.features[0].tolist(), strict=True))


def values(*numbers: float) -> dict[str, float]:
    return dict(zip(NAMES, numbers, strict=True))


NONE = values(1440, 1440, 1440, 0)
SOON = event(T0 + timedelta(minutes=25))
"""NFP of 8 March 2024, 8:30 in New York."""


@pytest.mark.parametrize(
    ("news", "expected"),
    [
        ((END,), NONE),
        ((END, SOON), values(25, 25, 1440, 3)),
        ((SOON,), values(25, 25, 1440, 3)),
        ((END, replace(SOON, importance="medium")), values(25, 1440, 1440, 2)),
        ((END, event(T0)), values(0, 0, 1440, 3)),
        ((END, event(T0 - timedelta(minutes=1))), values(1440, 1440, 1, 0)),
        ((END, event(T0 - timedelta(days=1))), values(1440, 1440, 1440, 0)),
        ((END, event(T0 - timedelta(days=1, minutes=-1))), values(1440, 1440, 1439, 0)),
        ((END, event(T0 - timedelta(days=1, minutes=1))), NONE),
        ((END, event(T0 + timedelta(days=1))), NONE),
        ((END, event(T0 + timedelta(days=1, minutes=-1))), values(1439, 1439, 1440, 0)),
        ((END, event(T0 + timedelta(minutes=84))), values(84, 84, 1440, 3)),
        ((END, event(T0 + timedelta(minutes=85))), values(85, 85, 1440, 0)),
        ((END, replace(SOON, market="")), values(25, 25, 1440, 3)),
    ],
)
def test_a_row_by_hand(
    bars: Bars, news: tuple[NewsEvent, ...], expected: dict[str, float]
) -> None:
    assert row_of(bars, *news) == expected


def test_the_nearest_and_the_weightiest_need_not_be_the_same(bars: Bars) -> None:
    news = (
        event(T0 + timedelta(minutes=10), "PMI", "low"),
        event(T0 + timedelta(minutes=40), "FOMC", "high"),
        event(T0 + timedelta(minutes=60), "Beige Book", "medium"),
        event(T0 - timedelta(minutes=90), "CPI", "low"),
        event(T0 - timedelta(minutes=200), "NFP", "high"),
        END,
    )
    assert row_of(bars, *news) == values(10, 40, 90, 3)


@pytest.mark.parametrize(
    ("since", "is_known"),
    [
        (T0, True),
        (T0 - timedelta(days=90), True),
        (T0 + timedelta(seconds=1), False),
        (T0 + timedelta(days=30), False),
    ],
)
def test_an_event_counts_from_the_moment_it_was_known(
    bars: Bars, since: datetime, is_known: bool
) -> None:
    published = replace(SOON, known_since=since)
    assert row_of(bars, END, published) == (values(25, 25, 1440, 3) if is_known else NONE)


def test_a_list_of_past_events_made_later_changes_nothing(bars: Bars) -> None:
    made_later = [
        event(T0 + timedelta(minutes=minutes), f"past {minutes}", known_since=LATER)
        for minutes in range(-100, 100, 7)
    ]
    assert row_of(bars, END, *made_later) == NONE


def test_an_event_that_moves_counts_at_its_new_time_once_that_is_known(bars: Bars) -> None:
    rescheduled = replace(SOON, time=T0 + timedelta(minutes=70))
    for since, expected in (
        (T0 - timedelta(hours=1), values(70, 70, 1440, 3)),
        (T0, values(70, 70, 1440, 3)),
        (T0 + timedelta(minutes=1), values(25, 25, 1440, 3)),
    ):
        word = replace(SOON, known_since=since, cancelled=True)
        assert row_of(bars, END, SOON, word, replace(rescheduled, known_since=since)) == expected


def test_a_cancelled_event_that_comes_after_all_counts_again(bars: Bars) -> None:
    first, second = T0 - timedelta(days=2), T0 - timedelta(days=1)
    off = replace(SOON, known_since=first, cancelled=True)
    assert row_of(bars, END, SOON, off) == NONE
    assert row_of(bars, END, SOON, off, replace(SOON, known_since=second))["minutes_to_news"] == 25


def test_without_news_or_beyond_the_end_of_the_calendar_features_are_missing(bars: Bars) -> None:
    missing = values(np.nan, np.nan, np.nan, np.nan)
    for news in ((), (event(T0 - timedelta(days=3)),), (replace(SOON, known_since=LATER),)):
        np.testing.assert_equal(row_of(bars, *news), missing)
    # past events are known; future ones are not
    last = row_of(bars, event(T0 - timedelta(minutes=30)))
    np.testing.assert_equal(last, values(np.nan, np.nan, 30, np.nan))


def test_news_at_half_past_eight_in_new_york_comes_an_hour_earlier_in_summer(bars: Bars) -> None:
    """New York's clocks changed on 10 March 2024; Brisbane's never change."""
    summer = T0 + timedelta(days=4)
    news = (SOON, event(datetime(2024, 3, 12, 12, 30, tzinfo=UTC)), END)
    assert row_of(bars, *news)["minutes_to_news"] == 25
    assert row_of(bars, *news, t0=summer) == values(1440, 1440, 35, 0)


moments = st.integers(-3 * 1440, 3 * 1440)
made_events = st.lists(
    st.builds(
        lambda away, since, seconds, name, importance, cancelled: event(
            T0 + timedelta(minutes=away),
            name,
            importance,
            known_since=T0 + timedelta(minutes=since, seconds=seconds),
            cancelled=cancelled,
        ),
        moments,
        moments,
        st.sampled_from([0, 1, 59]),
        st.sampled_from(["CPI", "FOMC"]),
        st.sampled_from(IMPORTANCES),
        st.booleans(),
    ),
    max_size=12,
)


@given(news=made_events, decisions=st.lists(moments, min_size=1, max_size=5))
def test_known_news_is_that_recorded_by_then(news: list[NewsEvent], decisions: list[int]) -> None:
    t0 = np.array([to_minute(T0) + away for away in decisions])
    calendar = KnownNews.at(news, t0)
    to_next, since_last = calendar.minutes_to_next(), calendar.minutes_since_last()
    for row, minute in enumerate(t0.tolist()):
        times = [to_minute(one.time) for one in known_news(news, from_minute(minute))]
        coming = [time - minute for time in times if 0 <= time - minute <= 1440]
        gone = [minute - time for time in times if 0 < minute - time <= 1440]
        if coming:
            assert to_next[row] == min(coming)
        else:
            assert np.isnan(to_next[row]) or to_next[row] == 1440
        if gone:
            assert since_last[row] == min(gone)
        else:
            assert np.isnan(since_last[row]) or since_last[row] == 1440


@given(news=made_events, later=made_events, decision=moments)
def test_a_row_never_changes_by_what_becomes_known_later(
    news: list[NewsEvent], later: list[NewsEvent], decision: int
) -> None:
    at = T0 + timedelta(minutes=decision)
    unknown = [
        replace(one, known_since=at + timedelta(seconds=1 + number))
        for number, one in enumerate(later)
    ]
    t0 = np.array([to_minute(at)])
    before, after = (
        KnownNews.at(entries, t0) for entries in (news, [*unknown[::2], *news, *unknown])
    )
    for figure in (
        KnownNews.minutes_to_next,
        KnownNews.minutes_since_last,
        lambda calendar: calendar.only(importance="high").minutes_to_next(),
        lambda calendar: calendar.greatest_importance(t0 + 600),
    ):
        np.testing.assert_array_equal(figure(before), figure(after))


def test_only_some_news_is_looked_for_by_name_in_any_case() -> None:
    news = (event(T0, "FOMC minutes"), event(T0 + timedelta(minutes=9), "cpi"), END)
    calendar = KnownNews.at(news, np.array([to_minute(T0)]))
    assert calendar.only("CPI", "NFP").minutes_to_next() == 9
    assert calendar.only("fomc*").minutes_to_next() == 0
    assert calendar.only("GDP").minutes_to_next() == 1440, "the calendar reaches, and has none"


def test_the_live_row_is_the_row_of_the_dataset_to_the_bit(bars: Bars) -> None:
    news = made_news(FIRST, LAST, 3)
    features = CATALOGUE.select(("close_position", *NAMES))
    data = assemble(
        bars, mgc(), LabelSpec(), first=FIRST, last=LAST, features=features, news=news
    ).dataset
    assert np.isnan(data.features).any(axis=0)[1:].all()
    assert np.isfinite(data.features).sum(axis=0).min() > 100
    for row in range(0, len(data), 17):
        live = assemble_live(
            bars,
            mgc(),
            LabelSpec(),
            trading_day=data.trading_day[row].item(),
            opening_range=str(data.opening_range[row]),
            features=features,
            # on that day the rest was unknown
            news=tuple(
                one
                for one in news
                if one.known_since <= from_minute(int(data.decision_minute[row]))
            ),
        )
        np.testing.assert_array_equal(live.features[0], data.features[row])


def test_no_all_has_news_and_a_recipe_names_it() -> None:
    assert not set(NAMES) & set(CATALOGUE.names())
    chosen = CATALOGUE.to_learn(("all", "minutes_to_news"))
    assert [one.name for one in chosen] == [*CATALOGUE.names(), "minutes_to_news"]


def test_the_data_hash_covers_the_news_that_a_feature_could_read(
    bars: Bars,
) -> None:
    def name(*news: NewsEvent, features: tuple[str, ...] = NAMES) -> str:
        chosen = CATALOGUE.select(features)
        return assemble(
            bars, mgc(), LabelSpec(), first=FIRST, last=LAST, features=chosen, news=news
        ).news_hash

    assert name(SOON, END) == name(SOON, END, replace(SOON, name="X", known_since=LATER)) != ""
    assert len({name(END), name(SOON, END), name(replace(SOON, importance="low"), END)}) == 3
    assert name(SOON, END, features=("close_position",)) == name() == ""


def audit(bars: Bars, news: tuple[NewsEvent, ...], *features: Feature) -> AuditReport:
    return audit_lookahead(
        bars,
        mgc(),
        LabelSpec(),
        features,
        first=date(2024, 3, 1),
        last=date(2024, 3, 29),
        decisions=24,
        news=news,
    )


@pytest.mark.parametrize("news", [made_news(FIRST, LAST, 3), (SOON, END)], ids=["made", "two"])
def test_the_audit_passes_the_shipped_features_of_news(
    bars: Bars, news: tuple[NewsEvent, ...]
) -> None:
    report = audit(bars, news, *CATALOGUE.select(("close_position", *NAMES)))
    assert report.clean, [str(leak) for leak in report.leaks[:5]]
    assert report.never_seen == ()


def on_record_whenever_known(view: View) -> NDArray[np.float64]:
    """The mistake: known_since is ignored."""
    return replace(view.news, begin=np.full_like(view.news.begin, -1)).minutes_to_next()


def cancelled_as_known_today(view: View) -> NDArray[np.float64]:
    """The mistake: a later cancellation is known before."""
    last = view.news.end == np.iinfo(np.int64).max
    return replace(view.news, end=np.where(last, view.news.end, 0)).minutes_to_next()


def end_of_the_calendar(view: View) -> NDArray[np.float64]:
    """The mistake: the calendar's reach is used, which became known only later."""
    furthest = view.news.minute.max(initial=0)
    return np.full(len(view), furthest, np.float64) - view.decision


@pytest.mark.parametrize(
    "leak", [on_record_whenever_known, cancelled_as_known_today, end_of_the_calendar]
)
@pytest.mark.parametrize("news", [made_news(FIRST, LAST, 3), (SOON, END)], ids=["made", "two"])
def test_the_audit_catches_news_that_was_not_known(
    bars: Bars, news: tuple[NewsEvent, ...], leak: object
) -> None:
    name = leak.__name__  # type: ignore[attr-defined]
    planted = Feature(name, "planted", "a leak", "", False, leak, news=True)  # type: ignore[arg-type]
    report = audit(bars, news, *CATALOGUE.select(NAMES), planted)
    assert report.leaking == (name,)
    assert {one.trick for one in report.leaks} <= {"news deleted", "news scrambled"}


def test_a_feature_reads_news_only_if_declared_and_only_where_loaded(bars: Bars) -> None:
    def undeclared(view: View) -> NDArray[np.float64]:
        return view.news.minutes_to_next()

    planted = Feature("undeclared", "planted", "", "", categorical=False, compute=undeclared)
    for features in ((planted,), (*CATALOGUE.select(NAMES), planted)):
        with pytest.raises(NewsNotDeclaredError, match=r'feature\("...", news=True\)'):
            assemble(
                bars, mgc(), LabelSpec(), first=FIRST, last=LAST, features=features, news=(END,)
            )
    with pytest.raises(NewsNotReadError):
        assemble(
            bars, mgc(), LabelSpec(), first=FIRST, last=LAST, features=CATALOGUE.select(NAMES)
        )
