"""Processor time and memory of a process and everything that it started."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import psutil

_SAMPLE_SECONDS = 0.5


@dataclass(slots=True)
class Usage:
    """Use of a process tree over a time.

    Attributes
    ----------
    processor
        Processor seconds by role: ``server``, ``runner``, ``runs``, ``other``.
    peak_mb
        Largest memory at a moment, in megabytes; memory shared by processes counts once.
    peak_processes
        Largest number of processes at a moment.
    seconds
        Seconds on the clock.
    """

    processor: Counter[str] = field(default_factory=Counter)
    peak_mb: float = 0.0
    peak_processes: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        parts = ", ".join(f"{role} {spent:.1f} s" for role, spent in self.processor.items())
        return (
            f"processor {self.total:.1f} s ({parts}), {self.seconds:.0f} s on the clock, peak "
            f"{self.peak_mb:.0f} MB in {self.peak_processes} processes"
        )

    @property
    def total(self) -> float:
        """Processor seconds of all roles."""
        return sum(self.processor.values())


class Sampler:
    """Samples a process tree in a thread while the context is open."""

    def __init__(self, root: int) -> None:
        self.usage = Usage()
        self._root = psutil.Process(root)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._began, self._before = time.monotonic(), self._processor()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        after = self._processor()
        after.subtract(self._before)
        self.usage.processor = after
        self.usage.seconds = time.monotonic() - self._began

    def _sample(self) -> None:
        while not self._end.wait(_SAMPLE_SECONDS):
            processes = self._tree()
            memory = 0.0
            for process in processes:
                with contextlib.suppress(psutil.Error):
                    memory += process.memory_full_info().pss / 1024**2
            self.usage.peak_mb = max(self.usage.peak_mb, memory)
            self.usage.peak_processes = max(self.usage.peak_processes, len(processes))

    def _tree(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]

    def _processor(self) -> Counter[str]:
        """Return the processor seconds so far; those of ended processes are in their parent's."""
        spent: Counter[str] = Counter()
        for role, process in _roles(self._tree()):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                spent[role] += times.user + times.system
                reaped = "runs" if role == "runner" else role
                spent[reaped] += times.children_user + times.children_system
        return spent


def _roles(processes: list[psutil.Process]) -> Iterator[tuple[str, psutil.Process]]:
    for process in processes:
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if "forkserver" in words:
            yield "runs", process
        elif "deployments.serving.runner" in words:
            yield "runner", process
        elif "server" in words or "uvicorn" in words:
            yield "server", process
        else:
            yield "other", process
