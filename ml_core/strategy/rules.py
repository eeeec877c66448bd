"""The rules of a strategy, as its file gives them; hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ml_core.ranges.label_spec import LabelSpec
from ml_core.toml_file import TomlFileError, load_model

Side = Literal["long", "short"]
SIDES: tuple[Side, Side] = ("long", "short")


class StrategyFileError(TomlFileError):
    """A strategy file that cannot be used."""

    kind = "strategy file"


class Rules(BaseModel):
    """The rules of a strategy; sizes are in units of the trader's own risk of 1 R."""

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
    one_position: bool = Field(default=True, description="No entry while another trade is open.")
    max_trades_per_day: int = Field(default=6, ge=1)
    daily_loss_limit_r: float = Field(
        default=3.0, gt=0, description="No further entry once the day has lost so many R, net."
    )
    base_size: float = Field(default=1.0, gt=0)
    max_size: float = Field(default=1.5, gt=0)
    skip_half_days: bool = True
    skip_roll_days: bool = False
    label: LabelSpec = LabelSpec()

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Rules:
        if self.max_size_atr is not None and self.min_size_atr >= self.max_size_atr:
            raise ValueError("give a min_size_atr below max_size_atr")
        if self.base_size > self.max_size:
            raise ValueError("give a base_size of max_size at most")
        return self

    @property
    def hash(self) -> str:
        """SHA-256 of everything but ``about`` and defaults, hex."""
        text = self.model_dump_json(exclude={"about"}, exclude_defaults=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load_rules(path: Path) -> Rules:
    """Read a strategy file (TOML).

    Raises
    ------
    StrategyFileError
        The file is missing, not TOML, or a key is wrong.
    """
    return load_model(path, Rules, StrategyFileError, if_missing="see `orbcast strategy show`")
