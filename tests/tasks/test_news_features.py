"""A recipe that learns from news: refused without, named by its news, live as in training."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ml_core.decision.decide import logged_features
from ml_core.learning.data_fingerprint import parts_of
from ml_core.learning.recipe import Recipe
from ml_core.market.news import NewsEvent
from registry.news import EVERY_MARKET, record_news
from registry.studies.trials import count_trials
from tasks.health.market_overview import market_overview_of, problems_of
from tasks.health.parity import audit_parity
from tasks.prediction.predict import predict_slot
from tasks.prediction.slots import slots_between
from tasks.settings import Settings, current_settings, now
from tasks.training.lookahead import audit_recent
from tasks.training.questions import question_hash
from tasks.training.retrain.artifact import about_the_bars
from tasks.training.train import Material, NoNewsError, gather, train_version

NEWS = ("minutes_to_news", "minutes_since_news", "news_before_session_end")
RECIPE = Recipe.model_validate(
    {
        "name": "with-news",
        "kind": "residual",
        "features": ["close_position", *NEWS],
        **{name: {"max_rounds": 3} for name in ("directional", "quality", "r_multiple")},
    }
)
PUBLISHED = datetime(2023, 10, 1, tzinfo=UTC)
DAY = date(2024, 11, 20)
DAYS = timedelta(days=40)
WEEKLY = tuple(
    NewsEvent(
        market=EVERY_MARKET,
        time=datetime(2024, 1, 3, 13, 30, tzinfo=UTC) + timedelta(weeks=week),
        name="Jobless claims",
        importance="medium" if week % 3 else "high",
        known_since=PUBLISHED,
    )
    for week in range(50)
)
RECORDED_LATE = replace(WEEKLY[40], time=datetime(2024, 11, 19, 23, 30, tzinfo=UTC), name="Speech")
"""00:30 on 20 November in Brisbane; recorded long after as published in 2023."""


@pytest.fixture
def settings(own: Path) -> Settings:
    del own
    return current_settings()


def material_of(recipe: Recipe = RECIPE) -> Material:
    return gather.fn("mgc", recipe, None, None, now())


def record(settings: Settings, *news: NewsEvent) -> None:
    record_news(settings.database(), news, "calendar.toml", now())


def test_a_recipe_of_news_is_refused_where_no_decision_knew_of_any(settings: Settings) -> None:
    with pytest.raises(NoNewsError, match="there is no scheduled news of MGC on record") as caught:
        material_of()
    assert str(caught.value).startswith(f"recipe with-news learns from {', '.join(NEWS)}, and")
    assert "orbcast events import FILE" in str(caught.value)
    record(settings, *(replace(event, known_since=now()) for event in WEEKLY))
    with pytest.raises(NoNewsError, match=r"on record \(50\) nothing was known at any of the 1,"):
        material_of()


def test_news_changes_nothing_for_a_recipe_that_does_not_ask_for_it(settings: Settings) -> None:
    shipped = settings.recipe("residual-mirrored")
    before = material_of(shipped)
    record(settings, *WEEKLY, RECORDED_LATE)
    after = material_of(shipped)
    assert about_the_bars(after) == about_the_bars(before)
    assert after.fingerprint == before.fingerprint
    assert after.question_scope == before.question_scope
    assert after.audit == before.audit
    assert after.assembly.dataset.feature_names == before.assembly.dataset.feature_names


def test_a_version_is_named_by_its_news_and_predicts_as_it_learned(settings: Settings) -> None:
    record(settings, *WEEKLY)
    material = material_of()
    trained = train_version.fn(material, RECIPE, now())
    assert list(parts_of(material.fingerprint)) == ["bars", "news"]
    assert material.audit.clean
    data = material.assembly.dataset
    with_news = np.isfinite(data.column("minutes_since_news")).sum()
    words = f"known at {with_news:,} of {len(data):,} decisions, since {data.trading_day[0]}"
    assert about_the_bars(material)["Scheduled news"] == words
    settings.models().set_alias(
        "MGC", "champion", trained.version, at=now(), by="test", reason="asked"
    )
    for slot in slots_between(settings.market("mgc"), DAY, DAY):
        champion = predict_slot.fn("mgc", slot, "replay").champion
        assert champion is not None
        assert champion.version == trained.version
        (row,) = [
            row
            for row in range(len(data))
            if data.trading_day[row].item() == DAY
            and data.opening_range[row] == slot.opening_range
        ]
        assert champion.features == logged_features(data.rows(slice(row, row + 1)))
        assert champion.features["minutes_to_news"] is not None
    # news recorded later as known before: logged rows remain explained
    record(settings, RECORDED_LATE)
    report = audit_parity.fn("mgc", DAY, DAY, now(), "replay")
    assert report.same == report.compared > 0
    calendar_ends(settings)
    folder = settings.models().find("MGC", trained.version).folder
    card = (folder / "model_card.md").read_text("utf-8")
    assert "the times of scheduled news" in card
    assert "no news, no order book" not in card


def calendar_ends(settings: Settings) -> None:
    """The version that serves learned from news: a status from a week before its end says so."""
    end = WEEKLY[-1].time
    for before, warns in ((timedelta(days=8), False), (timedelta(days=6), True), (-DAYS, True)):
        problems = problems_of(market_overview_of(settings, "mgc", end - before))
        warnings = [line for line in problems if "the calendar of news ends 2024-12-11" in line]
        assert bool(warnings) is warns
        assert all("`orbcast events import FILE`" in line for line in warnings)


@pytest.mark.slow
def test_past_news_listed_anew_is_other_data_and_another_question(settings: Settings) -> None:
    record(settings, *WEEKLY)
    first = material_of()
    record(settings, replace(WEEKLY[0], time=now() + timedelta(days=30), known_since=now()))
    tomorrow = material_of()
    assert tomorrow.fingerprint == first.fingerprint, "nobody could know it on these days"
    record(settings, RECORDED_LATE)
    again = material_of()
    assert parts_of(again.fingerprint)["bars"] == parts_of(first.fingerprint)["bars"]
    assert again.fingerprint != first.fingerprint
    questions = [
        question_hash(one.question_scope, RECIPE.hash) for one in (first, tomorrow, again)
    ]
    assert questions[0] == questions[1] != questions[2]
    assert count_trials(settings.database(), "MGC").questions > 0


def test_the_nightly_audit_looks_at_features_of_news_where_there_is_a_calendar(
    settings: Settings,
) -> None:
    without = audit_recent.fn("mgc", now())
    record(settings, *WEEKLY)
    with_news = audit_recent.fn("mgc", now())
    assert without.never_seen is None
    assert with_news.features == without.features + 4
    assert with_news.clean
