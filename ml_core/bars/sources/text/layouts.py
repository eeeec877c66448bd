"""Layouts of the text files of 1-minute bars of vendors and platforms.

Zones and stamps of vendors are taken from their documentation. If a platform lets its user choose
the zone, the layout has none and the caller must name it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ml_core.bars.contract import PRICES, SourceError
from ml_core.bars.sources.times import Stamp, TimeReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The layout of a text file.

    Attributes
    ----------
    name
        Its name for ``--layout``.
    columns
        Maps Orbcast's names to columns: by number without a header, otherwise by name. ``date``
        and ``time`` may be separate. If empty, the usual names are tried.
    marks
        Lower-case column names that, together, only this layout has.
    delimiter
        Separator of the columns; None detects it from the file.
    header_lines
        Lines before the first bar; the first of them names the columns.
    time_format
        strptime format of the times; None reads times that begin with the year, and epochs.
    zone
        Zone of the times; None if the file or the caller must name it.
    stamp
        The end of its minute that a bar is stamped with.
    volume_parts
        Columns that add up to the volume.
    units
        The number that a price of 1 is written as.
    is_fixed_point
        Whether the units apply only to prices without a decimal point; others are used unchanged.
    """

    name: str
    columns: dict[str, str]
    marks: frozenset[str] = frozenset()
    delimiter: str | None = ","
    header_lines: int = 1
    time_format: str | None = None
    zone: str | None = None
    stamp: Stamp = "open"
    volume_parts: tuple[str, ...] = ()
    units: float = 1.0
    is_fixed_point: bool = False

    def meaning(self) -> str:
        """Return how the layout interprets times, as text."""
        zone = f"times of {self.zone}" if self.zone else "times of a zone that you name"
        return f"{self.name} ({zone}, stamped at the {self.stamp} of the bar)"


LEAN = "lean"
"""The layout that is recognised by a file's path, never by its first line."""

_FIELDS = (*PRICES, "volume")
_NAMED = {name: name for name in _FIELDS}
_IN_ORDER = {name: str(index + 1) for index, name in enumerate(_FIELDS)}
_AFTER_TIME = {name: str(index + 2) for index, name in enumerate(_FIELDS)}
_DAY_AND_TIME = {"date": "date", "time": "time"}
_ANGLED = {name: f"<{name.upper()}>" for name in ("date", "time", *PRICES)}


def _marks(*names: str) -> frozenset[str]:
    return frozenset(names)


_ALL = (
    Layout(name="generic", columns={}, delimiter=None),
    Layout(name="headerless", columns={"ts": "0", **_IN_ORDER}, delimiter=None, header_lines=0),
    Layout(
        name="histdata",
        columns={"ts": "0", **_IN_ORDER},
        delimiter=";",
        header_lines=0,
        zone="Etc/GMT+5",  # EST all year round
    ),
    Layout(
        name="ninjatrader",
        columns={"ts": "0", **_IN_ORDER},
        delimiter=";",
        header_lines=0,
        zone="UTC",  # the zone NinjaTrader 8 exports in
        stamp="close",
    ),
    Layout(
        name="metatrader",
        columns={**_ANGLED, "volume": "<TICKVOL>"},
        marks=_marks("<date>", "<time>", "<tickvol>"),
        delimiter="\t",
    ),
    Layout(
        name="metatrader4",
        columns={"date": "0", "time": "1", **_AFTER_TIME},
        header_lines=0,
    ),
    Layout(
        name="tradestation",
        columns={**_DAY_AND_TIME, **{name: name for name in PRICES}},
        marks=_marks("date", "time", "up", "down"),
        time_format="%m/%d/%Y %H:%M",
        stamp="close",
        volume_parts=("Up", "Down"),
    ),
    Layout(
        name="tradestation",  # from a chart with total volume
        columns={**_DAY_AND_TIME, **_NAMED, "volume": "Vol"},
        marks=_marks("date", "time", "vol", "oi"),
        time_format="%m/%d/%Y %H:%M",
        stamp="close",
    ),
    Layout(
        name="multicharts",
        columns={**_DAY_AND_TIME, **_NAMED, "volume": "TotalVolume"},
        marks=_marks("date", "time", "totalvolume"),
        stamp="close",
    ),
    Layout(
        name="sierra",
        columns={**_DAY_AND_TIME, **_NAMED, "close": "last"},
        marks=_marks("date", "time", "last", "numberoftrades"),
    ),
    Layout(
        name="barchart",
        columns={"ts": "Time", **_NAMED, "close": "Latest"},
        marks=_marks("time", "latest", "change"),
    ),
    Layout(
        name="barchart",
        columns={"ts": "Time", **_NAMED, "close": "Last"},
        marks=_marks("time", "last", "change"),
    ),
    Layout(
        name="kibot",
        columns={"date": "0", "time": "1", **_AFTER_TIME},
        header_lines=0,
        time_format="%m/%d/%Y %H:%M",
        zone="America/New_York",
    ),
    Layout(
        name="firstrate",
        columns={"ts": "0", **_IN_ORDER},
        header_lines=0,
        zone="America/New_York",
    ),
    Layout(
        name="dukascopy",
        columns={"ts": "Gmt time", **_NAMED},
        marks=_marks("gmt time"),
        time_format="%d.%m.%Y %H:%M:%S.%f",
        zone="UTC",
    ),
    Layout(
        name="dukascopy",  # current export of its site, each time with its offset
        columns={"ts": "Etc/UTC", **_NAMED},
        marks=_marks("etc/utc", "open"),
        zone="UTC",
    ),
    Layout(
        name="dukascopy-local",
        columns={"ts": "Local time", **_NAMED},
        marks=_marks("local time"),
        time_format="%d.%m.%Y %H:%M:%S.%f GMT%z",
    ),
    Layout(name="binance", columns={"ts": "0", **_IN_ORDER}, header_lines=0),
    Layout(
        name="massive",
        columns={"ts": "window_start", "contract": "ticker", **_NAMED},
        marks=_marks("ticker", "window_start"),
    ),
    Layout(
        name="databento",
        columns={"ts": "ts_event", "contract": "symbol", **_NAMED},
        marks=_marks("ts_event", "rtype", "publisher_id"),
        units=1e9,
        is_fixed_point=True,
    ),
    Layout(
        name="alpaca",
        columns={"ts": "timestamp", **_NAMED},
        marks=_marks("timestamp", "trade_count", "vwap"),
    ),
    Layout(
        name="yfinance",  # written with a header level for the ticker
        columns={"ts": "Price", **_NAMED},
        marks=_marks("price", "close", "high", "low", "open", "volume"),
        header_lines=3,
    ),
    Layout(
        name="yfinance",
        columns={"ts": "Datetime", **_NAMED},
        marks=_marks("datetime", "adj close"),
    ),
    Layout(name="tradingview", columns={"ts": "time", **_NAMED}),
    Layout(
        name="ibkr",
        columns={"ts": "date", **_NAMED},
        marks=_marks("date", "average", "barcount"),
    ),
    Layout(name=LEAN, columns={"ts": "time", **_NAMED}, header_lines=0),
)
_BY_NAME: dict[str, tuple[Layout, ...]] = {}
for _layout in _ALL:
    _BY_NAME[_layout.name] = (*_BY_NAME.get(_layout.name, ()), _layout)

