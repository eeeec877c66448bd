"""A study's report starts with what was shown, is complete, and shows no doubt as proof."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from ml_core.evidence.calibration_check import CalibrationCheck
from ml_core.evidence.comparison import Change, Comparison, YearChange
from ml_core.evidence.evaluation import Evaluation, NotAnEvaluationError
from ml_core.evidence.intervals import Interval
from ml_core.evidence.promotion.evidence import Condition, Evidence
from ml_core.evidence.promotion.rule import decide
from ml_core.evidence.promotion.trial_cost import trial_cost
from monitoring.pages.document import to_html
from monitoring.pages.study_report import study_report
from tests.monitoring.pages.outline import read
from tests.monitoring.studies import SETTINGS, study, without_figures

GAIN = Interval(-0.01, -0.015, -0.005, 4000, 1300, 0.0025)
AGAINST_CORRIDOR = Comparison(
    against="corridor",
    rows=4000,
    days=1300,
    changes=(Change("log_loss", True, GAIN), Change("brier", True, GAIN)),
    years=(YearChange(year="2023", interval=GAIN),),
    seeds=(-0.0101, -0.0099, -0.0102),
    e_value=4321.0,
    e_worse=0.01,
)
CALIBRATED = CalibrationCheck(rows=4000, ece=0.012, by_chance=0.011, at_most=0.03)
PROVEN = Evidence(
    recipe="residual",
    recipe_hash="ab" * 32,
    comparisons=(AGAINST_CORRIDOR,),
    against_wanted=("corridor",),
    calibration=CALIBRATED,
    lookahead_clean=True,
    signal_found=True,
    trials=3,
    net_r=Interval(-0.1, -0.2, 0.0, 400, 300, 0.05),
    trades=400,
)


def page(changed: dict[str, Any] | None = None, **more: Any) -> str:
    evaluation = Evaluation.from_json(changed or study())
    return to_html(study_report(evaluation, **{"settings": SETTINGS, **more}))


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the drawing in tests of words."""
    monkeypatch.setattr("monitoring.pages.study_report.study_charts", lambda _: ())


def text_of(changed: dict[str, Any] | None = None, **more: Any) -> str:
    """Return the page's text, with plain hyphens as minuses."""
    return "\n".join(read(page(changed, **more)).text).replace("\N{MINUS SIGN}", "-")


def states(written: str) -> dict[str, str]:
    """Return each condition's state class, which sets its colour."""
    row = r'<th scope="row">([^<]*)</th><td data-label="state"><span class="state (\w+)">([^<]*)<'
    return {name: f"{state}: {words}" for name, state, words in re.findall(row, written)}


def test_the_verdict_is_the_first_thing_on_the_page() -> None:
    figures = study()

    words = [part for part in read(page(figures)).text if part.strip()]

    headline, _, detail = figures["verdict"].partition(": ")
    assert words[2] == headline + "."
    assert words[3].lower() == detail.lower()


def test_the_page_is_whole_in_itself() -> None:
    written = page(decision=decide(PROVEN), made_at=datetime(2024, 7, 1, tzinfo=UTC))

    assert "http" not in written
    assert "@import" not in written
    assert not re.search(r"\b(src|href)=\"(?!#)", written.replace("xlink:href", "href"))
    assert {"script", "link", "iframe", "img"}.isdisjoint(read(written).tags)
    assert "prefers-color-scheme: dark" in written
    assert "made 2024-07-01 00:00 UTC" in written


def test_the_same_inputs_give_the_same_page() -> None:
    assert page(decision=decide(PROVEN)) == page(decision=decide(PROVEN))


def test_ids_on_the_page_do_not_meet() -> None:
    ids = re.findall(r'\bid="([^"]*)"', page())

    assert len(ids) == len(set(ids))


@pytest.mark.usefixtures("without_pictures")
def test_every_fold_year_side_and_range_is_shown() -> None:
    figures = study()
    names = [
        group["name"] for part in ("by_fold", "by_year", "by_range") for group in figures[part]
    ]

    written = page(figures)

    assert len(figures["by_fold"]) > 2
    assert all(f'<th scope="row">{name}</th>' in written for name in names)
    assert "broke up, long" in written
    assert "broke down, short" in written


