"""`orbcast dashboard`: the trading day in a browser page."""

from __future__ import annotations

from typing import Annotated

import typer

import deployments
import tasks


def dashboard(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 8501,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Show the trading day, the record and the models in a browser page; Ctrl-C stops it.

    It listens on this machine only, reads the database and never writes to it.

    Example: orbcast --home var/demo dashboard --no-browser
    """
    deployments.dashboard.serving.serve(tasks.settings.current_settings(), port, browser=browser)
