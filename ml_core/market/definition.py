"""The part of a market file that gives labels and features their meaning, with its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from ml_core.market.market import Market

NOT_PART_OF_DEFINITION = frozenset({"name", "family", "quality", "decision_delay_minutes"})
NO_MEANING_OF_INSTRUMENT = frozenset({"allow_nonpositive_prices"})
"""Fields that change no label or feature of given bars: they decide which rows are imported, what
is reported about them, whose trials are counted, and when a prediction is started. The bars have
their own fingerprint. Every other field, including new ones, belongs to the meaning."""

_CALENDAR_DAYS = "calendar_days"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that differs between two definitions of a market; None means not given."""

    field: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.field} was {self.before or 'not set'}, is {self.after or 'not set'}"


@dataclass(frozen=True)
class MarketDefinition:
    """The part of a market that gives its labels and features their meaning.

    Defaults are left out, so that a field added later does not change existing definitions. Values
    have one spelling: ``0.1`` and ``0.10`` are the same tick.

    Attributes
    ----------
    symbol
        The market's symbol.
    values
        The fields, as plain JSON values.
    """

    symbol: str
    values: dict[str, Any]

    @classmethod
    def of(cls, market: Market) -> MarketDefinition:
        """Return the definition of a market."""
        left_out: dict[str, Any] = dict.fromkeys(NOT_PART_OF_DEFINITION, True)
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
        """SHA-256, hex, of the fields."""
        text = json.dumps(self.values, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def changes(self, later: MarketDefinition) -> tuple[FieldChange, ...]:
        """Return the fields that differ in a later definition, sorted by name.

        Sessions, ranges and calendar days are identified by name, such as ``ranges.0900.minutes``.
        """
        before, after = dict(_fields(self.values)), dict(_fields(later.values))
        return tuple(
            FieldChange(name, before.get(name), after.get(name))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        )

    def changes_of_question(self, later: MarketDefinition) -> tuple[FieldChange, ...]:
        """Return the same without individual calendar days.

        A day's own hours are a fact about the bars, like a revised bar: they identify evidence,
        but a version still answers the question that it learned.
        """
        return tuple(
            change
            for change in self.changes(later)
            if change.field.partition(".")[0] != _CALENDAR_DAYS
        )

    def market(self, now: Market) -> Market:
        """Return the market with this definition; all other fields are from the current market."""
        kept = now.model_dump(include=set(NOT_PART_OF_DEFINITION), exclude_defaults=True)
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
