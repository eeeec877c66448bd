"""Simulated markets with different hours, zones and ticks, and a trader's database for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from deployments.simulated import write_database
from ml_core.decision.slot import Slot
from ml_core.market.market import Market
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tasks.prediction.slots import slots_between
from tasks.settings import Settings

DAY = date(2025, 9, 17)
"""The Wednesday whose ranges are predicted: summer time in Chicago, New York and London."""

COMMON = datetime(2025, 9, 17, 13, 35, tzinfo=UTC)
"""When one range of each market closes."""

_EDGE = 0.03
_SEED = 7
_TICKS = (0.25, 0.1, 0.01, 1.0, 0.005)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours of a market: zone, calendar, start of its day, sessions and starts of its ranges."""

    zone: str
    calendar: str
    day_start: str
    on_previous_date: bool
    sessions: tuple[tuple[str, str, str], ...]
    ranges: tuple[tuple[str, str], ...]


HOURS = (
    Hours(
        zone="US/Eastern",
        calendar="CME_Equity",
        day_start="18:00",
        on_previous_date=True,
        sessions=(
            ("overnight", "18:00", "03:00"),
            ("london", "03:00", "09:30"),
            ("rth", "09:30", "16:00"),
        ),
        ranges=(
            ("19:00", "overnight"),
            ("21:00", "overnight"),
            ("03:00", "london"),
            ("05:00", "london"),
            ("09:30", "rth"),
            ("11:00", "rth"),
        ),
    ),
    Hours(
        zone="US/Central",
        calendar="CME_Equity",
        day_start="17:00",
        on_previous_date=True,
        sessions=(
            ("overnight", "17:00", "02:00"),
            ("london", "02:00", "08:30"),
            ("rth", "08:30", "15:00"),
        ),
        ranges=(
            ("18:10", "overnight"),
            ("22:20", "overnight"),
            ("02:30", "london"),
            ("06:40", "london"),
            ("08:30", "rth"),
            ("12:50", "rth"),
        ),
    ),
    Hours(
        zone="Europe/London",
        calendar="CMEGlobex_Gold",
        day_start="23:00",
        on_previous_date=True,
        sessions=(
            ("asia", "23:00", "08:00"),
            ("london", "08:00", "14:30"),
            ("new_york", "14:30", "21:00"),
        ),
        ranges=(
            ("01:00", "asia"),
            ("08:00", "london"),
            ("10:00", "london"),
            ("12:00", "london"),
            ("14:30", "new_york"),
            ("16:00", "new_york"),
        ),
    ),
    Hours(
        zone="Australia/Brisbane",
        calendar="CMEGlobex_Gold",
        day_start="09:00",
        on_previous_date=False,
        sessions=(
            ("asia", "09:00", "17:00"),
            ("london", "17:00", "23:30"),
            ("new_york", "23:30", "05:00"),
        ),
        ranges=(
            ("09:30", "asia"),
            ("10:30", "asia"),
            ("13:00", "asia"),
            ("18:00", "london"),
            ("23:30", "new_york"),
            ("01:00", "new_york"),
        ),
    ),
)


def market_text(number: int) -> str:
    """Return the market file of a number; its name is ``m`` and two digits."""
    hours, symbol = HOURS[number % len(HOURS)], symbol_of(number)
    tick = _TICKS[number % len(_TICKS)]
    lines = [
        f'symbol = "{symbol}"',
        f'name = "Simulated {symbol}"',
        f'zone = "{hours.zone}"',
        f'day_start = "{hours.day_start}"',
        f"day_start_on_previous_date = {str(hours.on_previous_date).lower()}",
        f'calendar = "{hours.calendar}"',
        'roll = "previous_day_volume"',
        rf"contract_pattern = '{symbol}[FGHJKMNQUVXZ]\d{{1,2}}'",
        "[instrument]",
        f'tick_size = "{tick}"',
        "tick_value = 5.0",
        "commission_per_side = 1.24",
        "slippage_ticks_per_side = 1",
        'currency = "USD"',
    ]
    for name, start, end in hours.sessions:
        lines += ["[[sessions]]", f'name = "{name}"', f'start = "{start}"', f'end = "{end}"']
    for start, session in hours.ranges:
        lines += [
            "[[ranges]]",
            f'name = "{start.replace(":", "")}"',
            f'start = "{start}"',
            "minutes = 5",
            f'session = "{session}"',
        ]
    lines += ["[quality]", "max_bad_share = 0.01", "spike_ticks = 5000"]
    lines += ["stale_minutes = 30", "gap_minutes = 60"]
    return "\n".join(lines) + "\n"


