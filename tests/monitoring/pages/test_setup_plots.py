"""The heat map states every number as text; the page of a study starts with its verdict."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from xml.etree import ElementTree as ET

import pytest

from ml_core.setups.plan import StudyPlan
from ml_core.setups.setup_study import SetupResult, SetupStudy
from ml_core.setups.study import study_setups
from ml_core.setups.trades import setup_returns
from monitoring.pages.document import to_html
from monitoring.pages.figure_style import to_inline_svg, to_svg
from monitoring.pages.plots.setups import Period, heat_map
from monitoring.pages.setup_report import setup_report
from tests.ml_core.builders import mgc
from tests.ml_core.evidence.fair_trades import SMALL, fair_table, plant
from tests.monitoring.pages.outline import read


@cache
def study(*, planted: bool = False) -> SetupStudy:
    trades = fair_table(300, 1, cost_r=0.1)
    if planted:
        plant(trades, "1000", 0.6, 2, days=slice(None))
    returns = setup_returns(trades, SMALL.setups(mgc()), 225)
    plan = StudyPlan(resamples=300, min_trades=30, confidence_set=4, top=12)
    return study_setups(returns, plan=plan)


def test_every_setup_of_the_side_is_a_cell_with_its_number() -> None:
    cells = study().heat

    text = to_svg(heat_map(cells, "search", "short"))

    short = [cell for cell in cells if cell.setup.side == "short"]
    assert len(short) == 3 * 2
    for cell in short:
        value = f"{round(cell.search.net_r, 2) + 0.0:+.2f}".replace("-", "\u2212")
        assert f">{value}<" in text
        assert f">{cell.setup.opening_range} {cell.setup.stop}<" in text
    assert len(re.findall(r">[+\u2212]\d\.\d\d<", text)) == 3 * 2


def test_a_cell_without_trades_is_a_dash() -> None:
    first, *others = study().heat
    without = replace(first.search, trades=0, gross_r=None, net_r=None)

    text = to_svg(heat_map([replace(first, search=without), *others], "search", first.setup.side))

    assert ">\u2013<" in text


@pytest.mark.parametrize("period", ["search", "confirmation"])
def test_the_map_is_the_same_every_time_and_takes_the_page_s_colours(period: Period) -> None:
    cells = study().heat

    text = to_inline_svg(heat_map(cells, period, "long"), "map", "told")

    ET.fromstring(to_svg(heat_map(cells, period, "long")))  # noqa: S314 - our own text
    assert text == to_inline_svg(heat_map(cells, period, "long"), "map", "told")
    assert "http" not in text
    assert re.findall(r"(?:fill|stroke): (#\w+)", text) == []


def test_maps_of_one_study_share_a_scale() -> None:
    cells = study().heat
    deep = [_lost_later(cell) if cell.setup.side == "short" else cell for cell in cells]

    assert to_svg(heat_map(cells, "search", "long")) != to_svg(heat_map(deep, "search", "long"))


def _lost_later(result: SetupResult) -> SetupResult:
    return replace(result, confirmation=replace(result.confirmation, net_r=-9.0))


@pytest.mark.parametrize("planted", [False, True])
def test_the_verdict_is_the_first_thing_on_the_page(*, planted: bool) -> None:
    figures = study(planted=planted)

    page = to_html(setup_report(figures))

    words = [part for part in read(page).text if part.strip()]
    headline, _, detail = figures.verdict.partition(": ")
    assert words[2] == headline + "."
    assert words[3].lower() == detail.lower()
    assert ('class="verdict better"' in page) == planted == bool(figures.named)


def test_the_page_is_whole_in_itself() -> None:
    page = to_html(setup_report(study()))

    assert not re.search(r"https?:|<script|<link|src=", page)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert page.count("<svg") == 4


def test_the_best_setups_are_listed_with_their_status() -> None:
    figures = study(planted=True)

    text = "".join(read(to_html(setup_report(figures))).text)

    assert len(figures.top) == 12
    for row in figures.top:
        assert row.setup.name in text
    assert "named" in text


def test_a_name_that_looks_like_markup_is_escaped() -> None:
    figures = study()
    first = replace(
        figures.top[0], setup=replace(figures.top[0].setup, opening_range="<b>0900</b>")
    )

    page = to_html(setup_report(replace(figures, ranked=(first, *figures.ranked[1:]))))

    assert "0900&lt;/b&gt;" in page
    assert "<b>0900" not in page


def test_a_study_of_filtered_setups_alone_has_no_map() -> None:
    mondays = tuple(
        replace(entry, setup=replace(entry.setup, day="Mon")) for entry in study().setups
    )

    page = to_html(setup_report(replace(study(), setups=mondays)))

    assert "<svg" not in page
    assert "Every setup searched has a filter." in page


def test_the_time_it_was_made_is_printed_only_when_given() -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)

    assert "made 2026-01-02 03:04 UTC" in to_html(setup_report(study(), made_at=at))
    assert to_html(setup_report(study())) == to_html(setup_report(study()))
