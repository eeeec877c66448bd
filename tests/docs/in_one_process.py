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
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        try:
            app(words, prog_name="orbcast")
        except SystemExit as end:
            return int(end.code or 0), told.getvalue()
    return 0, told.getvalue()


if __name__ == "__main__":
    found = [ended(each) for each in json.loads(sys.stdin.read())]
    sys.stdout.write(json.dumps(found))
