"""An operation interrupted at each of its points: the state then, and after a second run.

A point is each call that changes the disk below the operation's folder: a write, a sync, a rename,
a removal, including those of SQLite; for a database server, each statement and commit sent. Of
equal calls in a row, such as the pages of one commit, only the last is tried; with ``EVERY_POINT``
in the environment, as in `make points`, all are. ``fault_points.c`` counts the calls; each trial
is a new forked process.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.faults.mounted_disk import Disk, may_mount

Fault = Literal["killed", "torn", "disk full", "cut off", "unanswered", "power lost"]
"""The process ends before a call, or with half of its bytes written; the disk is full; the process
continues, but its connection to a server is lost before something is sent, or before the reply; or
its disk loses everything that was not synced, before a call and once more after the last one."""

FILE_FAULTS: tuple[Fault, ...] = ("killed", "torn", "disk full")

_NUMBERS: dict[Fault, int] = {
    "killed": 1,
    "torn": 2,
    "disk full": 3,
    "cut off": 4,
    "unanswered": 5,
    "power lost": 6,
}
_ALL = 0
AT_THE_END = "end"
"""The name used for a loss of power after the operation had ended."""

_SOURCE = Path(__file__).with_suffix(".c")
_NO_COMPILER = "no C compiler here, or not Linux: `apt-get install gcc libc6-dev`"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation below a folder, on the database of a URL.

    Attributes
    ----------
    prepare
        Creates the initial state in an empty folder.
    act
        Does the operation; it may be called again.
    look
        Returns the state in plain values.
    words_of
        Returns the message for an error of the operation.
    """

    prepare: Callable[[Path, str], None]
    act: Callable[[Path, str], None]
    look: Callable[[Path, str], Any]
    words_of: Callable[[Exception], str] = repr


@dataclass(frozen=True, slots=True)
class Point:
    """A point at which an operation was disturbed.

    Attributes
    ----------
    call
        The call and its file.
    ended
        How the operation ended: a negative signal number, or the words of its error.
    state, again
        The state then, and after a second run.
    """

    call: str
    ended: int | str
    state: Any
    again: Any


@dataclass(frozen=True, slots=True)
class Disturbed:
    """The results of an operation, undisturbed and disturbed at its points.

    Attributes
    ----------
    calm
        The state after an undisturbed run.
    count
        Number of points of the operation.
    points
        The points at which it was disturbed.
    """

    calm: Any
    count: int
    points: tuple[Point, ...]

    @property
    def calls(self) -> frozenset[str]:
        """Names of the calls at its points."""
        return frozenset(point.call.split(" ")[0] for point in self.points)


def disturbed(
    operation: str, folder: Path, url: str = "", faults: Sequence[Fault] = FILE_FAULTS
) -> dict[str, Disturbed]:
    """Disturb an operation at each of its points in turn, by each fault.

    Parameters
    ----------
    operation
        Module and name of an :class:`Operation`, such as ``tests.faults.saving:REGISTER``.
    folder
        The folder to work in.
    url
        URL of the database; by default, a SQLite file in the operation's folder.
    faults
        The faults at the points.
    """
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip(_NO_COMPILER)
    folder.mkdir(parents=True, exist_ok=True)
    if "power lost" in faults and not may_mount(folder):
        pytest.skip("no disk can be mounted here: it takes root, loop devices and mkfs.ext4")
    library = folder / "fault_points.so"
    command = ["cc", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"]
    subprocess.run(command, check=True)
    command = [sys.executable, "-m", "tests.faults.fault_points", operation, folder, url]
    command += faults
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "PYTHONPATH": str(_SOURCE.parents[2]),
    }
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-4000:]
    calm, *lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {
        line["fault"]: Disturbed(
            calm, line["count"], tuple(Point(**point) for point in line["points"])
        )
        for line in lines
    }


