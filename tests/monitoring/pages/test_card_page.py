"""The page of a model card starts with what was shown, and never claims more."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from ml_core.evidence.evaluation import Evaluation, NotAnEvaluationError, NoTrades, Trades, Trading
from ml_core.evidence.intervals import Interval
from monitoring.pages.document import to_html
from monitoring.pages.findings import finding, label_words, money, recovered
from monitoring.pages.model_card.page import model_card
from tests.monitoring.figures import TRUTH, evaluation, trained
from tests.monitoring.pages.outline import read
from tests.monitoring.pages.test_model_card import facts
from tests.monitoring.test_performance import row as scored

IMPORTANCE = {
    "directional": {"close_position": 0.7, "gone_feature": 0.3},
    "quality": {"side": 1.0},
}


def report(
    changed: dict[str, Any] | None = None, made_at: datetime | None = None, **more: Any
) -> str:
    values = {"evaluation": changed or evaluation(), "importance": IMPORTANCE, **more}
    return to_html(model_card(facts(**values), made_at=made_at, full=True))


def with_change(low: float | None, high: float | None, estimate: float = 0.1) -> dict[str, Any]:
    figures = evaluation()
    change = figures["directional"]["difference"]["corridor"]["log_loss"]
    change.update(low=low, high=high, estimate=estimate)
    return figures


def test_the_verdict_is_the_first_thing_on_the_page() -> None:
    figures = evaluation()

    words = [part for part in read(report(figures)).text if part.strip()]

    headline, _, detail = figures["verdict"].partition(": ")
    assert words[2] == headline + "."
    assert words[3].lower() == detail.lower()


def test_the_page_is_whole_in_itself() -> None:
    page = report(truth=TRUTH, made_at=datetime(2024, 7, 1, 12, 30, tzinfo=UTC))

    assert "http" not in page
    assert "@import" not in page
    assert not re.search(r"\b(src|href)=\"(?!#)", page.replace("xlink:href", "href"))
    assert {"script", "link", "iframe", "img"}.isdisjoint(read(page).tags)


def test_the_page_turns_dark_with_the_reader() -> None:
    assert "prefers-color-scheme: dark" in report()


def test_the_same_inputs_give_the_same_page() -> None:
    assert report() == report()


def test_what_others_wrote_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    figures = evaluation()
    figures["verdict"] = figures["summary"]["market"] = evil
    figures["by_range"][0]["name"] = "<i>"

    page = report(
        figures,
        market=evil,
        standing=(evil,),
        bars={evil: evil},
        recent=[scored(opening_range=evil, status="abstained", reason=evil)],
    )

    assert "<script" not in page
    assert "<i>" not in page
    read(page)


def test_baselines_stand_beside_the_model_with_their_intervals() -> None:
    figures = evaluation()

    text = "".join(read(report(figures)).text)

    for forecaster in ("model", "corridor", "majority"):
        span = figures["directional"]["interval"][forecaster]["accuracy"]
        low, high = 100 * span["low"], 100 * span["high"]
        assert f"{low:.1f}\N{EN DASH}{high:.1f}" in text


def test_a_missing_figure_is_named_and_nothing_is_written() -> None:
    figures = evaluation()
    del figures["directional"]["corridor"]
    del figures["trading"]["followed"]["trades"]

    with pytest.raises(NotAnEvaluationError) as caught:
        report(figures)

    assert "directional.corridor: field required, trading.followed" in str(caught.value)


def test_unknown_figures_are_shown_as_not_known() -> None:
    figures = with_change(None, None)
    figures["directional"]["model"]["auc"] = None

    text = "".join(read(report(figures)).text)

    assert "not known" in text
    assert "nan" not in text.lower()
    assert "None" not in text


@pytest.mark.parametrize(
    ("low", "high", "estimate", "expected"),
    [
        (-0.02, -0.01, -0.015, "better"),
        (0.01, 0.02, 0.015, "worse"),
        (-0.01, 0.01, 0.001, "none"),
        (-0.02, 0.0, -0.01, "none"),
        (0.0, 0.0, 0.0, "same"),
        (None, None, 0.0, "none"),
    ],
)
def test_skill_is_shown_only_by_an_interval_wholly_below_zero(
    low: float | None, high: float | None, estimate: float, expected: str
) -> None:
    assert finding(Evaluation.from_json(with_change(low, high, estimate))) == expected


def net(estimate: float, low: float, high: float, trades: int = 90) -> Trades:
    r = Interval(estimate, low, high, trades, trades)
    return Trades(trades=trades, hit_rate=0.5, gross_r=r, net_r=r, drawdown_r=1.0)


def test_a_gain_whose_interval_holds_zero_is_called_unshown() -> None:
    words = money(
        Trading(recommended=12, every_break=net(-0.2, -0.3, -0.1), followed=net(0.1, -0.1, 0.3))
    )

    assert "Taking every break lost 0.20 R a trade" in words
    assert "brought 0.10 R a trade" in words
    assert words.count("neither a gain nor a loss is shown") == 1


def test_a_few_lucky_trades_are_no_evidence_whatever_their_interval() -> None:
    lucky = net(0.95, 0.95, 0.95, trades=1)

    words = money(Trading(recommended=2, every_break=net(-0.2, -0.3, -0.1), followed=lucky))

    assert "over one trade: too few to judge" in words
    assert "interval +0.95" not in words


def test_no_recommendation_is_stated_in_words() -> None:
    every, none = net(-0.2, -0.3, -0.1), NoTrades(trades=0)

    assert "recommended no trade at all" in money(
        Trading(recommended=0, every_break=every, followed=none)
    )
    assert "None of its 3 recommendations became a trade" in money(
        Trading(recommended=3, every_break=every, followed=none)
    )


def test_the_share_of_the_known_gain_is_counted_from_the_corridor() -> None:
    figures = evaluation()
    figures["directional"]["corridor"]["log_loss"] = 0.58
    figures["directional"]["model"]["log_loss"] = 0.56

    assert recovered(Evaluation.from_json(figures), TRUTH) == pytest.approx(0.5)
    assert recovered(Evaluation.from_json(figures), {**TRUTH, "bayes_log_loss": 0.58}) is None


def test_a_market_without_an_edge_is_called_unbeatable() -> None:
    null = {**TRUTH, "edge": 0.0, "bayes_log_loss": 0.58}

    assert "no model can beat the corridor here" in "".join(read(report(truth=null)).text)


def test_abstentions_and_open_outcomes_are_shown_with_their_reason() -> None:
    rows = [
        scored(status="abstained", reason="holiday"),
        scored(
            opening_range="1000",
            mode="replay",
            p_up=0.613,
            recommendation="skip",
            direction=None,
            r_gross=None,
            r_net=None,
        ),
    ]

    text = "".join(read(report(recent=rows)).text)

    assert "holiday" in text
    assert "61.3" in text
    assert "Replays are not used for any decision" in text


def test_features_bear_their_words_and_lost_ones_their_name() -> None:
    page = report()

    assert "where price closed inside the range" in page
    assert "gone_feature" in page
    assert re.search(r"side of the trade</th>.*?>side</td>.*?100\.0", page, re.DOTALL)


def test_a_version_without_trees_says_that_it_learned_nothing() -> None:
    untrained = {**trained(), "models": {}}

    text = "".join(read(report(trained=untrained, importance={})).text)

    assert "learned nothing beyond its baseline" in text
    assert "the driftless baselines alone" in text


def test_a_label_unknown_to_this_release_is_shown_as_it_is() -> None:
    assert label_words("other-v9") == "other-v9"
