"""A model card starts with what was shown, marks simulated data, and escapes everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ml_core.evidence.evaluation import Evaluation, NotAnEvaluationError
from ml_core.evidence.rule_power import rows_for_rule
from monitoring.pages.document import to_html, to_markdown
from monitoring.pages.model_card.facts import CardDecision, CardFacts, CardPower, CardStudy
from monitoring.pages.model_card.page import model_card
from tests.monitoring.figures import evaluation, trained
from tests.monitoring.pages.outline import read

HOSTILE = "<script>alert(1)</script>|[a](javascript:b)\n# X"


def facts(**changed: Any) -> CardFacts:
    default = CardFacts(
        market="TST",
        version="20231229-abc",
        model="residual-mirrored",
        kind="residual",
        about="Three small models.",
        standing=("It has been champion since 2024-01-01, by me: because.",),
        evaluation=Evaluation.from_json(evaluation()),
        trained=trained(),
        importance={"directional": {"close_position": 0.7, "gone_feature": 0.3}},
        recipe={"features": "all", "window": "expanding", "seed": 7},
        hashes={"bars": "f" * 64},
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        expires_at=datetime(2024, 2, 15, tzinfo=UTC),
        power=CardPower(rows=120, needed=rows_for_rule(0.01), findable=0.131),
    )
    if "evaluation" in changed:
        changed["evaluation"] = Evaluation.from_json(changed["evaluation"])
    return replace(default, **changed)


def card_markdown(card_facts: CardFacts) -> str:
    return to_markdown(model_card(card_facts))


def card_page(card_facts: CardFacts) -> str:
    return to_html(model_card(card_facts, full=True))


def test_the_verdict_stands_before_every_figure() -> None:
    text = card_markdown(facts())

    verdict = evaluation()["verdict"].partition(":")[0]
    assert text.splitlines()[2].startswith(f"**{verdict}")
    assert text.index(verdict) < text.index("| accuracy")


def test_every_metric_stands_beside_corridor_and_majority() -> None:
    text = card_markdown(facts())

    assert "| model | corridor | majority | model less corridor |" in text
    assert all(f"| {name}" in text for name in ("accuracy", "log loss", "Brier score", "AUC"))


def test_a_simulated_market_is_named_as_one_before_any_claim() -> None:
    text = card_markdown(facts(simulated=True))

    assert text.startswith("# TST · residual-mirrored · 20231229-abc · simulated market")
    assert text.index("no figure here is evidence about a real market") < text.index("## ")
    assert "simulated" not in card_markdown(facts())


def test_too_few_rows_are_stated_with_the_effect_they_could_have_detected() -> None:
    few = card_markdown(facts())
    enough = CardPower(rows=9000, needed=rows_for_rule(0.01), findable=0.008)

    assert "a smaller one could exist and not show" in few
    assert "That is enough" in card_markdown(facts(power=enough))


def test_without_a_study_or_a_live_record_it_says_so_and_what_to_run() -> None:
    text = card_markdown(facts())

    assert "orbcast evaluate residual-mirrored" in text
    assert "not a live record" in text


def test_a_study_that_does_not_count_is_marked_as_such() -> None:
    figures = evaluation()
    study = CardStudy(
        verdict=figures["verdict"],
        at=datetime(2024, 1, 1, tzinfo=UTC),
        counts=False,
        current=False,
        first_day=figures["summary"]["first_day"],
        last_day=figures["summary"]["last_day"],
        breaks=figures["summary"]["breaks"],
        directional=Evaluation.from_json(figures).directional,
    )

    text = card_markdown(facts(study=study))

    assert "does not count for a promotion" in text
    assert "made by other code" in text


def test_the_page_is_whole_in_itself_and_holds_every_figure() -> None:
    page = card_page(facts())

    outline = read(page)
    assert outline.tags.count("svg") >= 5
    assert not {"script", "link", "img", "iframe"} & set(outline.tags)
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_same_facts_give_the_same_bytes() -> None:
    assert card_page(facts()) == card_page(facts())


def test_whatever_a_name_or_a_reason_holds_is_text() -> None:
    hostile = facts(
        about=HOSTILE,
        standing=(HOSTILE,),
        importance={"directional": {HOSTILE: 1.0}},
        hashes={HOSTILE: HOSTILE},
        decisions=[
            CardDecision(at=datetime(2024, 1, 1, tzinfo=UTC), kind=HOSTILE, verdict=HOSTILE)
        ],
    )

    text, page = card_markdown(hostile), card_page(hostile)

    assert "script" not in read(page).tags
    outside_code = "".join(text.split("`")[::2])
    assert "<script" not in outside_code.replace("\\<script", "")
    assert "\n# X" not in text
    assert "[a](" not in outside_code.replace("\\[a\\](", "")


def test_what_is_no_evaluation_is_refused() -> None:
    with pytest.raises(NotAnEvaluationError, match="verdict"):
        card_markdown(facts(evaluation={"summary": {}}))


def test_a_baseline_claims_nothing() -> None:
    text = card_markdown(facts(kind="baseline", importance={}))

    assert "A baseline claims no skill" in text
    assert "uses only the position of the close" in text


def test_the_sealed_card_states_only_what_the_files_contain() -> None:
    sealed = card_markdown(facts(created_at=None, expires_at=None, novelty=None, standing=()))

    assert sealed.startswith("# TST · residual-mirrored")
    assert "| accuracy" in sealed
    for later in (
        "orbcast evaluate",
        "not a live record",
        "may predict until",
        "| made |",
        "abstains",
    ):
        assert later not in sealed
        assert later in card_markdown(facts(novelty=True))


def test_what_a_model_learned_stands_beside_its_baseline() -> None:
    learned = {
        "learned": True,
        "rounds": 4,
        "rows": 1234,
        "stopping_loss_model": 0.68,
        "stopping_loss_baseline": 0.69,
    }

    text = card_markdown(facts(trained={**trained(), "models": {"directional": learned}}))

    assert "4 small trees on 1,234 rows" in text
    assert "0.6800 against the baseline's 0.6900" in text


@pytest.mark.parametrize(
    ("kind", "hashes", "knows"),
    [
        ("residual", {"bars": "f" * 64}, "only: no news, no order book"),
        ("residual", {"bars": "f" * 64, "news": "e" * 64}, "the times of scheduled news"),
        ("baseline", {"bars": "f" * 64, "news": "e" * 64}, "only: no news, no order book"),
    ],
)
def test_a_card_says_whether_the_version_knows_when_news_comes(
    kind: str, hashes: dict[str, str], knows: str
) -> None:
    (line,) = [
        line
        for line in card_markdown(facts(kind=kind, hashes=hashes)).splitlines()
        if "It uses bars of one minute" in line
    ]
    assert knows in line


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("all", "all of the catalogue"),
        (["body", "weekday"], "2 named ones"),
        (["all", "minutes_to_news"], "1 named ones beside all of the catalogue"),
    ],
)
def test_a_card_says_how_many_features_the_recipe_names(named: object, words: str) -> None:
    assert f"| {words} |" in card_markdown(facts(recipe={"features": named}))
