"""The Prefect server for workers elsewhere: ``python -m deployments.distributed.server``.

It is the server of `orbcast up`, with the same settings, checks of Host and Origin, and secret,
but on an address that other machines can reach, under the names in ORBCAST_ALLOWED_HOSTS.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from deployments import serving
from deployments.http_guard import require_secret
from deployments.serving.ports import HOST
from ml_core.errors import InputError
from tasks.runs.environment import prepare_environment, server_environment
from tasks.settings import current_settings


def serve(host: str, port: int) -> None:
    """Serve until asked to end.

    Raises
    ------
    SecretRequiredError
        Other machines could reach it, and no secret is set.
    """
    settings = current_settings()
    require_secret(settings, host)
    usual = server_environment(settings, HOST, port)
    # variables that are set win: a proxy's address for pages, a database outside the home
    prepare_environment(settings, **{name: os.environ.get(name, usual[name]) for name in usual})
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)  # Prefect makes no parents
    serving.prefect_server.process.serve(port, host)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=HOST, help="address to listen on")
    parser.add_argument("--port", type=int, default=4200, help="port to listen on")
    arguments = parser.parse_args()
    try:
        serve(arguments.host, arguments.port)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
