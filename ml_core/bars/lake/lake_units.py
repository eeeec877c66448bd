"""The units of a symbol's stored bars, which never change."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from ml_core.bars.arrow_values import numbers_of
from ml_core.bars.contract import PRICES
from ml_core.bars.lake.month_file import read_rows, reading_month_file
from ml_core.errors import InputError
from ml_core.files import written_atomically
from ml_core.json_values import parse_json
from ml_core.market.instrument import Instrument
from ml_core.market.market import Market

_FILE = "units.json"
_UNITS = ("tick_size", "volume_step")


class UnitsChangedError(InputError):
    """A market file's tick or smallest volume differs from that of the stored bars."""

    symbol: str
    folder: str
    unit: str
    kept: str
    given: str
    template = (
        "the bars of {symbol} are stored with instrument.{unit} = {kept}, and the market file "
        "says {given}: old versions would predict from other numbers. Restore it, give the "
        "market another symbol, or move the bars away and ingest anew: {folder}"
    )


def require_same_units(folder: Path, market: Market) -> None:
    """Check that a market's units are those of its stored bars.

    Raises
    ------
    UnitsChangedError
        The units differ.
    """
    kept = _read(folder)
    for unit in _UNITS:
        given = getattr(market.instrument, unit)
        if unit in kept and Decimal(kept[unit]) != given:
            raise UnitsChangedError(market.symbol, str(folder), unit, kept[unit], str(given))


def record_units(folder: Path, market: Market) -> None:
    """Record a market's units with its bars, if none are; the caller holds the lake's lock.

    Raises
    ------
    UnitsChangedError
        Other units are recorded, or some bars are not on the tick.
    """
    require_same_units(folder, market)
    if (folder / _FILE).exists():
        return
    months = sorted((folder / "bars").glob("[0-9]*.parquet"))
    if months and not _on_tick(months[-1], market.instrument):
        given = str(market.instrument.tick_size)
        raise UnitsChangedError(market.symbol, str(folder), "tick_size", "a finer one", given)
    units = {unit: str(getattr(market.instrument, unit)) for unit in _UNITS}
    with written_atomically(folder / _FILE) as temporary:
        temporary.write_text(json.dumps(units), encoding="utf-8")


def _read(folder: Path) -> dict[str, str]:
    try:
        return dict(parse_json((folder / _FILE).read_text("utf-8")))
    except FileNotFoundError:
        return {}


def _on_tick(month: Path, instrument: Instrument) -> bool:
    with reading_month_file(month):
        rows = read_rows(month)
    return all(bool(instrument.is_on_tick(numbers_of(rows[name])).all()) for name in PRICES)
