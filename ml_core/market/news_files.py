"""Read files of scheduled news, TOML, CSV or ICS: whole, or with an error at the fault's place."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ml_core.errors import InputError
from ml_core.market.market import is_zone
from ml_core.market.news import IMPORTANCES, Importance, NewsEvent
from ml_core.toml_file import parse_toml

FIELDS = ("time", "name", "importance", "known_since", "cancelled", "zone")
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}
_HIGH, _MEDIUM = 4, 5
"""iCalendar priorities (RFC 5545): 1 to 4 are high, 5 is medium, above is low, 0 is undefined."""


class NewsFileError(InputError):
    """A file of scheduled news that cannot be used."""

    path: str
    fault: str
    remedy: str
    template = "{path}: {fault}; {remedy}"


class _FieldError(ValueError):
    """A value that cannot be used: field, value, what is wrong, what to do."""


Row = Mapping[str, Any]


def read_news(path: Path, *, market: str, zone: str | None, at: datetime) -> tuple[NewsEvent, ...]:
    """Read the events of a file.

    Parameters
    ----------
    path
        ``.toml`` with ``[[event]]`` tables, ``.csv`` with a header, or ``.ics``.
    market
        Symbol; "" for every market.
    zone
        Zone of times without an offset, in a file that names no zone.
    at
        Aware time, now. An event without ``known_since`` counts as known since now; one with a
        ``known_since`` in the future is refused.

    Raises
    ------
    NewsFileError
        The file cannot be read, or one of its events cannot be used; then none is returned.
    """
    kinds = {".toml": _toml_rows, ".csv": _csv_rows, ".ics": _ics_rows}
    rows_of = kinds.get(path.suffix.lower())
    if rows_of is None:
        fault = f"ends in {path.suffix or 'nothing'}, which is not a known kind of file"
        raise NewsFileError(str(path), fault, f"name one that ends in {', '.join(kinds)}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        events = [_event(path, place, row, market, zone, at) for place, row in rows_of(path, text)]
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NewsFileError(str(path), "does not exist", "check the path") from error
    except UnicodeDecodeError as error:
        raise NewsFileError(str(path), "is not UTF-8 text", "save it as UTF-8") from error
    if not events:
        raise NewsFileError(str(path), "has no event", f"write one with {', '.join(FIELDS[:2])}")
    return tuple(events)


def _toml_rows(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    try:
        values = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise NewsFileError(str(path), f"is not TOML ({error})", "correct it") from error
    events, zone = values.pop("event", []), values.pop("zone", None)
    unknown = ", ".join(map(str, values))
    if unknown or not isinstance(events, list):
        fault = f"has {unknown or 'event = ...'} where only zone and [[event]] belong"
        raise NewsFileError(str(path), fault, "write each event below a line [[event]]")
    for number, event in enumerate(events, 1):
        if not isinstance(event, dict):
            fault = f"event {number} is no table"
            raise NewsFileError(str(path), fault, "write each event below a line [[event]]")
        yield f"event {number}", {"zone": zone, **event}


def _csv_rows(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    start = text.partition("\n")[0]
    reader = csv.DictReader(
        text.splitlines(), delimiter=max(",;\t", key=start.count), skipinitialspace=True
    )
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = header
    if not {"time", "name"} <= set(header):
        fault = f"its first line, {start.strip()!r:.60}, names no columns time and name"
        raise NewsFileError(str(path), fault, f"write a header of {', '.join(FIELDS)}")
    for row in reader:
        if any(isinstance(cell, str) and cell.strip() for cell in row.values()):
            yield f"line {reader.line_num}", {key: _cell(cell) for key, cell in row.items()}


def _cell(cell: str | None) -> str | None:
    return (cell or "").strip() or None if isinstance(cell, str) or cell is None else str(cell)


def _ics_rows(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    """Yield the events of an iCalendar file, each with the line that it begins on."""
    row: dict[str, Any] | None = None
    begun = 0
    for number, line in _unfolded(text):
        name, _, value = line.partition(":")
        key, *options = name.upper().split(";")
        if line.strip().upper() == "BEGIN:VEVENT":
            row, begun = {}, number
        elif line.strip().upper() == "END:VEVENT" and row is not None:
            yield f"line {begun}", row
            row = None
        elif row is not None:
            row |= _ics_value(path, begun, key, options, value.strip(), name)


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Yield unfolded lines with their numbers; one that begins with a blank continues the last."""
    held: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line[:1] in {" ", "\t"} and held is not None:
            held = held[0], held[1] + line[1:]
            continue
        if held is not None:
            yield held
        held = number, line
    if held is not None:
        yield held