@pytest.mark.usefixtures("without_pictures")
def test_direction_is_not_scored_within_a_side() -> None:
    figures = study()
    for side in figures["by_side"]:
        side["difference"]["corridor"]["log_loss"]["estimate"] = 0.98765

    assert "0.9877" not in page(figures)


@pytest.mark.parametrize("more", [{}, {"seeds": [None, float("nan")], "power": {"rows": None}}])
def test_an_unknown_figure_is_shown_as_not_known(more: dict[str, Any]) -> None:
    text = text_of(without_figures(study()), settings={}, **more)

    assert text.count("not known") > 20
    assert not re.search(r"\b(nan|None|inf)\b", text)


@pytest.mark.usefixtures("without_pictures")
def test_a_part_of_few_rows_is_too_few_to_judge() -> None:
    figures = study()
    before = text_of(figures).count("too few to judge")
    figures["by_year"][0]["rows"] = 29
    figures["by_year"][0]["every_break"]["trades"] = 29

    assert text_of(figures).count("too few to judge") == before + 2


def test_what_others_wrote_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    figures = study()
    figures["verdict"] = figures["summary"]["market"] = evil
    for part in ("by_fold", "by_year", "by_range", "by_side"):
        figures[part][0]["name"] = evil
    wrong = Condition(name=evil, status="fails", words=evil, figures={evil: evil})
    decision = replace(decide(PROVEN), verdict=evil, conditions=(wrong,))

    written = page(
        figures, settings={"recipe": evil, "more": evil}, decision=decision, not_judged=(evil,)
    )

    assert "<script" not in written
    read(written)


@pytest.mark.usefixtures("without_pictures")
def test_every_condition_is_shown_with_its_state() -> None:
    unsure = replace(PROVEN, calibration=replace(CALIBRATED, ece=0.2), signal_found=None)
    decision = decide(unsure)

    written = page(decision=decision)

    printed = states(written)
    expected = {
        condition.name: condition.status for condition in (*decision.conditions, decision.trading)
    }
    assert {name: words.partition(":")[0] for name, words in printed.items()} == expected
    assert printed["calibration"] == "fails: \N{MULTIPLICATION SIGN} fails"
    assert printed["injected signal"] == "unknown: ? not known"
    assert printed["look-ahead audit"] == "holds: ✓ holds"
    assert "calibration error 0.200, at most 0.030 with 4,000 breaks" in written


@pytest.mark.usefixtures("without_pictures")
def test_a_study_of_before_the_limit_by_rows_says_that_it_is_not_known() -> None:
    former = study()
    for forecaster in ("model", "corridor", "majority"):
        del former["directional"][forecaster]["ece_at_most"]

    text = "\n".join(read(page(former)).text)

    row = "calibration error allowed with so many rows"
    assert text.partition(row)[2].split("\n")[1:4] == ["not known"] * 3
    assert text.count(row) == 2  # direction, and target before stop


@pytest.mark.usefixtures("without_pictures")
def test_no_state_but_holding_is_shown_as_holding() -> None:
    decision = decide(PROVEN)
    conditions = tuple(replace(condition, status="unknown") for condition in decision.conditions)

    printed = states(page(decision=replace(decision, conditions=conditions)))

    assert {printed[condition.name] for condition in conditions} == {"unknown: ? not known"}


@pytest.mark.usefixtures("without_pictures")
def test_figures_that_a_sentence_leaves_out_stand_below_it() -> None:
    text = text_of(decision=decide(PROVEN))

    assert "log loss change, corridor: -0.0101, -0.0099, -0.0102" in text
    assert "corridor 2023: -0.0100" in text
    assert "e values, corridor: 4.32e+03" in text
    assert "log loss changes by -0.0100, 95 % interval -0.0150 to -0.0050" in text


@pytest.mark.usefixtures("without_pictures")
def test_a_minus_is_a_minus_and_a_date_keeps_its_dashes() -> None:
    decision = replace(decide(PROVEN), verdict="2024-07-01: -0.5 R with plain-lightgbm")

    assert "2024-07-01: \N{MINUS SIGN}0.5 R with plain-lightgbm" in page(decision=decision)