class _Trials:
    """Trials of the operation, each in a new folder."""

    def __init__(self, operation: Operation, folder: Path, url: str) -> None:
        self._operation, self._folder, self._url = operation, folder, url
        self._library = ctypes.CDLL(None)
        self._prepared = folder / "prepared"
        self._disk: Disk | None = None

    def mount(self) -> None:
        """Work from now on on a separate disk, whose power can be lost."""
        shutil.rmtree(self._place, ignore_errors=True)
        self._disk = Disk(self._folder / "disk", self._place)

    def close(self) -> None:
        """Release the disk."""
        if self._disk is not None:
            self._disk.close()

    def calm(self) -> Any:
        """Return the state after an undisturbed run.

        It runs in this process, so that everything its children need is imported.
        """
        self._begin_anew()
        self._operation.act(self._place, self._database())
        return self._look()

    def calls(self, fault: Fault) -> list[str]:
        """Return the call at each point."""
        self._begin_anew()
        assert self._act(fault, _ALL) == 0
        return [*self._noted(), *([AT_THE_END] if fault == "power lost" else [])]

    def point(self, fault: Fault, number: int) -> Point:
        """Disturb the operation at one point."""
        self._begin_anew()
        ended = self._act(fault, number)
        if self._disk is not None:
            self._disk.come_up_again()
        state = self._look()
        self._operation.act(self._place, self._database())
        again = self._look()
        (call,) = self._noted()
        return Point(call, ended, state, again)

    def _noted(self) -> list[str]:
        noted = self._log.read_text("utf-8").replace(str(self._folder), "")
        return noted.splitlines()

    @property
    def _log(self) -> Path:
        return self._folder / "point"

    @property
    def _place(self) -> Path:
        return self._folder / "place"

    def _database(self) -> str:
        return self._url or f"sqlite:///{self._place / 'orbcast.sqlite'}"

    def _begin_anew(self) -> None:
        """Restore the initial state; a server's database is created anew."""
        self._log.unlink(missing_ok=True)
        for old in self._place.iterdir() if self._place.exists() else ():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        if self._prepared.exists():
            shutil.copytree(self._prepared, self._place, dirs_exist_ok=True)
        else:
            self._place.mkdir(exist_ok=True)
            self._operation.prepare(self._place, self._database())
            if not self._url:
                shutil.copytree(self._place, self._prepared)
        if self._disk is not None:
            self._disk.keep_all()

    def _act(self, fault: Fault, number: int) -> int | str:
        def act() -> str:
            self._library.fault_points_begin(
                str(self._place).encode(),
                str(self._log).encode(),
                ctypes.c_long(number),
                _NUMBERS[fault],
                int(bool(self._url)),
            )
            try:
                self._operation.act(self._place, self._database())
            except Exception as error:  # noqa: BLE001 - any error about a full disk
                self._library.fault_points_end()
                return self._operation.words_of(error)
            if fault == "power lost" and number != _ALL:
                self._library.fault_points_lose_power()
            self._library.fault_points_end()
            return ""

        ended, words = _in_a_child(act)
        return words or ended

    def _look(self) -> Any:
        return json.loads(json.dumps(self._operation.look(self._place, self._database())))


def _in_a_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Run work in a forked process; return how it ended, and what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 98
        try:
            os.close(reading)
            text = json.dumps(work())
            with os.fdopen(writing, "w") as answer:
                answer.write(text)
            status = 0
        except BaseException:  # noqa: BLE001 - a forked process must not continue as its parent
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    assert ended <= 0, "the forked process failed: see above"
    return ended, json.loads(text) if text else None


def tried(calls: list[str]) -> list[int]:
    """Return the numbers of the points to try."""
    following = [*calls[1:], ""]
    return [
        number
        for number, (call, after) in enumerate(zip(calls, following, strict=True), start=1)
        if call != after or "EVERY_POINT" in os.environ
    ]


def main() -> None:
    """Print the operation's undisturbed result, then one line for each fault."""
    name, folder, url, *faults = sys.argv[1:]
    module, _, attribute = name.partition(":")
    operation = getattr(importlib.import_module(module), attribute)
    trials = _Trials(operation, Path(folder), url)
    print(json.dumps(trials.calm()), flush=True)  # noqa: T201 - the parent reads it
    try:
        for fault in (fault for fault in _NUMBERS if fault in faults):
            if fault == "power lost":
                trials.mount()
            calls = trials.calls(fault)
            points = [asdict(trials.point(fault, number)) for number in tried(calls)]
            line = {"fault": fault, "count": len(calls), "points": points}
            print(json.dumps(line), flush=True)  # noqa: T201
    finally:
        trials.close()


if __name__ == "__main__":
    main()
