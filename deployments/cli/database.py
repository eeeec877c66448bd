"""`orbcast db`: the SQL database's schema."""

from __future__ import annotations

import typer

from deployments.cli.terminal import AsJson, print_json, say

app = typer.Typer(no_args_is_help=True)


@app.callback()
def database() -> None:
    """Look after the SQL database."""


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the schema up to this version of Orbcast; nothing is lost.

    Example: orbcast db upgrade
    """
    from tasks.data.market_definition import note_definitions  # noqa: PLC0415 - after --help
    from tasks.settings import current_settings, now  # noqa: PLC0415

    settings = current_settings()
    settings.database()
    note_definitions(settings, now())
    if as_json:
        print_json({"database": settings.shown_url, "upgraded": True})
        return
    say(f"{settings.shown_url} is at this version's schema.")
