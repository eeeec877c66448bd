"""A test of the upgrade: a home of an earlier release is opened, verified, used and trained.

The earlier release is checked out beside this one, with its own locked dependencies, and makes a
home: a simulated market, a retrain, replayed days, a live day and its outcomes, a server's
database. Then this release works on that home. Finally the earlier release tries to open it again,
which it must refuse.

    python -m benchmarks.upgrade                    # from the release of 2026-11-26
    python -m benchmarks.upgrade --release COMMIT

It needs git and uv, and takes some ten minutes. The results are in docs/reliability.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx

from tasks.settings import CLOCK_FILE

RELEASE = "f45ccec"
"""The release of 2026-11-26."""

BEGIN, DAYS = "2024-01-02", 332
REPLAYED = ("2024-11-18", "2024-11-20")
LIVE = ("2024-11-25T09:05", "2024-11-25T10:05", "2024-11-25T11:05")
AFTER = ("2024-11-26T09:05", "2024-11-26T10:05")
"""Decision times in the market's time zone, before and after the upgrade."""

ZONE = "+10:00"
_PROJECT = Path(__file__).resolve().parents[1]
_UP_WITHIN = 300.0
_REFUSED = 3


def _print(words: str) -> None:
    print(words, flush=True)


@dataclass
class Installed:
    """A release, with an interpreter that has its dependencies."""

    name: str
    project: Path
    python: Path
    folder: Path
    faults: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        kept = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
        return {
            **kept,
            "PYTHONPATH": str(self.project),
            "ORBCAST_HOME": str(self.folder / "home"),
            CLOCK_FILE: str(self.folder / "clock"),
        }

    def orbcast(self, *words: str, status: int = 0) -> str:
        """Run a command and return its output; a status other than ``status`` is a fault."""
        began = time.monotonic()
        ended = subprocess.run(
            [self.python, "-m", "deployments.cli", *words],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.monotonic() - began
        _print(f"{self.name}: orbcast {' '.join(words)}: {ended.returncode} in {took:.0f} s")
        if ended.returncode != status:
            self.faults.append(f"{self.name}: {words}: {ended.returncode}\n{ended.stderr[-2000:]}")
        return ended.stdout or ended.stderr

    def asked(self, *words: str) -> Any:
        """Run a command that prints JSON, and return its values."""
        return json.loads(self.orbcast(*words, "--json"))

    @contextmanager
    def up(self) -> Iterator[str]:
        """Run its `orbcast up`; yield the API's URL."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        api, began = f"http://127.0.0.1:{port}/api", time.monotonic()
        with (self.folder / f"up-{self.name}.log").open("wb") as log:
            up = subprocess.Popen(
                [self.python, "-m", "deployments.cli", "up", "--port", str(port)],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        try:
            _until(lambda: httpx.get(f"{api}/deployments/name/recover/orbcast").is_success)
            _print(f"{self.name}: up after {time.monotonic() - began:.0f} s")
            yield api
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(60.0)


class Upgrade:
    """One home, used by two releases."""

    def __init__(self, earlier: Installed, present: Installed) -> None:
        self.earlier, self.present = earlier, present
        self.folder = earlier.folder
        self.faults: list[str] = []

    def clock(self, moment: str) -> None:
        """Set the simulated clock to two seconds after a time, and add the bars closed by then."""
        at = datetime.fromisoformat(moment + ZONE).astimezone(UTC)
        ahead = (at - datetime.now(UTC)).total_seconds() + 2.0
        (self.folder / "clock").write_text(str(ahead), "utf-8")
        with duckdb.connect(str(self.folder / "trader.duckdb")) as trader:
            trader.execute(f"ATTACH '{self.folder / 'world.duckdb'}' AS world (READ_ONLY)")
            trader.execute(
                "CREATE TABLE IF NOT EXISTS bars_1m AS SELECT * FROM world.bars_1m LIMIT 0"
            )
            trader.execute(
                "INSERT INTO bars_1m SELECT * FROM world.bars_1m WHERE ts_utc <= ? AND ts_utc > "
                "coalesce((SELECT max(ts_utc) FROM bars_1m), TIMESTAMP '2000-01-01')",
                [at.replace(tzinfo=None) - timedelta(minutes=1)],
            )

    def live(self, release: Installed, moments: tuple[str, ...]) -> None:
        """Let a release predict live, and settle what can be settled an hour later."""
        for moment in moments:
            self.clock(moment)
            release.orbcast("refresh", "--market", "mgc")
            opening_range = f"{int(moment[11:13]):02d}00"
            release.orbcast("run", "shadow-predict", "--param", f"opening_range={opening_range}")
        self.clock(moments[-1].replace(":05", ":59"))
        release.orbcast("run", "log-outcomes")

    def make(self) -> None:
        """Let the earlier release make the home."""
        earlier = self.earlier
        world, trader = (str(self.folder / f"{name}.duckdb") for name in ("world", "trader"))
        given = ("--from", BEGIN, "--days", str(DAYS), "--edge", "0.05", "--out", world)
        earlier.orbcast("simulate", *given)
        self.clock(LIVE[0].replace("09:05", "07:00"))
        source = ("--source", "duckdb", trader, "--column", "contract=contract", "--remember")
        earlier.orbcast("ingest", "--market", "mgc", *source)
        earlier.orbcast("run", "nightly-retrain")
        days = [
            f"{name}={day}" for name, day in zip(("from_day", "to_day"), REPLAYED, strict=True)
        ]
        earlier.orbcast("run", "replay", "--param", days[0], "--param", days[1])
        self.live(earlier, LIVE)
        with earlier.up():
            pass

    def upgrade(self) -> None:
        """Work on the home with this release, and report what fails."""
        before, present = self.earlier.asked("verify"), self.present
        after = present.asked("verify")
        _print(f"rows {before['rows']} and {after['rows']}, outcomes {after['outcomes']}")
        self._expect(before["rows"] > 0 and before["rows"] == after["rows"], "a row is lost")
        self._expect(before["head"] == after["head"], "the head of predictions is another")
        self._expect(after["faults"] == [], f"verify: {after['faults']}")
        present.orbcast("verify", "--head", before["head"][:12])
        (market,) = present.asked("status")["markets"]
        self._expect(market["serves"] is not None, "nothing serves after the upgrade")
        self._expect(market["trouble"] is None, f"what serves is in trouble: {market['trouble']}")
        present.orbcast("predict", "--at", LIVE[0])
        present.orbcast("explain", "MGC:2024-11-25:0900")
        self.live(present, AFTER)
        present.orbcast("run", "nightly-retrain")
        present.orbcast("audit", "parity")
        last = present.asked("verify")
        self._expect(last["faults"] == [], f"verify at the end: {last['faults']}")
        made = last["rows"] - after["rows"]
        _print(f"{made} predictions more; {len(last['chains'])} chains")
        self._expect(made >= len(AFTER), f"{made} predictions were made after the upgrade")
        with present.up() as api:
            # it exists from before; the runner registers it again once it has started
            recover = f"{api}/deployments/name/recover/orbcast"
            _until(lambda: httpx.get(recover).json()["global_concurrency_limit"] is None)

    def downgrade(self) -> None:
        """Check that the earlier release refuses the home and leaves it unchanged."""
        database = self.folder / "home" / "orbcast.sqlite"
        before = _content(database)
        for words in (("status",), ("predictions",), ("run", "log-outcomes"), ("up",)):
            said = self.earlier.orbcast(*words, status=_REFUSED)
            self._expect(said.count("\n") == 1, f"{words} says more than a line: {said}")
            _print(f"  {said.strip()}")
        self._expect(_content(database) == before, "the refused release has changed the database")

    def _expect(self, held: bool, words: str) -> None:
        if not held:
            self.faults.append(words)


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _UP_WITHIN
    while time.monotonic() < deadline:
        try:
            if what():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.3)
    message = "the server has not come up"
    raise TimeoutError(message)


def _content(database: Path) -> str:
    """Return a hash of all rows; a hash of the file changes when its write-ahead log is merged."""
    with closing(sqlite3.connect(database)) as opened:
        return hashlib.sha256("\n".join(opened.iterdump()).encode()).hexdigest()


def check_out(release: str, folder: Path, python: Path | None) -> Installed:
    """Check out an earlier release, with its dependencies unless an interpreter has them."""
    project = folder / "release"
    git = ("git", "-C", str(_PROJECT), "worktree", "add", "--force", "--detach")
    subprocess.run([*git, str(project), release], check=True, capture_output=True)
    if python is None:
        environment = folder / "venv"
        python = environment / "bin" / "python"
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, environment], check=True)
        lock = ("--no-deps", "--require-hashes", "-r", str(project / "requirements.lock"))
        install = ("uv", "pip", "install", "-q", "--python", str(python))
        subprocess.run([*install, *lock], check=True)
    return Installed("earlier", project, python, folder)


def main() -> None:
    """Test the upgrade and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", default=RELEASE, help="commit of the earlier release")
    parser.add_argument("--python", type=Path, help="interpreter that has its dependencies")
    parser.add_argument("--made", type=Path, help="folder of an earlier trial: its home is used")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    asked = parser.parse_args()
    folder, began = Path(tempfile.mkdtemp(prefix="orbcast-upgrade-")), time.monotonic()
    if asked.made:
        shutil.copytree(asked.made, folder, dirs_exist_ok=True)
        sources = folder / "home" / "sources.toml"
        moved = re.sub(r'"[^"]*/trader\.duckdb"', f'"{folder}/trader.duckdb"', sources.read_text())
        sources.write_text(moved, "utf-8")
    try:
        earlier = check_out(asked.release, folder, asked.python)
        present = Installed("present", _PROJECT, Path(sys.executable), folder)
        tried = Upgrade(earlier, present)
        if asked.made is None:
            tried.make()
        tried.upgrade()
        tried.downgrade()
        faults = [*earlier.faults, *present.faults, *tried.faults]
    finally:
        remove = ("git", "-C", str(_PROJECT), "worktree", "remove", "--force")
        subprocess.run([*remove, str(folder / "release")], check=False, capture_output=True)
    for fault in faults:
        _print(f"FAULT: {fault}")
    _print(f"{len(faults)} faults, {(time.monotonic() - began) / 60.0:.0f} minutes")
    if asked.keep or faults:
        _print(f"the home: {folder}")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
