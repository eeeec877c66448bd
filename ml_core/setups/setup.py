"""Rule setups as opening-range traders write them: range, side, target, stop, filters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

from ml_core.errors import InputError
from ml_core.market.market import Market

SIDES = ("long", "short", "both")
RRS = (1.0, 1.5, 2.0, 3.0, 4.0)
STOPS = ("full", "half")
SIZES = ("any", "small", "large")
DAYS = ("all", "Mon", "Tue", "Wed", "Thu", "Fri")
MAX_RR = 20.0


class NotAChoiceError(InputError):
    """A setup cannot have this value."""

    what: str
    value: object
    remedy: str
    template = "{what} {value!r} is not part of a setup; {remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One rule: enter at the breakout close, on the given days and sides.

    Attributes
    ----------
    opening_range
        Name of the range.
    side
        ``long``, ``short`` or ``both``: the breakouts that are taken.
    rr, stop
        Target in risks, and the position of the stop; see :class:`LabelSpec`.
    size
        ``any``, ``small`` or ``large``: height over ATR-20 at most, or above, the median of this
        range over the search period.
    day
        ``all`` or the weekday of the trading day.
    """

    json_properties: ClassVar = ("name",)

    opening_range: str
    side: str
    rr: float
    stop: str
    size: str = "any"
    day: str = "all"

    @property
    def name(self) -> str:
        """A short name of the rule.

        >>> Setup(opening_range="0900", side="long", rr=1.5, stop="half", day="Mon").name
        '0900 long, RR 1.5, half stop, Mon'
        """
        parts = [f"{self.opening_range} {self.side}", f"RR {self.rr:g}", f"{self.stop} stop"]
        if self.size != "any":
            parts.append(f"{self.size} ranges")
        if self.day != "all":
            parts.append(self.day)
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupGrid:
    """The setups to search: every combination of these values.

    The default is 6 ranges x 3 sides x 5 targets x 2 stops x 3 sizes x 6 days = 3,240 rules on
    Micro Gold, of which about 2,000 trade often enough in four years to be judged.

    Attributes
    ----------
    ranges
        Names of opening ranges; all of the market's if empty.
    sides, rrs, stops, sizes, days
        As in :class:`Setup`.

    Raises
    ------
    NotAChoiceError
        A value is unknown, or there is nothing to choose from.
    """

    ranges: tuple[str, ...] = ()
    sides: tuple[str, ...] = SIDES
    rrs: tuple[float, ...] = RRS
    stops: tuple[str, ...] = STOPS
    sizes: tuple[str, ...] = SIZES
    days: tuple[str, ...] = DAYS

    def __post_init__(self) -> None:
        for what, chosen, possible in (
            ("side", self.sides, SIDES),
            ("stop", self.stops, STOPS),
            ("size", self.sizes, SIZES),
            ("day", self.days, DAYS),
        ):
            remedy = f"use one or more of {', '.join(possible)}"
            if not chosen:
                raise NotAChoiceError(what, None, remedy)
            for choice in chosen:
                if choice not in possible:
                    raise NotAChoiceError(what, choice, remedy)
        if not self.rrs:
            raise NotAChoiceError("rr", None, "give at least one, such as 2")
        for rr in self.rrs:
            if not 0.0 < rr <= MAX_RR:
                raise NotAChoiceError("rr", rr, f"give a number above 0 up to {MAX_RR:g}")

    def setups(self, market: Market) -> tuple[Setup, ...]:
        """Enumerate the setups, each once, ranges in the order of the trading day.

        Raises
        ------
        UnknownRangeError
            The market has no such range.
        """
        names = [range_.name for range_ in market.ranges]
        chosen = sorted({market.range_index(range_) for range_ in self.ranges or names})
        return tuple(
            Setup(opening_range=names[at], side=side, rr=rr, stop=stop, size=size, day=day)
            for at, side, rr, stop, size, day in product(
                chosen,
                dict.fromkeys(self.sides),
                dict.fromkeys(self.rrs),
                dict.fromkeys(self.stops),
                dict.fromkeys(self.sizes),
                dict.fromkeys(self.days),
            )
        )
