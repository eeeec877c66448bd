"""`orbcast db`: the SQL database's schema."""

from __future__ import annotations

import typer

import tasks
from deployments.cli.terminal import AsJson, print_json, say
from tasks import data

app = typer.Typer(no_args_is_help=True)


@app.callback()
def database() -> None:
    """Look after the SQL database."""


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the schema up to this version of Orbcast; nothing is lost.

    Example: orbcast db upgrade
    """
    settings = tasks.settings.current_settings()
    settings.database()
    data.market_definition.note_definitions(settings, tasks.settings.now())
    if as_json:
        print_json({"database": settings.shown_url, "upgraded": True})
        return
    say(f"{settings.shown_url} is at this version's schema.")
