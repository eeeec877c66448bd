"""The definition of a label, versioned so that a stored label can always be interpreted later."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LabelSpec(BaseModel):
    """A label specification.

    The default is ``entry-session``: risk and target are measured from the actual entry price (the
    close that broke the range); bars are scanned to the end of the session; a bar that touches
    both stop and target counts as a loss; a trade still open at the scan end is closed at the last
    close before it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="entry-session", pattern=r"^[a-z0-9\-]{1,40}$")
    version: int = Field(default=1, ge=1)
    anchor: Literal["entry", "edge"] = Field(
        default="entry", description="Risk and target counted from the entry or the broken edge."
    )
    stop: Literal["full", "half"] = Field(
        default="full", description="Stop at the opposite edge, or at the range's midpoint."
    )
    rr: float = Field(default=1.0, gt=0, le=20, description="Target distance in risks.")
    scan_end: Literal["session_end", "next_day_start"] = "session_end"
    target: Literal["touch", "through"] = Field(
        default="touch",
        description="Reached at its price, or once a price beyond it was traded: an order that "
        "waits there need not be filled by an exact touch.",
    )
    same_bar: Literal["loss"] = Field(
        default="loss", description="Outcome when one bar touches both stop and target."
    )
    timeout: Literal["mark_to_close"] = Field(
        default="mark_to_close", description="How an unfinished trade is valued at the scan end."
    )

    @property
    def key(self) -> str:
        """Text that identifies the specification in ledgers and files.

        >>> LabelSpec().key
        'entry-session-v1-entry-full-rr1-session_end'
        >>> LabelSpec(target="through").key
        'entry-session-v1-entry-full-rr1-session_end-through'
        """
        rule = f"{self.anchor}-{self.stop}-rr{self.rr:g}-{self.scan_end}"
        target = "" if self.target == "touch" else f"-{self.target}"
        return f"{self.name}-v{self.version}-{rule}{target}"
