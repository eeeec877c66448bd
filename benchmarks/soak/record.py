"""The result of a soak."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

_FEWEST_SAMPLES = 6
_MOST_GROWTH = 1.3
"""Allowed growth of memory and open files from the first third of the nights to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Memory and files of `orbcast up` and the home on one night.

    Attributes
    ----------
    memory_mb, open_files
        Totals of all its processes.
    temporary_files
        Files and folders in the temporary folder, each by its path there.
    prefect_mb, runs, events
        Size of Prefect's database, and the numbers of flow runs and events in it.
    """

    memory_mb: float
    open_files: int
    temporary_files: tuple[str, ...]
    prefect_mb: float
    runs: int
    events: int

    def amount(self, name: str) -> float:
        """Return a figure; of the temporary files, how many there are."""
        value: float | tuple[str, ...] = getattr(self, name)
        return len(value) if isinstance(value, tuple) else value


@dataclass(slots=True)
class Record:
    """The result of a soak; ``faults`` must be empty.

    Attributes
    ----------
    planned, slots, predicted
        Numbers of slots: in the plan, with one row in the ledger, with a prediction in it.
    breaks, outcomes
        Number of slots with a breakout by the source's bars, and of those with that outcome.
    killed
        Number of processes that got SIGKILL and were seen to be gone, by kind.
    locked, stalled, revised, restarts, restored
        How often the source was locked, stalled and changed (bars); how often the machine was
        switched off; number of predictions that the restore lost.
    by_drift
        Number of retrains that a drift started.
    promoted
        How long a promotion waited for its approval, in words; empty without one.
    """

    planned: int = 0
    slots: int = 0
    predicted: int = 0
    breaks: int = 0
    outcomes: int = 0
    locked: int = 0
    stalled: int = 0
    revised: int = 0
    restarts: int = 0
    restored: str = ""
    by_drift: int = 0
    promoted: str = ""
    answered: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    states: dict[str, str] = field(default_factory=dict)
    late: int = 0
    versions: int = 0
    seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the result in a few lines."""
        reasons = ", ".join(f"{count} {why}" for why, count in self.answered.most_common())
        killed = ", ".join(f"{what} {count} times" for what, count in self.killed.most_common())
        states = Counter(self.states.values()).most_common()
        runs = ", ".join(f"{count} {state}" for state, count in states)
        rows = f"{self.slots} of {self.planned} slots have their row, {self.predicted} predicted"
        dead = f"killed with SIGKILL and seen dead: {killed or 'nothing'}"
        happened = [
            f"machine off and on {self.restarts} times" if self.restarts else "",
            f"restored from a backup: {self.restored}" if self.restored else "",
            f"{self.by_drift} retrains started by a drift" if self.by_drift else "",
            f"promotion {self.promoted}" if self.promoted else "",
        ]
        return [
            f"{rows}: {reasons}; {self.late} late",
            f"{self.outcomes} of {self.breaks} breaks have their outcome",
            f"{dead}; source locked {self.locked} times",
            f"source stalled {self.stalled} times, {self.revised} bars revised",
            *filter(None, happened),
            f"runs: {runs}",
            f"{self.versions} model versions, no two alike",
            *self._growth(),
            f"{self.seconds / 60.0:.0f} minutes",
            *(f"FAULT: {fault}" for fault in self.faults),
        ]

    def _growth(self) -> list[str]:
        if not self.samples:
            return []
        thirds = self._thirds()
        return [
            f"{name.replace('_', ' ')}, first and last third of the nights: "
            f"{median(one.amount(name) for one in thirds[0]):,.0f}, "
            f"{median(one.amount(name) for one in thirds[1]):,.0f}"
            for name in Sample.__slots__
        ]

    def _thirds(self) -> tuple[Sequence[Sample], Sequence[Sample]]:
        count = max(len(self.samples) // 3, 1)
        return self.samples[:count], self.samples[-count:]

    def look_at_growth(self) -> None:
        """Note a fault for whatever has grown from the first third of the nights to the last."""
        if len(self.samples) < _FEWEST_SAMPLES:
            return
        first, last = self._thirds()
        for name in ("memory_mb", "open_files", "temporary_files"):
            before, after = (median(one.amount(name) for one in part) for part in (first, last))
            if after > _MOST_GROWTH * before + 1:
                words = f"{name.replace('_', ' ')} grew from {before:,.0f} to {after:,.0f}"
                self.faults.append(
                    words + (self._new_files() if name == "temporary_files" else "")
                )

    def _new_files(self) -> str:
        """Return the temporary files of the last night that the first nights did not have."""
        first, last = self._thirds()
        had = {path for one in first for path in one.temporary_files}
        return ", new: " + ", ".join(path for path in last[-1].temporary_files if path not in had)
