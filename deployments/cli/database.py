"""`orbcast db`: the SQL database's schema."""

from __future__ import annotations

import typer

from deployments.cli.terminal import out

app = typer.Typer(no_args_is_help=True, help="The SQL database.")


@app.callback()
def database() -> None:
    """Look after the SQL database."""


@app.command()
def upgrade() -> None:
    """Bring the schema up to this version of Orbcast; nothing is lost.

    Example: orbcast db upgrade
    """
    from tasks.settings import settings  # noqa: PLC0415 - after --help

    where = settings()
    where.database()
    out().print(f"{where.shown_url} is at this version's schema.", soft_wrap=True, markup=False)
