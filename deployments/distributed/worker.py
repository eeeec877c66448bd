"""A Prefect worker for Orbcast's runs: ``python -m deployments.distributed.worker --pool local``.

Before it becomes Prefect's own worker it cleans up as `orbcast up` does when it starts: it ends
runs whose process is gone, and of the runs that were due while nothing ran it keeps only the last
of each kind. It also has Prefect end the runs of dead workers.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import deployments
from ml_core.errors import InputError
from tasks.runs.environment import prepare_environment
from tasks.settings import api_url, current_settings

POLL_SECONDS = "1"


class ServerNotNamedError(InputError):
    """No server is named for the worker."""

    template = "PREFECT_API_URL is not set; name the Prefect server that has the runs"


def main() -> None:
    """Read the command line, clean up, and become Prefect's worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", default="local", help="work pool that it takes runs from")
    arguments, more = parser.parse_known_args()
    try:
        if api_url() is None:
            raise ServerNotNamedError
        prepare_environment(current_settings())
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    deployments.automations.ensure_silent_runs_end()
    # in another process, since this one becomes Prefect's worker; if it fails, a later run repairs
    subprocess.run([sys.executable, "-m", "deployments.cli", "run", "recover"], check=False)
    os.environ.setdefault("PREFECT_WORKER_QUERY_SECONDS", POLL_SECONDS)
    worker = ["-m", "prefect", "worker", "start", "--pool", arguments.pool, *more]
    os.execv(sys.executable, [sys.executable, *worker])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
