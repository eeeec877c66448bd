"""What a drift check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

PREDICTION, TARGET = "prediction", "target"
"""Groups of their own: what was predicted, and what came of it."""


@dataclass(frozen=True, slots=True)
class ColumnShift:
    """What a column shows.

    Attributes
    ----------
    column
        A feature, or what is left of it.
    group
        The feature's.
    shift
        Mean of the last days less the reference's, in standard deviations of the feature at the
        same opening range.
    p
        Of so far a mean, either way, if nothing had changed.
    limit
        What p may be for a discovery, among the columns asked about with it; -1: there is none.
    """

    json_properties: ClassVar = ("drifted",)

    column: str
    group: str
    shift: float
    p: float
    limit: float

    @property
    def drifted(self) -> bool:
        """Whether it is among the discoveries."""
        return self.p <= self.limit

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ColumnShift:
        """Read a column back; rows of before the limit was kept only say whether it drifted."""
        limit = (
            values["limit"] if "limit" in values else values["p"] if values["drifted"] else -1.0
        )
        return cls(values["column"], values["group"], values["shift"], values["p"], limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFigures:
    """What is kept of a check.

    Attributes
    ----------
    why_not
        Why nothing was judged; empty if it was.
    days
        How many were looked at.
    columns
        How many were asked about.
    left_out
        Groups that could not be asked about.
    drifted
        Evidently's count of drifted columns.
    groups
        Those with a drifted column, the most certain first.
    shifts
        The most telling columns: those that drifted and the least likely first.
    """

    json_properties: ClassVar = ("judged", "prediction_drifted", "target_drifted")

    why_not: str = "nothing is kept of it"
    days: int = 0
    columns: int = 0
    left_out: tuple[str, ...] = ()
    drifted: int = 0
    groups: tuple[str, ...] = ()
    shifts: tuple[ColumnShift, ...] = field(default=(), metadata={"alias": "moved"})

    @property
    def judged(self) -> bool:
        """Whether there was enough to judge."""
        return not self.why_not

    @property
    def prediction_drifted(self) -> bool:
        """Whether the predictions drifted."""
        return PREDICTION in self.groups

    @property
    def target_drifted(self) -> bool:
        """Whether the outcomes drifted."""
        return TARGET in self.groups

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DriftFigures:
        """Read back the JSON form, of any release."""
        own = {name: values[name] for name in cls.__slots__ if name in values}
        own |= {name: tuple(own.get(name, ())) for name in ("left_out", "groups")}
        return cls(**own, shifts=tuple(map(ColumnShift.from_json, values.get("moved", ()))))
