"""Mutation tests: single faults are inserted into a copy of the code, and tests must fail.

    python benchmarks/mutants.py [--only FILTER] [--jobs 2] [LIST.toml ...]

The faults are committed in ``benchmarks/mutations``, one entry each::

    [[mutant]]
    file = "registry/chains/chain.py"
    find = "a fragment that occurs exactly once in the file"
    replace = "the faulty fragment"
    tests = ["tests/registry/chains/test_chain.py"]
    why = "the fault this stands for"

Nothing is written to the checkout. First the list itself is checked: an entry is refused, and
nothing runs, if its fragment is missing or ambiguous, if its replacement does not compile or means
the same, or if its tests fail on the unchanged code.

Exit status: 0 if at most 10 % survive, 1 if more do, 2 if an entry was refused.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mutant_lists import LISTS, PROJECT, Mutant, read_lists, rot

MOST_SURVIVORS = 0.10
"""Share of the mutants that may survive."""

_LEAST_PATIENCE = 120.0
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Result of a mutant: the first test that failed, or that none did."""

    mutant: Mutant
    line: int
    killed: bool
    by: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """Entries that were refused, each with the reason, and the results of the others."""

    refused: tuple[str, ...] = ()
    results: tuple[Result, ...] = ()

    @property
    def survivors(self) -> tuple[Result, ...]:
        """The mutants that no test detected."""
        return tuple(result for result in self.results if not result.killed)

    @property
    def status(self) -> int:
        """The exit status."""
        if self.refused:
            return 2
        return int(len(self.survivors) > MOST_SURVIVORS * len(self.results))

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        if self.refused:
            return [*self.refused, f"{len(self.refused)} entries refused, nothing was run"]
        lines = []
        for result in self.survivors:
            mutant = result.mutant
            lines += [
                f"SURVIVED {mutant.file}:{result.line} {mutant.why}",
                *(f"    - {line}" for line in mutant.find.strip().splitlines()),
                *(f"    + {line}" for line in mutant.replace.strip().splitlines()),
                f"    {' '.join(mutant.tests)}",
            ]
        killed = len(self.results) - len(self.survivors)
        share = len(self.survivors) / len(self.results) if self.results else 0.0
        lines.append(
            f"{len(self.results)} mutants: {killed} killed, {len(self.survivors)} survived "
            f"({share:.1%}, at most {MOST_SURVIVORS:.0%})"
        )
        return lines


class Copy:
    """A throwaway copy of a checkout, in which one file at a time is broken."""

    _times = itertools.count(1)

    def __init__(self, project: Path, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder.with_name(f"{folder.name}-temporary")
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=project, check=True, capture_output=True).stdout
        for name in filter(None, names.decode().split("\0")):
            if (project / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(project / name, folder / name)

    @contextlib.contextmanager
    def broken(self, mutant: Mutant) -> Iterator[int]:
        """Insert the mutant into the copy; yield the line in which it begins."""
        path = self.folder / mutant.file
        whole = path.read_text("utf-8")
        self._write(path, whole.replace(mutant.find, mutant.replace))
        try:
            yield whole[: whole.index(mutant.find)].count("\n") + 1
        finally:
            self._write(path, whole)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, "utf-8")
        # bytecode is checked by whole seconds and size: no two versions may share both
        moment = 1_000_000_000 + next(self._times)
        os.utime(path, (moment, moment))


