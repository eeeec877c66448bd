"""The world of a soak: a set clock, a market, and a trader's database."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.soak.plan import Plan
from deployments.simulated import write_database
from ml_core.decision.slot import Slot
from ml_core.market.market import Market
from tasks.prediction.slots import slots_between

HISTORY = timedelta(days=300)
"""How long a history of bars precedes the first day; the first versions learn from it."""

EDGE = 0.03
PATIENCE = 300.0
_FARTHER = 3
_REVISED_BARS = 40


class World:
    """The simulated market of a plan, and the trader's database with its bars so far."""

    def __init__(self, folder: Path, plan: Plan, market: Market) -> None:
        self.plan, self.market = plan, market
        self.clock, self.trader = folder / "clock", folder / "trader.duckdb"
        self._all = folder / "world.duckdb"
        self._ahead = -1e12
        self._dark_from: datetime | None = None
        self._random = random.Random(plan.seed)  # noqa: S311 - no secret
        last = plan.first + timedelta(days=plan.days * 7 // 5 + 4)
        slots = slots_between(market, plan.first, last)
        days = sorted({slot.trading_day for slot in slots})[: plan.days]
        self.slots = [slot for slot in slots if slot.trading_day in days]
        self.day_number = {day: number for number, day in enumerate(days)}
        self._range_minutes = {one.name: one.minutes for one in market.ranges}

    def prepare(self) -> None:
        """Simulate the market; fill the trader's database with the bars before the first day."""
        last = self.slots[-1].trading_day + timedelta(days=1)
        begin = self.plan.first - HISTORY
        write_database(self._all, self.market, begin, last, EDGE, self.plan.seed)
        self._widen()
        with duckdb.connect(str(self.trader)) as connection:
            connection.execute(f"ATTACH '{self._all}' AS world (READ_ONLY)")
            connection.execute("CREATE TABLE bars_1m AS SELECT * FROM world.bars_1m LIMIT 0")
        self.set_clock(self.slots[0].decision - timedelta(hours=2))

    def _widen(self) -> None:
        """Increase price moves in each opening range from the day of the drift on.

        Only there: features are scaled by the whole day's moves, so that a change of all prices
        would vanish from them within the weeks of their scale. A minute's bar is stretched away
        from the close before it, and its extra move is added to all later bars of every contract.
        """
        if self.plan.drift is None:
            return
        minutes = [
            slot.decision.astimezone(UTC).replace(tzinfo=None) - timedelta(minutes=before)
            for slot in self.slots
            if self.day_number[slot.trading_day] >= self.plan.drift
            for before in range(1, self._range_minutes[slot.opening_range] + 1)
        ]
        moved = ", ".join(
            f"{name} = round({name} + own.added + own.farther * ({name} - own.before), 1)"
            for name in ("open", "high", "low", "close")
        )
        with duckdb.connect(str(self._all)) as own:
            own.execute(
                "CREATE TEMP TABLE own AS SELECT ts_utc, contract, close AS closed, "
                "lag(close, 1, open) OVER (PARTITION BY contract ORDER BY ts_utc) AS before, "
                "CASE WHEN list_contains(?, ts_utc) THEN ? ELSE 0 END AS farther, "
                "0.0::DOUBLE AS added FROM bars_1m",
                [minutes, _FARTHER - 1],
            )
            own.execute(
                "UPDATE own SET added = coalesce(until.added, 0) FROM (SELECT ts_utc, sum(more) "
                "OVER (ORDER BY ts_utc ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS added "
                "FROM (SELECT ts_utc, first(farther * (closed - before) ORDER BY contract) "
                "AS more FROM own GROUP BY ts_utc)) AS until WHERE until.ts_utc = own.ts_utc"
            )
            own.execute(
                f"UPDATE bars_1m SET {moved} FROM own "  # noqa: S608 - names of the four above
                "WHERE own.ts_utc = bars_1m.ts_utc AND own.contract = bars_1m.contract"
            )

    def set_clock(self, moment: datetime) -> None:
        """Move the simulated clock forward to a moment, and the trader's database with it."""
        self.point_clock(moment)
        self.append_bars(min(moment, self._dark_from or moment))

    def point_clock(self, moment: datetime) -> None:
        """Move the simulated clock forward to a moment; it never goes back."""
        self._ahead = max((moment - datetime.now(UTC)).total_seconds(), self._ahead)
        beside = self.clock.with_suffix(".new")
        beside.write_text(str(self._ahead), encoding="utf-8")
        beside.replace(self.clock)

    def note_silence(self, slot: Slot) -> bool:
        """Note whether the source has stopped before a slot; return True if it just has."""
        number = self.day_number[slot.trading_day]
        at = [one.opening_range for one in self.slots if one.trading_day == slot.trading_day]
        stalled = number in self.plan.stalled and 1 <= at.index(slot.opening_range) <= 3
        if not (stalled or number in self.plan.without_data):
            self._dark_from = None
        elif self._dark_from is None:
            self._dark_from = slot.decision - timedelta(minutes=30)
            return True
        return False

    def append_bars(self, moment: datetime) -> None:
        """Write the bars closed by a moment to the trader's database."""
        until = (moment - timedelta(minutes=1)).astimezone(UTC).replace(tzinfo=None)

        def append(own: duckdb.DuckDBPyConnection) -> None:
            own.execute(f"ATTACH '{self._all}' AS world (READ_ONLY)")
            own.execute(
                "INSERT INTO bars_1m SELECT * FROM world.bars_1m WHERE ts_utc <= ? AND ts_utc > "
                "coalesce((SELECT max(ts_utc) FROM bars_1m), TIMESTAMP '2000-01-01')",
                [until],
            )

        self._write(append)

    def revise(self, day: date) -> int:
        """Change the close of some bars of a day and the day before; return how many."""
        changed = 0

        def change(own: duckdb.DuckDBPyConnection) -> None:
            nonlocal changed
            rows = own.execute(
                "SELECT ts_utc, contract FROM bars_1m WHERE ts_utc >= ? AND high > low "
                "ORDER BY ALL",
                [day - timedelta(days=1)],
            ).fetchall()
            for stamp, contract in self._random.sample(rows, min(_REVISED_BARS, len(rows))):
                own.execute(
                    "UPDATE bars_1m SET close = CASE WHEN close = high THEN low ELSE high END "
                    "WHERE ts_utc = ? AND contract = ?",
                    [stamp, contract],
                )
                changed += 1

        self._write(change)
        return changed

    @contextlib.contextmanager
    def locked_source(self) -> Iterator[None]:
        """Hold the trader's database open for writing in another process, for five seconds."""
        hold = (
            "import duckdb, sys, time; own = duckdb.connect(sys.argv[1]);"
            "print('held', flush=True); time.sleep(5)"
        )
        command = [sys.executable, "-c", hold, str(self.trader)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            yield

    def _write(self, statements: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
        """Write like a trader's script: retry if another process reads the database."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with duckdb.connect(str(self.trader)) as connection:
                    statements(connection)
            except duckdb.IOException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return
