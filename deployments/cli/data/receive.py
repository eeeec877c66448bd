"""`orbcast receive`: receive finished bars that a platform pushes."""

from __future__ import annotations

from typing import Annotated

import typer

import deployments
import tasks


def receive(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 6200,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any other address needs ORBCAST_AUTH.")
    ] = "127.0.0.1",
) -> None:
    """Receive bars that a platform's script pushes; Ctrl-C stops it.

    `orbcast up` does the same for the markets whose standing source is http.

    Example: orbcast receive --port 6201
    """
    typer.echo(
        f"Bars are received at http://{host}:{port}/bars/MARKET ; Ctrl-C stops it.", err=True
    )
    deployments.bar_server.receive(tasks.settings.current_settings(), host, port)
