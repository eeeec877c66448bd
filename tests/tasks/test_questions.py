"""Every distinct question asked of a family's unseen rows counts once, and has a cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from ml_core.features.all import CATALOGUE
from ml_core.learning.recipe import Recipe
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market
from ml_core.ranges.label_spec import LabelSpec
from registry.database import Database, open_database
from registry.studies.trials import TrialRecord, count_trials, record_trial
from tasks.training import questions
from tasks.training.questions import QuestionScope, hash_of_first_days, trial_of
from tests.ml_core.builders import bars_of, bars_of_contracts, flat_day, mgc, nq

AT = datetime(2024, 6, 1, tzinfo=UTC)
RECIPE = Recipe(name="idea", kind="residual")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'orbcast.sqlite'}")
    yield opened
    opened.close()


def ask(database: Database, market: Market, recipe: Recipe = RECIPE, bars: str = "vendor") -> bool:
    """Record a study's question; return whether it was new."""
    of = QuestionScope(market, MarketDefinition.of(market).hash, bars)
    trial = trial_of(of, recipe, AT, study="s", score=0.6, state="complete")
    return record_trial(database, trial)


def question_scope(database: Database, market: Market) -> int:
    return count_trials(database, market.symbol, market.trial_family).questions


def with_range(market: Market, minute: int) -> Market:
    first, *others = market.ranges
    other_start = first.model_copy(update={"start": time(9, minute)})
    return market.model_copy(update={"ranges": (other_start, *others)})


def test_fifty_times_of_a_range_are_fifty_questions_and_each_counts_once(
    database: Database,
) -> None:
    for is_new in (True, False):
        new = [ask(database, with_range(mgc(), minute)) for minute in range(50)]
        assert new == [is_new] * 50

    assert question_scope(database, mgc()) == 50


def test_fifty_labels_are_fifty_questions(database: Database) -> None:
    for number in range(50):
        label = LabelSpec(rr=1 + number / 10)
        ask(database, mgc(), RECIPE.model_copy(update={"label": label}))

    assert question_scope(database, mgc()) == 50


def test_fifty_choices_of_features_are_fifty_questions(database: Database) -> None:
    for number in range(50):
        chosen = CATALOGUE.names()[: number + 1]
        ask(database, mgc(), RECIPE.model_copy(update={"features": chosen}))

    assert question_scope(database, mgc()) == 50


def test_fifty_ways_to_compute_one_feature_are_fifty_questions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        monkeypatch.setattr(questions, "code_hash", lambda number=number: f"edit {number}")
        assert ask(database, mgc())
        assert not ask(database, mgc())

    assert question_scope(database, mgc()) == 50


def test_bars_of_another_source_are_another_question_and_those_of_tomorrow_are_not(
    database: Database,
) -> None:
    days = [flat_day(f"2024-01-{day:02}") for day in range(1, 29)]
    later = [flat_day("2024-03-01"), flat_day("2024-03-04")]
    beginning = hash_of_first_days(bars_of([*days, *later]))
    other = hash_of_first_days(bars_of([flat_day("2024-01-01", price=19999), *days[1:], *later]))

    assert beginning == hash_of_first_days(bars_of([*days, *later, flat_day("2024-06-03")]))
    rolled = bars_of_contracts({"MGCG4": [*days, *later], "MGCA4": [flat_day("2024-06-03")]})
    assert beginning == hash_of_first_days(rolled)
    assert ask(database, mgc(), bars=beginning)
    assert not ask(database, mgc(), bars=beginning)
    assert ask(database, mgc(), bars=other)
    assert question_scope(database, mgc()) == 2


def test_what_changes_no_answer_is_no_other_question(database: Database) -> None:
    ask(database, mgc())

    assert not ask(database, mgc().model_copy(update={"name": "Gold", "family": "METALS"}))
    assert not ask(database, mgc(), RECIPE.model_copy(update={"about": "in other words"}))


def test_markets_of_one_product_pay_for_one_another_and_others_share_the_budget(
    database: Database,
) -> None:
    gold = mgc().model_copy(update={"symbol": "GC", "contract_pattern": r"GC[GJMQVZ]\d{1,2}"})
    copied = mgc().model_copy(update={"symbol": "GOLD15"})  # reads the contracts of MGC
    for market in (mgc(), gold, copied):
        assert market.trial_family == "GC"
        ask(database, market)

    assert question_scope(database, gold) == question_scope(database, copied) == 3
    assert count_trials(database, "MGC", "GC").markets == ("GC", "GOLD15", "MGC")
    assert count_trials(database, "MGC", "GC").families == 1

    ask(database, nq())
    assert count_trials(database, "MGC", "GC").families == 2
    assert question_scope(database, mgc()) == 3
    assert question_scope(database, nq()) == 1


def test_the_market_s_own_questions_count_whatever_family_its_file_names_now(
    database: Database,
) -> None:
    ask(database, mgc())

    assert question_scope(database, mgc().model_copy(update={"family": "metals"})) == 1


def test_the_question_that_is_judged_counts_before_it_is_on_record(database: Database) -> None:
    ask(database, mgc())

    assert count_trials(database, "MGC", "GC", asking="another").questions == 2


def test_trials_of_before_questions_were_kept_count_as_they_did(database: Database) -> None:
    def tried(market: str, recipe_hash: str, market_hash: str, state: str) -> None:
        record_trial(
            database,
            TrialRecord(
                market=market,
                recipe_hash=recipe_hash,
                market_hash=market_hash,
                study="by hand",
                recipe="r",
                values={},
                score=None,
                state=state,
                at=AT,
            ),
        )

    for state in ("begun", "complete"):
        tried("MGC", "a", "", state)
    tried("MGC", "a", "m", "complete")
    tried("GC", "a", "", "complete")
    tried("NQ", "a", "", "complete")

    assert count_trials(database, "MGC").questions == 3
    assert count_trials(database, "MGC").families == 2
    ask(database, mgc())
    assert question_scope(database, mgc()) == 4