LAYOUTS = {name: layouts[0] for name, layouts in _BY_NAME.items()}
"""Layouts by name; the most common one if a name has several forms."""

_FIRST_ROWS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"\d{8} \d{6};"), ("histdata", "ninjatrader")),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?,"), ("firstrate", "headerless")),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d[^,;\t]*[,;\t]"), ("headerless",)),
    (re.compile(r"\d\d/\d\d/\d{4},\d\d:\d\d,"), ("kibot", "headerless")),
    (re.compile(r"\d{4}\.\d\d\.\d\d,\d\d:\d\d,"), ("metatrader4",)),
    (re.compile(r"\d\d?[/.-]\d\d?[/.-]\d{4} \d\d?:\d\d[^,;\t]*[,;\t]"), ("headerless",)),
    (re.compile(r"(\d{13}|\d{16})(,[\d.]+){11}$"), ("binance",)),
    (re.compile(r"\d{10}(\d{3}){0,3}[,;\t]"), ("headerless",)),
)
"""Possible first rows of a file without a header."""


def candidates(first_line: str) -> tuple[Layout, ...]:
    """Return the layouts that match a file's first line.

    >>> " or ".join(layout.name for layout in candidates("20240102 180000;2063.1;2063.4;2063.0"))
    'histdata or ninjatrader'
    >>> " or ".join(layout.name for layout in candidates("Gmt time,Open,High,Low,Close,Volume"))
    'dukascopy'
    """
    line = first_line.strip()
    cells = _cells(line)
    for layout in _ALL:
        if layout.marks and layout.marks <= cells:
            return (layout,)
    for pattern, names in _FIRST_ROWS:
        if pattern.match(line):
            return tuple(LAYOUTS[name] for name in names)
    return (LAYOUTS["generic"],)


def layout_of(
    first_line: str, name: str, reading: TimeReading, stamp: Stamp | None, source: str
) -> Layout:
    """Return the layout of a file.

    Parameters
    ----------
    first_line
        First line of the file.
    name
        ``auto``, or a name from ``LAYOUTS``.
    reading, stamp
        The caller's settings; they can resolve an ambiguity between layouts.
    source
        Named in errors.

    Raises
    ------
    SourceError
        There is no layout of that name; the first line matches layouts that differ in meaning; or
        the file has a header and the layout has none.
    """
    if name == "auto":
        likely = candidates(first_line)
        named = {
            "zone": reading.zone is not None,
            "time_format": reading.time_format is not None,
            "stamp": stamp is not None,
        }
        open_questions = [
            field
            for field, is_named in named.items()
            if not is_named and len({getattr(layout, field) for layout in likely}) > 1
        ]
        if open_questions:
            fault = "its first line may be " + " or ".join(layout.meaning() for layout in likely)
            remedy = "give one: " + " or ".join(f"--layout {layout.name}" for layout in likely)
            raise SourceError(source, fault, remedy)
        if likely[0].header_lines and _begins_with_digit(first_line):
            fault = f"begins with {first_line.strip()!r:.60}, no header and of no known layout"
            remedy = "add a line that names the columns, or give --layout"
            raise SourceError(source, fault, remedy)
        return likely[0]
    if name == LEAN:
        remedy = "name zips of LEAN's data folder, or give another --layout"
        raise SourceError(source, "is not a zip of LEAN's", remedy)
    if name not in LAYOUTS:
        raise SourceError(source, f"no layout named {name!r}", f"use auto, {', '.join(LAYOUTS)}")
    forms = _BY_NAME[name]
    layout = next((form for form in forms if form.marks <= _cells(first_line)), forms[0])
    if not layout.header_lines and not _begins_with_digit(first_line):
        fault = f"begins with a header, which layout {name} has not"
        raise SourceError(source, fault, "give --layout generic, or auto")
    return layout


def has_several_cells(line: str) -> bool:
    """Return whether a line contains a common column separator."""
    return len(_cells(line)) > 1


def _cells(line: str) -> set[str]:
    return {cell.strip().strip('"').lower() for cell in re.split(r"[,;\t|]", line)}


def _begins_with_digit(line: str) -> bool:
    return line.lstrip("\"' ")[:1].isdigit()
