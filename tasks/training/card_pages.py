"""Write a version's model card as a page and as markdown into the reports folder."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from prefect import task

from monitoring import pages
from monitoring.pages.model_card.facts import CardFacts
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings
from tasks.training.model_card import card_of


def write_card(settings: Settings, facts: CardFacts) -> Path:
    """Write the card as page and markdown into the reports folder; return the page's path.

    Writing it again replaces both.
    """
    page = settings.reports_dir / facts.market / f"{facts.version}.html"
    pages.document.write_html(pages.model_card.page.model_card(facts, full=True), page)
    pages.document.write_markdown(pages.model_card.page.model_card(facts), page.with_suffix(".md"))
    return page


@task(name="write the model card", task_run_name="model card of {version}", **RETRIED)
def write_card_of(market: str, version: str, at: datetime, data: dict[str, str]) -> str:
    """Write a version's card into the reports folder; return the path of the page.

    ``data`` holds a retrain's facts about its bars, by label.
    """
    settings = current_settings()
    facts = card_of(settings, market, version, at)
    return str(write_card(settings, replace(facts, bars={**data, **facts.bars})))
