"""`make test-dates`: the everyday tests at set moments, one after another.

    python -m tests.set_clocks [--only NAME[,NAME]] COMMAND...

The clock of a run's whole process tree is moved by the same number of seconds (libfaketime), so
that time runs on and all processes agree on it. The monotonic clock, which measures waits, and the
times of files remain the machine's own.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LOGS = Path("var/test-dates")
LIBRARY = "faketime/libfaketimeMT.so.1"
PLACES = ("/usr/lib/*/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/")
WAITS = Path(__file__).with_suffix(".c")
MISSING = (
    "make test-dates needs libfaketime and a C compiler; on Debian and Ubuntu:\n"
    "  apt-get install faketime gcc libc6-dev\n"
    f"(FAKETIME_LIBRARY=/path/to/{Path(LIBRARY).name} names one that lies elsewhere)\n"
)
COUNTS = re.compile(r"^(?:=+ )?(\d+ (?:passed|failed|skipped|error)[^=]*?)(?: =+)?$", re.MULTILINE)
FAULTS = re.compile(r"^(?:FAILED|ERROR) .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SetClock:
    """The start time of a run, and the zone of its machine."""

    name: str
    at: datetime
    zone: str = "UTC"


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CLOCKS = (
    SetClock("saturday", _utc("2026-12-05T03:00")),
    SetClock("sunday", _utc("2026-12-06T21:59")),
    SetClock("monday", _utc("2026-12-07T22:59")),  # a minute before the range at 09:00 in Brisbane
    SetClock("november", _utc("2026-11-01T05:30")),  # New York's clocks go back half an hour later
    SetClock("march", _utc("2027-03-14T06:30")),  # and forward
    SetClock("christmas", _utc("2026-12-25T12:00")),
    SetClock("new-year", _utc("2026-12-31T23:58")),
    SetClock("leap-day", _utc("2028-02-29T12:00")),
    # a local date that is not the one of UTC
    SetClock("new-york", _utc("2026-12-02T02:00"), "America/New_York"),
    SetClock("kolkata", _utc("2026-12-02T20:00"), "Asia/Kolkata"),
    SetClock("auckland", _utc("2026-12-02T12:00"), "Pacific/Auckland"),
)


def library() -> str | None:
    """Return the path of libfaketime; None if it is not installed."""
    named = os.environ.get("FAKETIME_LIBRARY")
    places = [named] if named else [f"{place}{LIBRARY}" for place in PLACES]
    matches = (str(path) for place in places for path in Path("/").glob(place.lstrip("/")))
    return next(matches, None)


def compiled_waits() -> str | None:
    """Compile a fix for two of libfaketime's waits; return its path, None without a compiler."""
    compiler, made = shutil.which("cc"), (LOGS / "waits.so").resolve()
    if compiler is None:
        return None
    command = [compiler, "-shared", "-fPIC", "-o", made, WAITS]
    return None if subprocess.run(command, check=False).returncode else str(made)


def environment(clock: SetClock, preloads: list[str], machine: datetime) -> dict[str, str]:
    """Return the environment of a run's processes; ``machine`` is the machine's own aware time."""
    return {
        **os.environ,
        "LD_PRELOAD": ":".join([*preloads, *filter(None, [os.environ.get("LD_PRELOAD")])]),
        # an offset, not a moment: a moment would begin anew in each process that is started
        "FAKETIME": f"{(clock.at - machine).total_seconds():+.3f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # else a wait on a monotonic condition, as Python's threads take turns by, ends at once
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "NO_FAKE_STAT": "1",
        "TZ": clock.zone,
    }


def run(clock: SetClock, command: list[str], preloads: list[str]) -> bool:
    """Run the command under a clock and print a line on its result; True if it passed."""
    log = LOGS / f"{clock.name}.log"
    with log.open("w", encoding="utf-8") as file:
        status = subprocess.run(
            command,
            env=environment(clock, preloads, datetime.now(UTC)),
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    text = log.read_text("utf-8", errors="replace")
    counts = COUNTS.findall(text)
    outcome = counts[-1] if counts else f"no result, exit status {status}: see {log}"
    sys.stdout.write(f"{clock.name:<10} {clock.at:%a %Y-%m-%d %H:%M} {clock.zone:<17} {outcome}\n")
    sys.stdout.writelines(f"  {fault}\n" for fault in FAULTS.findall(text))
    sys.stdout.flush()
    return status == 0


def main() -> int:
    """Run the command at every moment, or at those named; return 1 if it failed at any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    names = [name for name in given.only.split(",") if name]
    if unknown := set(names) - {clock.name for clock in CLOCKS}:
        parser.error(
            f"no date is named {', '.join(sorted(unknown))}; "
            f"they are {', '.join(clock.name for clock in CLOCKS)}"
        )
    LOGS.mkdir(parents=True, exist_ok=True)
    waits, faketime = compiled_waits(), library()
    if waits is None or faketime is None:
        sys.stderr.write(MISSING)
        return 2
    preloads = [waits, faketime]
    clocks = [clock for clock in CLOCKS if not names or clock.name in names]
    results = [run(clock, given.command, preloads) for clock in clocks]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
