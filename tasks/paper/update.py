"""Tasks that update the outbox and the paper accounts; read-only commands need no Prefect."""

from __future__ import annotations

from datetime import datetime

from prefect import task

from registry.paper import paper_events
from tasks.notices.delivery import quietly
from tasks.paper.books import BOOKS, run_paper
from tasks.prediction.outbox import review_outbox
from tasks.settings import current_settings


@task(name="review the outbox", task_run_name="{market}: outbox")
def update_outbox(market: str, at: datetime) -> int:
    """Record what became of the intents in force; return how many changed. Nothing is raised."""
    with quietly(f"{market}: its outbox was not reviewed"):
        return len(review_outbox(current_settings(), market, at))
    return 0


@task(name="paper account", task_run_name="{market}: paper account")
def update_paper(market: str, at: datetime) -> int:
    """Bring each paper account that was begun up to the bars; return how many events are new."""
    added = 0
    with quietly(f"{market}: its paper account was not updated"):
        settings = current_settings()
        symbol = settings.market(market).symbol
        for book in BOOKS:
            if book == "outbox" or paper_events(settings.database(), book, symbol):
                added += len(run_paper(settings, market, book, at).added)
    return added
