"""`orbcast demo`: the whole system on a simulated market, start to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[
        Path, typer.Option("--in", help="Folder of the demo, apart from your own home.")
    ] = Path("var/demo"),
) -> None:
    """Simulate three years of a market and run everything on it; about two minutes.

    Example: orbcast demo --in var/demo
    """
    from deployments.demo import run_demo  # noqa: PLC0415 - after --help

    run_demo(folder)
