"""`orbcast up`: server, UI and scheduled flows on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

import tasks
from deployments import serving


def up(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 4200,
) -> None:
    """Start the Prefect server, its UI and the scheduled flows; Ctrl-C stops them.

    Example: orbcast up --port 4201
    """
    raise typer.Exit(serving.supervisor.supervise(tasks.settings.current_settings(), port))