@dataclass(slots=True)
class Runner:
    """Runs tests in copies of a project, several at a time."""

    project: Path
    jobs: int = 1
    say: Callable[[str], object] = print
    _running: set[subprocess.Popen[str]] = field(default_factory=set)

    def run(self, mutants: Sequence[Mutant]) -> Report:
        """Check the entries, then run every mutant's tests; report which were detected."""
        faults = [(mutant, rot(mutant, self.project)) for mutant in mutants]
        refused = [_refusal(mutant, fault) for mutant, fault in faults if fault]
        if refused or not mutants:
            return Report(tuple(refused or ["no entry to run"]))
        with (
            tempfile.TemporaryDirectory(prefix="orbcast-mutants-") as folder,
            ThreadPoolExecutor(self.jobs) as pool,
        ):
            copies: queue.Queue[Copy] = queue.Queue()
            for number in range(self.jobs):
                copies.put(Copy(self.project, Path(folder) / str(number)))
            try:
                return self._run(mutants, copies, pool)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in tuple(self._running):
                    _kill(process)
                raise

    def _run(
        self, mutants: Sequence[Mutant], copies: queue.Queue[Copy], pool: ThreadPoolExecutor
    ) -> Report:
        sets = list(dict.fromkeys(mutant.tests for mutant in mutants))
        self.say(f"{len(mutants)} mutants; first their {len(sets)} sets of tests as they stand")
        patience, failing = {}, {}
        started = {pool.submit(self._as_it_stands, tests, copies): tests for tests in sets}
        for done in as_completed(started):
            tests = started[done]
            failed, seconds = done.result()
            patience[tests] = max(_LEAST_PATIENCE, _PATIENCE * seconds)
            if failed is not None:
                failing[tests] = f"its tests fail without it: {' '.join(tests)} ({failed})"
        refused = [
            _refusal(mutant, failing[mutant.tests])
            for mutant in mutants
            if mutant.tests in failing
        ]
        if refused:
            return Report(tuple(refused))
        results = {}
        running = [
            pool.submit(self._judge, mutant, patience[mutant.tests], copies) for mutant in mutants
        ]
        for number, done in enumerate(as_completed(running), 1):
            result = done.result()
            results[result.mutant] = result
            verdict = f"killed by {result.by}" if result.killed else "SURVIVED"
            self.say(
                f"[{number:3d}/{len(mutants)}] {result.mutant.file}:{result.line} "
                f"{verdict} ({result.seconds:.1f} s)"
            )
        return Report((), tuple(results[mutant] for mutant in mutants))

    def _as_it_stands(
        self, tests: tuple[str, ...], copies: queue.Queue[Copy]
    ) -> tuple[str | None, float]:
        with _taken(copies) as copy:
            return self._pytest(tests, copy, patience=3600.0)

    def _judge(self, mutant: Mutant, patience: float, copies: queue.Queue[Copy]) -> Result:
        with _taken(copies) as copy, copy.broken(mutant) as line:
            failed, seconds = self._pytest(mutant.tests, copy, patience)
        return Result(
            mutant=mutant,
            line=line,
            killed=failed is not None,
            by=failed or "",
            seconds=seconds,
        )

    def _pytest(
        self, tests: tuple[str, ...], copy: Copy, patience: float
    ) -> tuple[str | None, float]:
        """Run tests in a copy; return the first that failed, None if none did, and the seconds."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ORBCAST_", "PYTEST_")) and name != "PYTHONDONTWRITEBYTECODE"
        }
        began = time.monotonic()
        with subprocess.Popen(
            # own folders: cleaning up those of a parallel run would look like a failing test
            [sys.executable, "-m", "pytest", "-x", "-q", f"--basetemp={copy.temporary}", *tests],
            cwd=copy.folder,
            # precedes the installed checkout, also for processes that the tests start
            env={**kept, "PYTHONPATH": str(copy.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            self._running.add(process)
            try:
                output, _ = process.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                _kill(process)
                return f"a time-out of {patience:.0f} s", time.monotonic() - began
            finally:
                self._running.discard(process)
        seconds = time.monotonic() - began
        return (_first_failure(output) if process.returncode else None), seconds


def _refusal(mutant: Mutant, fault: str) -> str:
    return f"REFUSED {mutant.source} {mutant.file} ({mutant.why}): {fault}"


@contextlib.contextmanager
def _taken(copies: queue.Queue[Copy]) -> Iterator[Copy]:
    copy = copies.get()
    try:
        yield copy
    finally:
        copies.put(copy)


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _first_failure(output: str) -> str:
    for line in output.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split(" ", 1)[1].split(" - ")[0]
    return (output.strip().splitlines() or ["no output"])[-1]


def main() -> int:
    """Run the committed lists, or those named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lists", nargs="*", type=Path, help="in place of all committed lists")
    parser.add_argument("--only", default="", help="entries with this text in list, file or why")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time (default: 2)")
    given = parser.parse_args()
    mutants, malformed = read_lists(given.lists or sorted(LISTS.glob("*.toml")), given.only)
    if malformed:
        report = Report(tuple(malformed))
    else:
        runner = Runner(PROJECT, max(given.jobs, 1), lambda words: print(words, flush=True))
        report = runner.run(mutants)
    print("\n".join(report.lines()))
    return report.status


if __name__ == "__main__":
    sys.exit(main())