def _ics_value(
    path: Path, begun: int, key: str, options: list[str], value: str, name: str
) -> dict[str, str | bool]:
    if key in {"RRULE", "RDATE"}:
        fault = f"line {begun}: the event repeats ({key})"
        raise NewsFileError(str(path), fault, "write each of its times as an event of its own")
    if key == "SUMMARY":
        return {"name": re.sub(r"\\([,;\\])", r"\1", value).replace("\\n", " ")}
    if key == "PRIORITY" and value.isdigit() and int(value):
        level = int(value)
        return {"importance": "high" if level <= _HIGH else "low" if level > _MEDIUM else "medium"}
    if key == "STATUS":
        return {"cancelled": value.upper() == "CANCELLED"}
    if key == "X-KNOWN-SINCE":
        return {"known_since": _ics_time(value)}
    if key != "DTSTART":
        return {}
    named = [option for option in options if option.startswith("TZID=")]
    # take the zone's name from the original text: the options above are in upper case
    zone = name[name.upper().index("TZID=") + 5 :].partition(";")[0].strip('"') if named else None
    return {"time": _ics_time(value), **({"zone": zone} if zone else {})}


def _ics_time(value: str) -> str:
    """Return a time in ISO 8601 form; a value of another form is returned unchanged."""
    match = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z?))?", value)
    if match is None:
        return value
    day = "-".join(match.groups()[:3])
    clock = f"T{match[4]}:{match[5]}:{match[6] or '00'}" if match[4] else ""
    return f"{day}{clock}{'+00:00' if match[7] else ''}"


def _event(
    path: Path, place: str, row: Row, market: str, zone: str | None, at: datetime
) -> NewsEvent:
    """Return the event that a row of a file describes.

    Raises
    ------
    NewsFileError
        A field is missing, unknown or cannot be used.
    """
    try:
        return _event_of(row, market, zone, at)
    except _FieldError as error:
        field, value, fault, remedy = error.args
        quoted = f" {value!s:.60}" if value not in {None, ""} else ""
        raise NewsFileError(str(path), f"{place}: {field}{quoted} {fault}", remedy) from None


def _event_of(row: Row, market: str, zone: str | None, at: datetime) -> NewsEvent:
    if unknown := sorted(str(key) for key in row if key not in FIELDS):
        raise _FieldError(unknown[0], "", "is not a field", f"use {', '.join(FIELDS)}")
    own_zone = row.get("zone") or zone
    if own_zone is not None and not is_zone(str(own_zone)):
        remedy = "use an IANA name such as America/New_York"
        raise _FieldError("zone", own_zone, "is not known", remedy)
    since = row.get("known_since")
    known_since = at if since in {None, ""} else _moment("known_since", since, own_zone)
    if known_since > at:
        remedy = "leave it out: then it is the time of the import"
        raise _FieldError("known_since", since, "lies in the future", remedy)
    name = str(row.get("name") or "").strip()
    if not name:
        raise _FieldError("name", "", "is missing", "give the event's name")
    return NewsEvent(
        market=market,
        time=_moment("time", row.get("time"), own_zone, needs_clock=True),
        name=name[:100],
        importance=_importance(row.get("importance")),
        known_since=known_since,
        cancelled=_flag(row.get("cancelled")),
    )


def _importance(value: Any) -> Importance:
    text = str(value or "high").strip().lower()
    importance = next((one for one in IMPORTANCES if one == text), None)
    if importance is None:
        raise _FieldError("importance", value, "is not known", f"use {', '.join(IMPORTANCES)}")
    return importance


def _flag(value: Any) -> bool:
    flag = value if isinstance(value, bool) else _WORDS.get(str(value or "").strip().lower())
    if flag is None:
        raise _FieldError("cancelled", value, "is neither", "use true or false")
    return flag


def _moment(field: str, value: Any, zone: str | None, *, needs_clock: bool = False) -> datetime:
    """Return a written value as aware UTC time; a date alone means its first moment in UTC."""
    if value in {None, ""}:
        raise _FieldError(field, "", "is missing", "write one such as 2026-01-14T08:30")
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            remedy = "write one such as 2026-01-14T08:30"
            raise _FieldError(field, value, "is not a readable time", remedy) from None
        is_day = len(value) <= len("2026-01-14")
        moment = moment.date() if is_day else moment
    if isinstance(moment, datetime):
        try:
            return _utc(field, moment, zone)
        except OverflowError:  # in the year 1 or 9999, out of range in UTC
            remedy = "write one such as 2026-01-14T08:30"
            raise _FieldError(field, value, "is not a time in UTC", remedy) from None
    if not isinstance(moment, date):
        raise _FieldError(field, value, "is not a time", "write one such as 2026-01-14T08:30")
    if needs_clock:
        raise _FieldError(field, value, "has no time of day", "write one such as 2026-01-14T08:30")
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def _utc(field: str, moment: datetime, zone: str | None) -> datetime:
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if zone is None:
        raise _FieldError(field, moment, "has no zone", "give --zone, such as America/New_York")
    first, second = (moment.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        remedy = "write it with an offset, such as -05:00"
        raise _FieldError(field, moment, f"is an hour in which clocks of {zone} change", remedy)
    return first.astimezone(UTC)
