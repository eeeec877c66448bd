"""The trader's definition of a trade: its entry, its stop and its exits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from ml_core.ranges.label_spec import LabelSpec

EntryBy = Literal["close", "stop_order", "retest"]

_MODEL = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _none_in_words(value: Any) -> Any:
    """Read the text ``none`` as None, which TOML cannot express."""
    return None if value == "none" else value


_OrNone = BeforeValidator(_none_in_words)


class AtrStop(BaseModel):
    """A stop at a number of 14-day ATRs from the entry, as known when the range closes."""

    model_config = _MODEL

    atr: float = Field(gt=0, le=10)


class TickStop(BaseModel):
    """A stop at a number of ticks from the entry."""

    model_config = _MODEL

    ticks: int = Field(ge=1, le=100_000)


def _one_stop(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Refuse a wrong stop once, not once for each form that a stop may have."""
    try:
        return read(value)
    except ValidationError:
        raise ValueError(
            'write "full", "half", { atr = 0.1 } (at most 10) or { ticks = 20 } (a whole number)'
        ) from None


_Stop = Annotated[Literal["full", "half"] | AtrStop | TickStop, WrapValidator(_one_stop)]


class PartialTarget(BaseModel):
    """A share of the trade that is closed at a number of risks from the entry."""

    model_config = _MODEL

    r: float = Field(gt=0, le=20)
    share: float = Field(default=0.5, gt=0, lt=1)


class TradeRule(BaseModel):
    """The trade made of a range: ``[trade]`` of a strategy file.

    There is at most one trade per range. An optional key can be set to ``"none"``, which for one
    range removes what the strategy sets for all.
    """

    model_config = _MODEL

    entry: EntryBy = Field(
        default="close",
        description="At the first 1-minute close beyond the edge; by a stop order that waits at "
        "the edge; or, after such a close, by a limit order back at the edge.",
    )
    entry_offset_ticks: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Ticks beyond the edge at which the stop order waits, or which the close "
        "must exceed.",
    )
    side: Literal["either", "first_candle"] = Field(
        default="either",
        description="Which break is traded: either, or only the one in the direction in which "
        "the opening range closed; none where it closed at its open.",
    )
    first_break_only: bool = Field(
        default=True,
        description="The first break decides: one to a side that is not traded ends the range.",
    )
    last_entry: Annotated[str | None, _OrNone] = Field(
        default=None,
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="No entry after this time of the trading day, HH:MM of the market's zone.",
    )
    stop: _Stop = Field(
        default="full",
        description="At the opposite edge, at the range's midpoint, { atr = 0.1 } or "
        "{ ticks = 20 } from the entry.",
    )
    rr: Annotated[float | None, _OrNone] = Field(
        default=1.0, gt=0, le=50, description='Target in risks; "none": left at stop or end.'
    )
    anchor: Literal["entry", "edge"] = Field(
        default="entry", description="The target counts from the entry or from the broken edge."
    )
    break_even_after_r: Annotated[float | None, _OrNone] = Field(
        default=None,
        gt=0,
        le=50,
        description="Once a bar has closed so many risks in profit the stop is at the entry.",
    )
    trail_r: Annotated[float | None, _OrNone] = Field(
        default=None,
        gt=0,
        le=50,
        description="The stop follows the best close since the entry at so many risks.",
    )
    partial: Annotated[PartialTarget | None, _OrNone] = Field(
        default=None, description="{ r = 1.0, share = 0.5 }: half of it is closed at 1 R."
    )
    scan_end: Literal["session_end", "next_day_start"] = Field(
        default="session_end", description="When what is still open is closed."
    )
    limit_fill: Literal["touch", "through"] = Field(
        default="touch",
        description="Target, partial target and retest are filled at their price, or once a "
        "price beyond it was traded.",
    )
    stop_fill: Literal["open", "level"] = Field(
        default="open",
        description="Where a stop is filled when a bar opens beyond it: at that open, or, as the "
        "label counts, at its own price.",
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> TradeRule:
        if self.partial is not None and self.rr is not None and self.partial.r >= self.rr:
            raise ValueError("give a partial r below rr")
        if self.anchor == "edge" and self.stop not in {"full", "half"}:
            raise ValueError('an anchor "edge" needs the stop "full" or "half"')
        if self.anchor == "edge" and self.rr is None:
            raise ValueError('an anchor "edge" needs a target: give rr')
        return self

    @classmethod
    def of_label(cls, label: LabelSpec) -> TradeRule:
        """Return the trade that a label specification counts."""
        return cls(
            stop=label.stop,
            rr=label.rr,
            anchor=label.anchor,
            scan_end=label.scan_end,
            limit_fill=label.target,
            stop_fill="level",
        )

    @property
    def words(self) -> str:
        """The trade as text, for a forecast.

        >>> TradeRule(entry="stop_order", rr=None).words
        "entry by a stop order at the edge; no target; out at the session's end"
        """
        away = f"{self.entry_offset_ticks} ticks beyond the edge"
        edge = away if self.entry_offset_ticks else "the edge"
        close = (
            f"a close more than {away}" if self.entry_offset_ticks else "a close beyond the edge"
        )
        parts = [
            {
                "close": f"entry by {close}",
                "stop_order": f"entry by a stop order at {edge}",
                "retest": f"entry back at the edge after {close}",
            }[self.entry]
        ]
        if self.side == "first_candle":
            parts.append("the first candle's side only")
        if self.last_entry is not None:
            parts.append(f"not after {self.last_entry}")
        if self.partial is not None:
            parts.append(f"{self.partial.share:.0%} out at {self.partial.r:g} R")
        parts.append("no target" if self.rr is None else f"target {self.rr:g} R")
        if self.break_even_after_r is not None:
            parts.append(f"break-even after {self.break_even_after_r:g} R")
        if self.trail_r is not None:
            parts.append(f"the stop trails by {self.trail_r:g} R")
        session = self.scan_end == "session_end"
        parts.append(f"out at the {'session' if session else 'trading day'}'s end")
        return "; ".join(parts)

    @property
    def label(self) -> LabelSpec | None:
        """The label specification that counts exactly this trade, if there is one.

        >>> TradeRule.of_label(LabelSpec(rr=2)).label == LabelSpec(rr=2)
        True
        >>> TradeRule(entry="retest").label is None
        True
        """
        if self.rr is None or self.rr > 20 or not isinstance(self.stop, str):  # noqa: PLR2004
            return None
        label = LabelSpec(
            stop=self.stop,
            rr=self.rr,
            anchor=self.anchor,
            scan_end=self.scan_end,
            target=self.limit_fill,
        )
        return label if TradeRule.of_label(label) == self else None