@pytest.mark.usefixtures("without_pictures")
def test_a_decision_with_figures_that_are_not_numbers_can_be_shown() -> None:
    nothing = Interval(np.nan, np.nan, np.nan, 0, 0)
    lost = replace(
        AGAINST_CORRIDOR,
        changes=(Change("log_loss", True, nothing),),
        seeds=(np.nan, np.nan, np.nan),
        e_value=float("nan"),
    )
    unknown = replace(
        PROVEN, comparisons=(lost,), calibration=replace(CALIBRATED, ece=np.nan), net_r=nothing
    )

    written = page(decision=decide(unknown))

    assert not re.search(r"\bnan\b", "\n".join(read(written).text))
    assert states(written)["valid at any look"] == "unknown: ? not known"


@pytest.mark.usefixtures("without_pictures")
def test_without_a_decision_none_is_claimed() -> None:
    text = text_of()

    assert "No decision was made from this study" in text
    assert "holds" not in text


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        (None, "not known"),
        ([-0.01, -0.02], "-0.0100, -0.0200: all better than the corridor"),
        ([-0.01, 0.02], "-0.0100, +0.0200: they do not all beat the corridor"),
        ([-0.01, None], "-0.0100, not known: some unknown, so agreement is not shown"),
        ([-0.01], "-0.0100: one alone shows no agreement"),
    ],
)
def test_seeds_agree_only_when_all_are_known_and_better(
    seeds: list[float | None] | None, words: str
) -> None:
    assert words in text_of(seeds=seeds)


@pytest.mark.usefixtures("without_pictures")
def test_the_report_states_how_it_was_made_and_what_was_not_judged() -> None:
    figures = study()
    power = {"rows": 1200, "needed": 1570, "gain": 0.01, "power": 0.8}
    cost = trial_cost(17, 1)

    text = text_of(figures, not_judged=("2021Q2", "2021Q3"), cost=cost, power=power)

    assert f"{len(figures['by_fold'])} quarters; the recipe is trained again" in text
    assert "the latest 24 months before the fold" in text
    assert "1 day between training, calibrating and judging" in text
    assert "2021-10-01 to the last there is" in text
    assert "2021Q2, 2021Q3: too little history before to train on" in text
    assert f"{cost.words}; this one is included" in text
    assert "1,200 breaks judged, 1,570 needed by the whole rule to find a gain of 0.01" in text
    assert "370 more are needed" in text


@pytest.mark.usefixtures("without_pictures")
def test_settings_are_shown_as_a_person_would_write_them() -> None:
    more = {"seeds": [7, 8], "fractions": (), "audited": True, "note": None, "folds": ["hidden"]}

    text = text_of(settings={**SETTINGS, **more})

    assert "seeds\n7, 8\n" in text
    assert "audited\nyes\n" in text
    assert "note\nnot known" in text
    assert "hidden" not in text


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("counts", "words"),
    [(True, "yes: the recipe's own walk"), (False, "no: a period"), (None, "not known")],
)
def test_a_study_picked_by_hand_is_marked_as_not_counting(counts: bool | None, words: str) -> None:
    assert f"counts for a promotion\n{words}" in text_of(settings={**SETTINGS, "counts": counts})
    assert "counts for a promotion" not in text_of()


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    "term", ["Walk-forward", "Fold", "Purge", "Embargo", "e-value", "Trials paid for", "Log loss"]
)
def test_the_terms_of_a_study_are_explained(term: str) -> None:
    assert f"<dt>{term}</dt>" in page()


def test_a_missing_part_is_named_and_nothing_is_written() -> None:
    figures = study()
    del figures["by_fold"][1]["followed"]

    with pytest.raises(NotAnEvaluationError, match=r"by_fold\.1\.followed: field required"):
        page(figures)


def test_a_study_of_one_fold_can_be_reported() -> None:
    text = text_of({**study(), "by_fold": []})

    assert "1 quarter; the recipe" in text
    assert "one fold" in text
