"""A market file from the specification of an instrument: `orbcast market new`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from ml_core.errors import InputError
from ml_core.market.exchange import trade_dates
from ml_core.market.schedule import from_minute

_SPECIFICATIONS = Path(__file__).with_name("instruments.toml")
_YEARS = (2024, 2025)
"""Years whose trading hours give the start of the trading day, in summer and winter."""

_ALL_MONTHS = "FGHJKMNQUVXZ"
_MINUTES_A_DAY = 1440
_RANGE = re.compile(r"(\d{2}:\d{2})(?:/(\d{1,3}))?")
_USUAL_MINUTES = 5


class UnknownInstrumentError(InputError):
    """An instrument without a known specification."""

    root: str
    available: tuple[str, ...]
    template = (
        "no instrument {root!r} is known; name one it is like with --like "
        "({available:, }), and --symbol with the name your bars have"
    )


class RangeTextError(InputError):
    """Text that is not an opening range."""

    text: str
    template = "--range {text!r} is not an opening range; write 09:30/5 (start/minutes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """The specification of an instrument.

    Attributes
    ----------
    root
        Its symbol, such as ``ES``.
    below_zero
        Whether it has traded at zero or below.
    name, tick, value, currency, volume
        Its name; the tick size, its value in money and the currency; the smallest volume.
    months
        Letters of the months in which it expires; empty without an expiry.
    calendar, zone
        Exchange calendar, and the zone in which its opening ranges are usually stated.
    first_range, session_end
        Local times: start of its first range, and the latest end of its trades.
    """

    root: str
    name: str
    tick: str
    value: float
    currency: str
    volume: str
    below_zero: bool
    months: str
    calendar: str
    zone: str
    first_range: str
    session_end: str


@dataclass(frozen=True, slots=True)
class RangeChoice:
    """A chosen opening range: local start and length in minutes."""

    start: str
    minutes: int

    @classmethod
    def of(cls, text: str) -> RangeChoice:
        """Read text such as ``09:30/5``; the default length is five minutes.

        Raises
        ------
        RangeTextError
            The text is not an opening range.
        """
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            raise RangeTextError(text)
        return cls(match[1], int(match[2] or _USUAL_MINUTES))

    @property
    def name(self) -> str:
        """Its name in the market file: its start, and its length if that is unusual."""
        length = "" if self.minutes == _USUAL_MINUTES else f"_{self.minutes}m"
        return self.start.replace(":", "") + length


@cache
def specifications() -> dict[str, Specification]:
    """Return the known specifications, by symbol."""
    values = tomllib.loads(_SPECIFICATIONS.read_text("utf-8"))
    by_root = {}
    for root, own in values["instruments"].items():
        given = {**values["families"][own["family"]], **own}
        months = given.get("months", given.get("contracts", _ALL_MONTHS))
        by_root[root] = Specification(
            root=root,
            name=given["name"],
            tick=given["tick"],
            value=given["value"],
            currency=given.get("currency", "USD"),
            volume=given.get("volume", "1"),
            below_zero=given.get("below_zero", False),
            months=months,
            calendar=given["calendar"],
            zone=given["zone"],
            first_range=given["range"],
            session_end=given["end"],
        )
    return by_root


def specification(root: str) -> Specification:
    """Return the specification of an instrument.

    Raises
    ------
    UnknownInstrumentError
        None is known.
    """
    available = specifications()
    if root.upper() not in available:
        raise UnknownInstrumentError(root, tuple(available))
    return available[root.upper()]


def market_file(
    spec: Specification,
    symbol: str,
    *,
    zone: str,
    ranges: Sequence[RangeChoice],
    commission: float,
    slippage_ticks: float,
) -> str:
    """Return a market file (TOML).

    Parameters
    ----------
    spec
        Specification of the instrument.
    symbol
        Symbol of its bars.
    zone
        IANA zone in which the ranges are stated.
    ranges
        Opening ranges, at least one.
    commission, slippage_ticks
        Cost of one side: money per contract, and ticks.
    """
    name = spec.name if symbol == spec.root else f"{symbol}, {spec.name}"
    start, evening = day_start(spec.calendar, zone)
    in_order = sorted(ranges, key=lambda choice: (_minute(choice.start) - start) % _MINUTES_A_DAY)
    own_clock = zone == spec.zone
    end = spec.session_end if own_clock else _text(day_end(spec.calendar, zone, start))
    pattern = f"{re.escape(symbol)}[{spec.months}]\\d{{1,2}}" if spec.months else re.escape(symbol)
    lines = [
        f"# {name}, seen from {zone}. Written by `orbcast market new`; yours to change.",
        f'symbol = "{symbol}"',
        f'name = "{name}"',
        f'zone = "{zone}"',
        f'day_start = "{_text(start)}"',
        *(["day_start_on_previous_date = true   # day D starts on the evening before"] * evening),
        f'calendar = "{spec.calendar}"',
        f'roll = "{"previous_day_volume" if spec.months else "none"}"',
        f"contract_pattern = '{pattern}'",
        "",
        "[instrument]",
        f'tick_size = "{spec.tick}"',
        f"tick_value = {spec.value}",
        f"commission_per_side = {commission}",
        f"slippage_ticks_per_side = {slippage_ticks}",
        *([f'volume_step = "{spec.volume}"'] * (spec.volume != "1")),
        f'currency = "{spec.currency}"',
        *(["allow_nonpositive_prices = true      # as in April 2020"] * spec.below_zero),
        "",
        "[[sessions]]                        # a trade ends at its session's end at the latest",
        'name = "day"',
        f'start = "{in_order[0].start}"',
        f'end = "{end}"',
    ]
    for choice in in_order:
        lines += [
            "",
            "[[ranges]]",
            f'name = "{choice.name}"',
            f'start = "{choice.start}"',
            f"minutes = {choice.minutes}",
            'session = "day"',
        ]
    return "\n".join(lines) + "\n"


def day_start(calendar: str, zone: str) -> tuple[int, bool]:
    """Return the local minute at which a trading day starts, and whether on the date before.

    The latest start of a year is used. If the exchange's summer time moves the start, the hour
    before it still belongs to the day before, so that a range keeps its local time.
    """
    hours = trade_dates(calendar, *_YEARS)
    starts = [
        _local_offset(int(opens), day, zone)
        for opens, day in zip(hours.open, hours.day.astype(object), strict=True)
    ]
    latest = max(starts)
    return latest % _MINUTES_A_DAY, latest < 0


def day_end(calendar: str, zone: str, start: int) -> int:
    """Return the local minute of the earliest end of a trading day, early closes aside."""
    hours = trade_dates(calendar, *_YEARS)
    regular = ~hours.early_close
    ends = [
        (_local_minute(int(closes), zone) - start) % _MINUTES_A_DAY or _MINUTES_A_DAY
        for closes in hours.close[regular]
    ]
    return (start + min(*ends, _MINUTES_A_DAY - 1)) % _MINUTES_A_DAY


def _local_offset(minute: int, day: object, zone: str) -> int:
    """Return a minute as local minutes since the midnight at which its trade date begins."""
    local = from_minute(minute).astimezone(ZoneInfo(zone))
    days = (local.date() - day).days  # type: ignore[operator]
    return int(days) * _MINUTES_A_DAY + local.hour * 60 + local.minute


def _local_minute(minute: int, zone: str) -> int:
    local = from_minute(minute).astimezone(ZoneInfo(zone))
    return local.hour * 60 + local.minute


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
