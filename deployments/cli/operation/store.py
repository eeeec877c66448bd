"""`orbcast store`: what several machines share, compared, pushed and pulled."""

from __future__ import annotations

from typing import Annotated

import typer

import tasks
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, echo, print_json
from monitoring.pages.formatting import count_of
from tasks import data

app = typer.Typer(no_args_is_help=True)


@app.callback()
def store() -> None:
    """Share bars, model versions and studies with other machines (ORBCAST_STORE)."""


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what the store holds, and what of it is on this machine.

    Example: orbcast store status
    """
    summary = data.shared_store.SharedStore(tasks.settings.current_settings()).status()
    if as_json:
        print_json(summary)
        return
    echo(f"store {summary.store}")
    for bars in summary.bars:
        state = "as in the store" if bars.current else "older, fetched at the next use"
        echo(f"bars of {bars.market}: {state}")
    if not summary.bars:
        echo("bars: none in the store; `orbcast store push` puts those of this home there")
    echo(f"model versions: {summary.versions_here:,} of {summary.versions:,} here")
    echo(f"studies: {summary.studies_here:,} of {summary.studies:,} here")


@app.command()
def push(
    replace: Annotated[
        bool, typer.Option("--replace", help="Put this home's bars in place of the store's.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put bars, versions and studies of this home into the store.

    Orbcast does this itself whenever it writes them. Use it to move an existing home to a store,
    and to repair a store: each object is read back, and one that is missing or damaged is put
    there anew.

    Example: orbcast store push
    """
    shared = data.shared_store.SharedStore(tasks.settings.current_settings())
    with progress("Pushing") as bar:
        count = shared.push(lambda name: bar.share(0.0, name), replace=replace)
    if as_json:
        print_json({"store": shared.store.shown_url, "pushed": count})
        return
    echo(f"{count:,} objects pushed to {shared.store.shown_url}")


@app.command()
def pull(as_json: AsJson = False) -> None:
    """Fetch what is in the store and not on this machine.

    Without this command, a file is fetched when it is used.

    Example: orbcast store pull
    """
    shared = data.shared_store.SharedStore(tasks.settings.current_settings())
    with progress("Pulling") as bar:
        shared.pull(lambda name: bar.share(0.0, name))
    status(as_json=as_json)


@app.command()
def prune(
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove them; without this they are only shown.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the objects that nothing names, and remove them with --remove.

    A writer that was killed leaves such objects. Only those are shown that were written at least
    seven days ago: a younger one may belong to a writer that still works. A store belongs to one
    database; if that names an object which is not there, nothing is removed.

    Examples: orbcast store prune

    orbcast store prune --remove
    """
    shared = data.shared_store.SharedStore(tasks.settings.current_settings())
    at = tasks.settings.now()
    orphans = shared.prune(at) if remove else shared.orphans(at)
    if as_json:
        document = {"store": shared.store.shown_url, "orphans": orphans, "removed": remove}
        print_json(document)
        return
    for key in orphans:
        echo(key)
    done = "removed" if remove else "found; `orbcast store prune --remove` removes them"
    what = count_of(len(orphans), "object")
    echo(f"{what} that nothing names {done}" if orphans else "nothing to remove")
