"""The home of a soak: backed up as in docs/backup.md, lost, restored and measured."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.soak.record import Sample
from benchmarks.soak.server import KEPT, Server

_HEADS, _LEDGER = "ledger-heads.jsonl", "orbcast.sqlite"
_FOLDERS = ("lake", "models", "studies")
_SWEEPS = timedelta(minutes=5)
"""Time after their expiry by which Prefect's rows must be gone: it sweeps every minute here."""


def back_up(home: Path, backup: Path) -> None:
    """Copy a home in use: first the chain checkpoints, then the database, then the files."""
    backup.mkdir()
    shutil.copy2(home / _HEADS, backup)
    with closing(sqlite3.connect(home / _LEDGER)) as ledger:
        ledger.execute("VACUUM INTO ?", [str(backup / _LEDGER)])
    for name in _FOLDERS:
        if (home / name).exists():
            shutil.copytree(home / name, backup / name)
    shutil.copy2(home / "sources.toml", backup)


def restore(server: Server, backup: Path) -> None:
    """Delete a home in use, restore its backup, and sign for the missing rows."""
    server.note_runs()
    server.cut_power()
    lost = server.home.with_name("lost")
    server.home.rename(lost)
    shutil.copytree(backup, server.home)
    shutil.copy2(lost / _HEADS, server.home)
    told = server.command("verify")
    signed = server.command(
        "verify", "--accept-restored", "--by", "ann", "--reason", "the disk failed"
    )
    again = server.command("verify")
    expected = (1, 0, 0)
    if (status := (told.returncode, signed.returncode, again.returncode)) != expected:
        words = f"{told.stdout} {told.stderr} {signed.stdout} {signed.stderr} {again.stderr}"
        server.record.faults.append(f"verify after the restore ended {status}: {words}")
    lines = (line for line in told.stdout.splitlines() if "are missing" in line)
    server.record.restored = next(lines, "nothing was missing").strip()
    server.start_up()


def sample(server: Server) -> Sample:
    """Measure the processes and their storage."""
    with closing(_prefect(server)) as prefect:
        (runs,) = prefect.execute("SELECT count(*) FROM flow_run").fetchone()
        (events,) = prefect.execute("SELECT count(*) FROM events").fetchone()
    pids = server.processes()
    return Sample(
        memory_mb=sum(map(_resident_mb, pids)),
        open_files=sum(map(_open_files, pids)),
        temporary_files=tuple(
            sorted(str(one.relative_to(server.temporary)) for one in server.temporary.rglob("*"))
        ),
        prefect_mb=_size(server.home.glob("prefect/*.db*")) / 1024**2,
        runs=runs,
        events=events,
    )


def look_at_retention(server: Server) -> None:
    """Note a fault if Prefect keeps runs or events longer than its retention."""
    kinds = {"runs": ("flow_run", "end_time"), "events": ("events", "occurred")}
    with closing(_prefect(server)) as prefect:
        for (name, (table, column)), kept in zip(kinds.items(), KEPT.values(), strict=True):
            before = datetime.now(UTC) - kept - _SWEEPS
            (old,) = prefect.execute(
                f"SELECT count(*) FROM {table} WHERE {column} < ?",  # noqa: S608 - of the two above
                [f"{before:%Y-%m-%d %H:%M:%S}"],
            ).fetchone()
            if old:
                server.record.faults.append(f"Prefect keeps {old} {name} beyond their time")


def _prefect(server: Server) -> sqlite3.Connection:
    (path,) = server.home.glob("prefect/*.db")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60.0)
    deadline = time.monotonic() + 60.0
    while True:
        try:
            connection.execute("SELECT 1 FROM flow_run LIMIT 1")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return connection


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * 4096 / 1024**2


def _open_files(pid: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.exists())
