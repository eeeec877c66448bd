"""Recording on PostgreSQL, disturbed at each of its points.

    python -m benchmarks.every_point [--only REGISTER,PROMOTE,LOG]

The tests try SQLite (``tests/faults``). A server's database is emptied for each point, which takes
minutes. The process is killed before it sends or writes something, or with half of it sent or
written; or it continues, but its connection is lost before something is sent or before the reply.
The exit status is 1 if anything was lost, duplicated, or left behind.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from registry.database import open_database
from tests.faults.fault_points import Fault, disturbed
from tests.faults.test_every_point import SAVING, require_repaired
from tests.registry.conftest import new_database, started_server

FAULTS: tuple[Fault, ...] = ("killed", "torn", "cut off", "unanswered")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="REGISTER,PROMOTE,LOG", help="names, with commas")
    bad = 0
    os.environ["EVERY_POINT"] = "1"
    with started_server("orbcast") as (server, _):
        for operation in parser.parse_args().only.split(","):
            began = time.monotonic()
            with new_database(server) as url, tempfile.TemporaryDirectory() as folder:
                open_database(url).close()
                by_fault = disturbed(f"{SAVING}:{operation}", Path(folder), url, FAULTS)
            for fault, results in by_fault.items():
                try:
                    require_repaired(results)
                    words = "all repaired"
                except AssertionError as error:
                    bad, words = bad + 1, f"FAULT at {error}"
                calls = Counter(point.call.split(" ")[0] for point in results.points)
                # how each ended: the signal, or the exit status of its error
                ended = Counter(str(point.ended).split(" ")[0] for point in results.points)
                print(operation, fault, len(results.points), dict(calls), dict(ended), end=" ")
                print(f"{words}", flush=True)
            print(f"{operation}: {time.monotonic() - began:.0f} s", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
