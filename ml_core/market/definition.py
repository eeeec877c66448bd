"""What of a market file decides what labels and features mean, and a hash of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from ml_core.market.market import Market

NO_MEANING = frozenset({"name", "family", "quality", "decision_delay_minutes"})
NO_MEANING_OF_INSTRUMENT = frozenset({"allow_nonpositive_prices"})
"""Fields that change no label and no feature of given bars: which rows are taken in, what is
reported of them, whose trials are paid for and when a prediction is started. The bars themselves
have their own fingerprint. Every other field decides meaning, a new one too."""

_CALENDAR_DAYS = "calendar_days"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a market's definition that two of them have differently; None is not given."""

    field: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.field} was {self.before or 'not set'}, is {self.after or 'not set'}"


@dataclass(frozen=True)
class MarketDefinition:
    """The part of a market that decides what its labels and features mean.

    Defaults are left out, so that a field added later changes no definition of before, and values
    are spelled in one way: ``0.1`` and ``0.10`` are the same tick.

    Attributes
    ----------
    symbol
        The market's symbol.
    values
        The fields, plain values as JSON has them.
    """

    symbol: str
    values: dict[str, Any]

    @classmethod
    def of(cls, market: Market) -> MarketDefinition:
        """Return the definition of a market."""
        left_out: dict[str, Any] = dict.fromkeys(NO_MEANING, True)
        left_out["instrument"] = set(NO_MEANING_OF_INSTRUMENT)
        values = market.model_dump(mode="json", exclude=left_out, exclude_defaults=True)
        for name in ("tick_size", "volume_step"):
            if name in values["instrument"]:
                number: Decimal = getattr(market.instrument, name)
                values["instrument"][name] = f"{number.normalize():f}"
        for given, session in zip(values["sessions"], market.sessions, strict=True):
            given["zone"] = session.zone or market.zone
        for given, spec in zip(values["ranges"], market.ranges, strict=True):
            given["zone"] = market.zone_of(spec).key
        for given, day in zip(values.get("calendar_days", []), market.calendar_days, strict=True):
            given["zone"] = day.zone or market.zone
        return cls(market.symbol, values)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the fields, hex."""
        text = json.dumps(self.values, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def changes(self, later: MarketDefinition) -> tuple[FieldChange, ...]:
        """Return the fields that differ in a later definition, sorted by name.

        Sessions, ranges and calendar days go by their name, such as ``ranges.0900.minutes``.
        """
        before, after = dict(_fields(self.values)), dict(_fields(later.values))
        return tuple(
            FieldChange(name, before.get(name), after.get(name))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        )

    def changes_of_question(self, later: MarketDefinition) -> tuple[FieldChange, ...]:
        """Return the same without single calendar days.

        A day's own hours are a fact about the bars, like a revised bar: they name evidence, and
        a version goes on answering the question that it learned.
        """
        return tuple(
            change
            for change in self.changes(later)
            if change.field.partition(".")[0] != _CALENDAR_DAYS
        )

    def market(self, now: Market) -> Market:
        """Return the market so defined; what decides no meaning is that of the market now."""
        kept = now.model_dump(include=set(NO_MEANING), exclude_defaults=True)
        of_instrument = now.instrument.model_dump(include=set(NO_MEANING_OF_INSTRUMENT))
        instrument = {**of_instrument, **self.values["instrument"]}
        return Market.model_validate({**kept, **self.values, "instrument": instrument})


def _fields(values: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _fields(value, f"{name}.{key}" if name else key)
    elif isinstance(values, list):
        names = [str(value.get("name") or value.get("day")) for value in values]
        yield name, ", ".join(names)
        for own, value in zip(names, values, strict=True):
            yield from _fields(
                {key: part for key, part in value.items() if key not in {"name", "day"}},
                f"{name}.{own}",
            )
    else:
        yield name, str(values)
