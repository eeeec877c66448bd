"""`orbcast stats`: what it prints, what it counts, and that each question counts once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.ranges.label_spec import LabelSpec
from registry.studies.trials import count_trials, list_trials
from tasks.data.datasets import period_of, read_bars_until
from tasks.settings import current_settings, now

pytestmark = pytest.mark.usefixtures("own")

OPTIONS = ("--range", "1100", "--if", "close_position > 0.5", "--side", "up")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["stats", *arguments])


def answer(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def questions() -> int:
    settings = current_settings()
    family = settings.market("mgc").trial_family
    return count_trials(settings.database(), "MGC", family).questions


def test_the_figures_are_those_of_the_market_s_own_table() -> None:
    settings = current_settings()
    market = settings.market("mgc")
    bars = read_bars_until(settings, "mgc", market, now())
    first, last = period_of(bars, market, None, None)
    rows = [
        row
        for row in slot_table(
            assemble(bars, market, LabelSpec(), first=first, last=last)
        ).to_pylist()
        if row["opening_range"] == "1100"
        and row["exclusion"] is None
        and row["break_direction"] is not None
        and row["close_position"] is not None
    ]
    ups = [row for row in rows if row["break_direction"] == "UP"]
    figures = answer(*OPTIONS)
    for group, holds in (("holds", True), ("others", False)):
        own = [row["r_net"] for row in ups if (row["close_position"] > 0.5) is holds]
        assert figures[group]["trades"] == len(own) > 10
        assert figures[group]["net_r"]["estimate"] == pytest.approx(np.mean(own))
    assert figures["holds"]["ranges"] + figures["others"]["ranges"] == len(rows)


def test_each_distinct_question_is_counted_once_and_makes_the_next_dearer() -> None:
    before = questions()
    first = answer(*OPTIONS)
    assert first["looks"] == questions() == before + 1
    again = answer("--range", "1100", "--if", "close_position>0.5", "--side", "up")
    assert (again["looks"], again["by_chance"]) == (first["looks"], first["by_chance"])
    others = [
        ("--range", "1000", *OPTIONS[2:]),
        (*OPTIONS[:-1], "down"),
        (*OPTIONS, "--rr", "2"),
        (*OPTIONS, "--from", "2024-06-03"),
        ("--range", "1100", "--if", "close_position > 0.6", "--side", "up"),
    ]
    looks = [answer(*other)["looks"] for other in others]
    assert looks == [before + 2 + number for number in range(len(others))]
    assert answer(*OPTIONS)["by_chance"] >= first["by_chance"]
    trial = list_trials(current_settings().database(), "MGC", "stats")[0]
    assert trial.values["condition"] == "close_position > 0.5"


def test_the_record_stays_whole_and_what_is_printed_ends_with_the_verdict() -> None:
    done = run(*OPTIONS)
    assert done.exit_code == 0, done.output
    assert "net R a trade" in done.output
    assert "luck" in done.output or "Too few days" in done.output
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--if", "tokyo_range_atr > 1.2"), "names tokyo_range_atr, which is not a feature"),
        (("--if", "r_net > 0"), "names r_net, which is not a feature"),
        (("--if", "weekday"), "compares nothing"),
        (("--if", "weekday == 1", "--range", "1234"), "1234"),
        (("--if", "weekday == 1", "--side", "sideways"), "use one of up, down, either"),
        (("--if", "weekday == 1", "--rr", "-1"), "rr"),
        (("--if", "weekday == 1", "--from", "2024-06-03", "--to", "2024-01-01"), "swap"),
    ],
)
def test_an_invalid_question_is_refused_and_not_counted(
    arguments: tuple[str, ...], words: str
) -> None:
    before = questions()
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert words in refused.stderr
    assert questions() == before


PEEKING = """
from ml_core.features.catalogue import Catalogue

mine = Catalogue()


@mine.feature("the price half an hour later")
def peeking(view):
    return view.price_before(view.decision + 30) - view.price


@mine.feature("the price half an hour before")
def fair(view):
    return view.price - view.price_before(view.decision - 30)
"""


def test_an_own_feature_that_sees_the_future_is_refused_and_not_counted(own: Path) -> None:
    (own / "features").mkdir()
    (own / "features" / "mine.py").write_text(PEEKING, encoding="utf-8")
    before = questions()
    refused = run("--if", "fair > 0 and peeking > 1")
    assert refused.exit_code == 4
    assert "1 features see the future (peeking), such as peeking at " in refused.output
    assert questions() == before
    assert answer("--if", "fair > 0")["looks"] == before + 1


def test_a_session_of_the_market_is_named_in_a_condition() -> None:
    figures = answer("--range", "1800", "--if", "asia_range_atr > session2_range", "--side", "up")
    assert figures["holds"]["ranges"] == 0  # at 18:00 Asia is the second last completed session
    assert figures["others"]["ranges"] > 10
