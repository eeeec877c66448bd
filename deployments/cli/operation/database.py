"""`orbcast db`: upgrade the SQL database's schema, and copy the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import registry
import tasks
from deployments import cli
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, echo, print_json, remark, show_table
from tasks import data

if TYPE_CHECKING:
    from registry.database_copy import DatabaseCopy

CHANGED = 1
_END = 12
"""Characters of a hash that are shown."""

app = typer.Typer(no_args_is_help=True)


@app.callback()
def database() -> None:
    """Manage the SQL database."""


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Upgrade the schema to this version of Orbcast; no data is lost.

    Example: orbcast db upgrade
    """
    settings = tasks.settings.current_settings()
    settings.database()
    data.market_definition.note_definitions(settings, tasks.settings.now())
    if as_json:
        print_json({"database": settings.shown_url, "upgraded": True})
        return
    echo(f"{settings.shown_url} is at this version's schema.")


@app.command()
def copy(
    to: Annotated[
        str, typer.Option(help="URL of an empty database; a SQLite file is created if needed.")
    ],
    as_json: AsJson = False,
) -> None:
    """Copy the database into an empty one of either kind; verify both.

    Every table is copied from one snapshot, in one transaction: an interrupted copy leaves nothing
    behind, and a repeated one reports that the copy exists. The chains are verified in the source
    before, and in the copy after. To move to the copy, stop Orbcast first (`orbcast down`), copy,
    and set ORBCAST_DATABASE_URL to the copy. A copy into a file is also a backup of PostgreSQL;
    the notes of the chains' ends are copied with it. Keep a password out of the command:
    PGPASSWORD and ~/.pgpass are read.

    Exit status: 1 the record is not as it was written; 5 something was written during the copy.
    Nothing is copied in either case.

    Examples: orbcast db copy --to sqlite:///backup/orbcast.sqlite

    orbcast db copy --to postgresql://orbcast@127.0.0.1/orbcast
    """
    source = tasks.settings.current_settings().database()
    target = registry.database.open_database(to)
    try:
        with progress("Copying the database") as bar:
            made = registry.database_copy.copy_database(source, target, bar.at)
    except registry.errors.ChangedRecordError as error:
        remark(str(error))
        raise typer.Exit(CHANGED) from error
    finally:
        target.close()
    if as_json:
        print_json(
            {
                "from": source.masked_url,
                "to": target.masked_url,
                "already": made.already,
                "rows": made.rows,
                "tables": made.tables,
                "notes": made.notes,
            }
        )
        return
    _print(made, source.masked_url, target.masked_url)


def _print(made: DatabaseCopy, source: str, target: str) -> None:
    table = cli.drawing.borderless_table("table", figures=("rows",), gap=2)
    table.add_column("end", no_wrap=True)
    for content in made.tables:
        if content.rows:
            end = f"{content.end[:_END]}{'' if content.chained else '  all values'}"
            table.add_row(content.name, f"{content.rows:,}", end)
    show_table(table)
    empty = sum(not content.rows for content in made.tables)
    how = "was copied already" if made.already else "copied"
    echo(f"{made.rows:,} rows of {source} {how} to {target}; {empty} more tables are empty.")
    echo("Both verified: all chains are whole and end alike; all other tables are equal.")
    if made.notes is not None:
        echo(f"The noted heads of the chains are beside it: {made.notes}")
