"""The command line: `orbcast`."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import tasks
from deployments.cli.errors import OrbcastGroup, flush_output
from ml_core.errors import InputError
from ml_core.on_demand import library

metadata = library("importlib.metadata")

_OBJECTS_BETWEEN_COLLECTIONS = 20_000  # Python's own is 700

app = typer.Typer(
    cls=OrbcastGroup,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="orbcast COMMAND --help shows examples. --json prints JSON for scripts. Errors are "
    "one line; --debug, anywhere, shows more. Exit status: 0 done, 1 the record was "
    "changed (verify), 2 correct your input, 3 repair the machine, 4 an internal error "
    "or a finding, 5 try again later, 130 stopped.",
)


class NotAFolderError(InputError):
    """A home that is a file, not a folder."""

    home: str
    template = "--home {home} is a file; name a folder; it need not exist yet"


def _version(version_wanted: bool) -> None:
    if version_wanted:
        typer.echo(f"orbcast {metadata.version('orbcast')}")
        raise typer.Exit


@app.callback()
def orbcast(
    home: Annotated[
        Path | None,
        typer.Option(
            help="Folder of bars, models, reports; or set ORBCAST_HOME.", show_default="./var"
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Opening-range-breakout predictions, logged before the outcome and judged after it."""
    del version  # handled by its option's callback, before any command
    if home is not None:
        if home.is_file():
            raise NotAFolderError(str(home))
        tasks.settings.use_home(home)


def main() -> None:
    """Run the command line."""
    # most objects of a short command come from imports and stay: collecting garbage among them,
    # during the command and at its end, takes a third of its time
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    # otherwise pydantic reads every installed package's metadata to find plugins
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        app(prog_name="orbcast")
    finally:
        flush_output()
        if "duckdb" not in sys.modules:  # DuckDB reports objects that are left
            gc.freeze()