def symbol_of(number: int) -> str:
    """Return the symbol of a market's number."""
    return f"M{number:02d}"


class MarketWorld:
    """The simulated markets of one home, and the databases that are their sources.

    Parameters
    ----------
    folder
        Folder of the databases; simulated bars of earlier worlds are used again.
    settings
        The installation whose markets and sources these become.
    markets
        Number of markets.
    years
        Years of bars before the predicted day.
    """

    def __init__(self, folder: Path, settings: Settings, markets: int, years: float) -> None:
        self._folder, self._settings, self._years = folder, settings, years
        self.names = tuple(symbol_of(number).lower() for number in range(markets))

    def prepare(self) -> None:
        """Write market files, simulate bars up to a day before, and name the sources."""
        own = self._settings.own_markets_dir
        own.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(self.names):
            (own / f"{name}.toml").write_text(market_text(number), "utf-8")
        for number, name in enumerate(self.names):
            database = self._folder / f"{name}.duckdb"
            database.unlink(missing_ok=True)
            self._copy(number, database)
            spec = SourceSpec(
                kind="duckdb", paths=(str(database),), columns={"contract": "contract"}
            )
            remember_source(self._settings.sources_file, name, spec)

    def market(self, name: str) -> Market:
        """Return a market of this world."""
        return self._settings.market(name)

    def common_slots(self) -> list[tuple[str, Slot]]:
        """Return each market's slot that closes in the common minute."""
        return [
            (name, slot)
            for name in self.names
            for slot in slots_between(self.market(name), DAY - timedelta(days=1), DAY)
            if slot.decision == COMMON
        ]

    def append_bars(self, until: datetime) -> None:
        """Write the bars that have closed by a time to each trader's database."""
        stamp = (until - timedelta(minutes=1)).astimezone(UTC).replace(tzinfo=None)
        for number, name in enumerate(self.names):
            with duckdb.connect(str(self._folder / f"{name}.duckdb")) as own:
                own.execute(f"ATTACH '{self._simulated(number)}' AS world (READ_ONLY)")
                (last,) = own.execute("SELECT max(ts_utc) FROM bars_1m").fetchone()  # type: ignore[misc]
                own.execute(
                    f"INSERT INTO bars_1m {_bars_as(number)} WHERE ts_utc > ? AND ts_utc <= ?",
                    [last, stamp],
                )

    def _copy(self, number: int, database: Path) -> None:
        begin = COMMON - timedelta(days=1)
        with duckdb.connect(str(database)) as own:
            own.execute(f"ATTACH '{self._simulated(number)}' AS world (READ_ONLY)")
            own.execute(
                f"CREATE TABLE bars_1m AS {_bars_as(number)} WHERE ts_utc <= ?",
                [begin.replace(tzinfo=None)],
            )

    def _simulated(self, number: int) -> Path:
        """Return the bars simulated with a market's hours, which others with the same use too."""
        kind = number % len(HOURS)
        path = self._folder / f"hours{kind}-{self._years:g}-years.duckdb"
        if not path.exists():
            first = DAY - timedelta(days=round(self._years * 365.25))
            market = self.market(symbol_of(kind).lower())
            write_database(path, market, first, DAY + timedelta(days=1), _EDGE, _SEED + kind)
        return path


def _bars_as(number: int) -> str:
    """Return the query for the simulated bars with a market's own symbol and tick."""
    kind, symbol = number % len(HOURS), symbol_of(number)
    scale = _TICKS[number % len(_TICKS)] / _TICKS[kind % len(_TICKS)]
    prices = ", ".join(
        f"{name} * {scale!r} AS {name}" for name in ("open", "high", "low", "close")
    )
    return (
        f"SELECT ts_utc, '{symbol}' AS symbol, "  # noqa: S608 - numbers and names made here
        f"replace(contract, '{symbol_of(kind)}', '{symbol}') AS contract, {prices}, volume "
        "FROM world.bars_1m"
    )
