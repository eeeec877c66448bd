"""A market as described by its file: instrument, sessions, opening ranges, limits."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, time
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from ml_core.errors import InputError
from ml_core.market.exchange import KEPT_CALENDARS
from ml_core.market.family import family_of
from ml_core.market.instrument import Instrument
from ml_core.on_demand import library
from ml_core.toml_file import TomlFileError, load_model

calendars = library("pandas_market_calendars")

MINUTES_A_DAY = 1440
RollRule = Literal["previous_day_volume", "same_day_volume", "none"]


class MarketFileError(TomlFileError):
    """A market file that cannot be used."""

    kind = "market file"


def is_zone(name: str) -> bool:
    """Return whether a name is an IANA zone; zones with leap seconds (``right/...``) are not."""
    with suppress(OSError, ValueError, ZoneInfoNotFoundError):
        return bool(ZoneInfo(name)) and not name.startswith("right/")
    return False


def _a_zone(name: str) -> str:
    if is_zone(name):
        return name
    raise ValueError("use an IANA zone name such as Australia/Brisbane or US/Eastern")


def _whole_minute(value: time) -> time:
    if value.second or value.microsecond or value.tzinfo is not None:
        raise ValueError("use a local time in whole minutes such as 09:00")
    return value


Zone = Annotated[str, AfterValidator(_a_zone)]
LocalTime = Annotated[time, AfterValidator(_whole_minute)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{1,24}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Session(_Frozen):
    """A named part of the trading day, local time, end exclusive.

    A session with ``before = true`` lies in the hours before the trading day's start, and so
    belongs to the end of the previous trading day's clock (pre-Asia 07:00-09:00 for MGC).
    """

    name: Name
    start: LocalTime
    end: LocalTime
    zone: Zone | None = Field(default=None, description="Own zone; the market's when left out.")
    before: bool = Field(default=False, description="Runs before the trading day's start.")


class RangeSpec(_Frozen):
    """One opening range of the day: its start, its length and its session."""

    name: Name
    start: LocalTime
    minutes: int = Field(ge=1, le=240, description="Bars opening at start .. start + minutes - 1.")
    session: Name = Field(description="Session whose end is the default scan end.")
    zone: Zone | None = Field(default=None, description="Own zone; the session's when left out.")


class CalendarDay(_Frozen):
    """A day on which the exchange's hours differ from those of its calendar.

    Times are local to ``zone``. The open is the one nearest to the calendar's open, or to the
    trading day's start if the calendar has none; the close and the halt are the next ones after
    it.
    """

    day: date = Field(description="Trade date.")
    closed: bool = Field(default=False, description="No trading at all.")
    open: LocalTime | None = Field(default=None, description="Opens then.")
    close: LocalTime | None = Field(default=None, description="Closes then.")
    halt: tuple[LocalTime, LocalTime] | None = Field(
        default=None, description="No trading from .. to, within the hours."
    )
    zone: Zone | None = Field(default=None, description="Own zone; the market's when left out.")

    @model_validator(mode="after")
    def _requires_hours_or_closed(self) -> Self:
        hours = [name for name in ("open", "close", "halt") if getattr(self, name) is not None]
        if self.closed and hours:
            raise ValueError(f"{self.day} is closed and has {', '.join(hours)}; set one of them")
        if not self.closed and not hours:
            raise ValueError(f"{self.day}: set closed = true, or its open, close or halt")
        return self


class QualityLimits(_Frozen):
    """Limits for bad bars, and for batches with too many of them."""

    max_bad_share: float = Field(
        default=0.01, ge=0, le=1, description="Share of bad rows above which a batch is refused."
    )
    spike_ticks: int = Field(
        default=500,
        ge=1,
        description="A price this far from the close before is reported as a spike.",
    )
    stale_minutes: int = Field(
        default=30, ge=2, description="Equal bars in a row, with volume, reported as stale."
    )
    gap_minutes: int = Field(
        default=60, ge=2, description="Open-market minutes without any bar reported as a gap."
    )
    judge_hours: bool = Field(
        default=True,
        description="Refuse bars that fit the exchange's hours clearly better in another zone, "
        "or stamped at the other end of the minute.",
    )


class Market(_Frozen):
    """Everything Orbcast knows about a market before any bar.

    Times are local to ``zone`` unless a session or range names its own. The trading day D runs
    from ``day_start`` on D to ``day_start`` on the next trading day.
    """

    symbol: Name
    name: str = Field(min_length=1, max_length=80)
    zone: Zone
    day_start: LocalTime
    day_start_on_previous_date: bool = Field(
        default=False, description="Trading day D starts on the evening of D-1 (CME in US time)."
    )
    calendar: str = Field(description="pandas_market_calendars name, e.g. CMEGlobex_Gold.")
    roll: RollRule = "previous_day_volume"
    contract_pattern: str = Field(
        description="Regular expression an outright contract's name matches in full; "
        "whatever does not match (spreads) is dropped."
    )
    family: Name | None = Field(
        default=None,
        description="Product or group whose markets pay for one another's trials; the full-size "
        "contract's code when left out, such as GC for MGC.",
    )
    instrument: Instrument
    decision_delay_minutes: int = Field(
        default=0,
        ge=0,
        le=30,
        description="Time from a range's close to the start of its prediction.",
    )
    sessions: tuple[Session, ...] = Field(min_length=1)
    ranges: tuple[RangeSpec, ...] = Field(min_length=1)
    calendar_days: tuple[CalendarDay, ...] = Field(
        default=(), description="Days on which the hours are not those of the calendar."
    )
    quality: QualityLimits = QualityLimits()

    @field_validator("calendar_days")
    @classmethod
    def _days_are_in_order(cls, days: tuple[CalendarDay, ...]) -> tuple[CalendarDay, ...]:
        named = [own.day for own in days]
        twice = sorted({str(day) for day in named if named.count(day) > 1})
        if twice:
            raise ValueError(
                f"days named twice: {', '.join(twice)}; put all of a day in one entry"
            )
        return tuple(sorted(days, key=lambda own: own.day))

    @field_validator("calendar")
    @classmethod
    def _calendar_exists(cls, name: str) -> str:
        if name in KEPT_CALENDARS:
            return name

        if name not in calendars.get_calendar_names():
            raise ValueError("use a name from pandas_market_calendars.get_calendar_names()")
        return name

    @field_validator("contract_pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str) -> str:

        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"use a regular expression ({error})") from error
        return pattern

    @model_validator(mode="after")
    def _names_are_unique_and_known(self) -> Self:
        for kind, names in (
            ("sessions", [session.name for session in self.sessions]),
            ("ranges", [spec.name for spec in self.ranges]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{kind} named twice: {', '.join(twice)}; give each its own name")
        sessions = {session.name for session in self.sessions if not session.before}
        for spec in self.ranges:
            if spec.session not in sessions:
                raise ValueError(
                    f"range {spec.name} names session {spec.session!r}; "
                    f"use one of {', '.join(sorted(sessions))}"
                )
        return self

    @model_validator(mode="after")
    def _ranges_lie_in_their_sessions(self) -> Self:
        for spec in self.ranges:
            session = self.session(spec.session)
            if (spec.zone or session.zone or self.zone) != (session.zone or self.zone):
                continue  # different clocks: compared day by day when the schedule is built
            length = (_minute(session.end) - _minute(session.start)) % MINUTES_A_DAY
            offset = (_minute(spec.start) - _minute(session.start)) % MINUTES_A_DAY
            if offset + spec.minutes >= length:
                raise ValueError(
                    f"range {spec.name} ({spec.start:%H:%M}, {spec.minutes} minutes) does not end "
                    f"inside session {session.name} ({session.start:%H:%M}-{session.end:%H:%M})"
                )
        return self

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> Self:
        starts = [self._offset(spec) for spec in self.ranges]
        if any(later < earlier for earlier, later in pairwise(starts)):
            raise ValueError("list the ranges in the order of the trading day")
        return self

    @property
    def trial_family(self) -> str:
        """Family whose questions are counted together: the file's setting, or the product."""
        return (
            self.family.upper() if self.family else family_of(self.symbol, self.contract_pattern)
        )

    def session(self, name: str) -> Session:
        """Return the session of that name."""
        return next(session for session in self.sessions if session.name == name)

    def range_index(self, name: str) -> int:
        """Return the position of the opening range of that name.

        Raises
        ------
        UnknownRangeError
            The market has no such range.
        """
        names = [spec.name for spec in self.ranges]
        if name not in names:
            raise UnknownRangeError(self.symbol, name, tuple(names))
        return names.index(name)

    def zone_of(self, spec: RangeSpec) -> ZoneInfo:
        """Return a range's time zone: its own, else its session's, else the market's."""
        return ZoneInfo(spec.zone or self.session(spec.session).zone or self.zone)

    def _offset(self, spec: RangeSpec) -> int:
        return (_minute(spec.start) - _minute(self.day_start)) % MINUTES_A_DAY


class UnknownRangeError(InputError):
    """The market does not have this opening range."""

    symbol: str
    name: str
    available: tuple[str, ...]
    template = "{symbol} has no opening range {name!r}; use one of {available}"


def _minute(value: time) -> int:
    return value.hour * 60 + value.minute


def load_market(path: Path) -> Market:
    """Read a market file (TOML).

    Raises
    ------
    MarketFileError
        The file is missing or not TOML, or a key is wrong; each fault has key, value and remedy.
    """
    with suppress(OSError):  # then reading it says what is wrong
        status = path.stat()
        return _loaded(path, status.st_mtime_ns, status.st_size, status.st_ino)
    return load_model(path, Market, MarketFileError, if_missing=_IF_MISSING)


_IF_MISSING = "create it or name another market"


@lru_cache(maxsize=128)
def _loaded(path: Path, *_as_written: int) -> Market:
    """Read a market file once while it stays as it is: a prediction asks for its market often."""
    return load_model(path, Market, MarketFileError, if_missing=_IF_MISSING)
