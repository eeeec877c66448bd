"""The rules of a strategy as given by its file, with their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.blackout import Blackout
from ml_core.strategy.trade_rule import AtrStop, TradeRule
from ml_core.toml_file import TomlFileError, load_model, remedy_of

Side = Literal["long", "short"]
SIDES: tuple[Side, Side] = ("long", "short")
SIGN_OF: Mapping[Side, int] = {"long": 1, "short": -1}
"""The direction in which the price must move for a trade to win."""

OF_A_RANGE = (
    "allowed_sides",
    "min_size_atr",
    "max_size_atr",
    "min_share_traded",
    "min_relative_volume",
    "trade",
)
"""The keys that ``[ranges.NAME]`` of a strategy file may set."""


class StrategyFileError(TomlFileError):
    """A strategy file that cannot be used."""

    kind = "strategy file"


class Rules(BaseModel):
    """The rules of a strategy; sizes are in units of the trader's risk of 1 R."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9\-]{0,39}$")
    about: str = Field(default="", description="One sentence for people; not hashed.")
    allowed_ranges: Literal["all"] | tuple[str, ...] = "all"
    allowed_sides: tuple[Side, ...] = Field(default=SIDES, min_length=1)
    min_size_atr: float = Field(default=0.0, ge=0, description="Least height / 14-day ATR.")
    max_size_atr: float | None = Field(
        default=None, gt=0, description="Greatest height / 14-day ATR; any if left out."
    )
    min_share_traded: float = Field(
        default=0.0, ge=0, le=1, description="Least share of the window's minutes with a trade."
    )
    min_relative_volume: float = Field(
        default=0.0,
        ge=0,
        description="Least volume of the window / its mean over the same range's last ten days.",
    )
    one_position: bool = Field(default=True, description="No entry while another trade is open.")
    max_trades_per_day: int = Field(default=6, ge=1)
    daily_loss_limit_r: float = Field(
        default=3.0, gt=0, description="No further entry once the day has lost so many R, net."
    )
    daily_loss_limit_money: float | None = Field(
        default=None,
        gt=0,
        description="No further entry once the day has lost so much, net, at one contract for "
        "size 1, in the market's currency.",
    )
    base_size: float = Field(default=1.0, gt=0)
    max_size: float = Field(default=1.5, gt=0)
    skip_half_days: bool = True
    skip_roll_days: bool = False
    blackouts: tuple[Blackout, ...] = Field(
        default=(), description="Minutes around scheduled news without an entry."
    )
    label: LabelSpec = Field(
        default=LabelSpec(), description="The trade made of a break, where [trade] is left out."
    )
    trade: TradeRule | None = Field(
        default=None, description="The trade made of a range, in the place of [label]."
    )
    ranges: Mapping[str, Mapping[str, Any]] = Field(
        default={}, description="Other values for single ranges, by the name of the range."
    )

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Rules:
        if self.max_size_atr is not None and self.min_size_atr >= self.max_size_atr:
            raise ValueError("give a min_size_atr below max_size_atr")
        if self.base_size > self.max_size:
            raise ValueError("give a base_size of max_size at most")
        if self.trade is not None and self.label != LabelSpec():
            raise ValueError("give [trade] or [label], not both")
        for name in self.ranges:
            self._check_range(name)
        return self

    def _check_range(self, name: str) -> None:
        unknown = sorted(set(self.ranges[name]) - set(OF_A_RANGE))
        if unknown:
            raise ValueError(
                f"[ranges.{name}] cannot set {', '.join(unknown)}; it can set "
                f"{', '.join(OF_A_RANGE)}"
            )
        try:
            self.for_range(name)
        except ValidationError as error:
            fault = error.errors()[0]
            key = ".".join(map(str, (f"ranges.{name}", *fault["loc"])))
            raise ValueError(f"{key} = {fault['input']!r}: {remedy_of(fault, Rules)}") from error

    def for_range(self, name: str) -> Rules:
        """Return the rules of one range: these rules with the settings of ``[ranges.NAME]``."""
        if not self.ranges:
            return self
        own = dict(self.ranges.get(name, {}))
        values = self.model_dump(exclude={"ranges"}, exclude_unset=True)
        if isinstance(own.get("trade"), Mapping):
            own["trade"] = {**self.trade_rule.model_dump(exclude_unset=True), **own["trade"]}
        if "trade" in own:
            values.pop("label", None)
        return Rules.model_validate({**values, **own})

    @property
    def trade_rule(self) -> TradeRule:
        """The trade rule: ``[trade]``, or the trade that ``[label]`` counts."""
        return self.trade or TradeRule.of_label(self.label)

    @property
    def counted_by_labels(self) -> bool:
        """Whether a label specification counts the same trade for every range."""
        ranges = (self, *map(self.for_range, self.ranges))
        return all(own.counted_by is not None for own in ranges)

    @property
    def need_atr(self) -> bool:
        """Whether any range's stop is in ATR."""
        ranges = (self, *map(self.for_range, self.ranges))
        return any(isinstance(own.trade_rule.stop, AtrStop) for own in ranges)

    @property
    def counted_by(self) -> LabelSpec | None:
        """The label specification that counts the same trades, if there is one."""
        return self.label if self.trade is None else self.trade.label

    @property
    def hash(self) -> str:
        """SHA-256, hex, of everything except ``about`` and defaults."""
        text = self.model_dump_json(exclude={"about"}, exclude_defaults=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load_rules(path: Path) -> Rules:
    """Read a strategy file (TOML).

    Raises
    ------
    StrategyFileError
        The file is missing or not TOML, or a key is wrong.
    """
    return load_model(path, Rules, StrategyFileError, if_missing="see `orbcast strategy show`")
