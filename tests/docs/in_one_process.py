"""Run several `orbcast` commands one after another in this process, with one import.

Reads a JSON list of lists of words; prints a JSON list of exit statuses and outputs.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

from deployments.cli.app import app


def ended(words: list[str]) -> tuple[int, str]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            app(words, prog_name="orbcast")
        except SystemExit as end:
            return int(end.code or 0), printed.getvalue()
    return 0, printed.getvalue()


if __name__ == "__main__":
    results = [ended(arguments) for arguments in json.loads(sys.stdin.read())]
    sys.stdout.write(json.dumps(results))
