"""The result of a drift check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

PREDICTION, TARGET = "prediction", "target"
"""The two groups that are not features: the predictions, and the outcomes."""


@dataclass(frozen=True, slots=True)
class ColumnShift:
    """The shift of one column.

    Attributes
    ----------
    column
        A feature, or its residual.
    group
        The feature's group.
    shift
        Mean of the last days minus the reference's, in standard deviations of the feature at the
        same opening range.
    p
        Probability of a mean at least as far away, in either direction, if nothing had changed.
    limit
        Maximum p of a discovery, among the columns tested together; -1 if there is none.
    """

    json_properties: ClassVar = ("drifted",)

    column: str
    group: str
    shift: float
    p: float
    limit: float

    @property
    def drifted(self) -> bool:
        """Whether the column is among the discoveries."""
        return self.p <= self.limit

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ColumnShift:
        """Read a column; rows from before the limit was kept only record whether it drifted."""
        limit = (
            values["limit"] if "limit" in values else values["p"] if values["drifted"] else -1.0
        )
        return cls(values["column"], values["group"], values["shift"], values["p"], limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFigures:
    """The stored figures of a check.

    Attributes
    ----------
    why_not
        Why there is no judgement; empty if there is one.
    days
        Number of days used.
    columns
        Number of columns tested.
    left_out
        Groups that could not be tested.
    drifted
        Evidently's count of drifted columns.
    groups
        Groups with a drifted column, the most certain first.
    shifts
        The most informative columns: drifted ones first, then by increasing p.
    """

    json_properties: ClassVar = ("judged", "prediction_drifted", "target_drifted")

    why_not: str = "nothing is recorded of it"
    days: int = 0
    columns: int = 0
    left_out: tuple[str, ...] = ()
    drifted: int = 0
    groups: tuple[str, ...] = ()
    shifts: tuple[ColumnShift, ...] = field(default=(), metadata={"alias": "moved"})

    @property
    def judged(self) -> bool:
        """Whether there was enough data to judge."""
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
        """Read the JSON form of any release."""
        own = {name: values[name] for name in cls.__slots__ if name in values}
        own |= {name: tuple(own.get(name, ())) for name in ("left_out", "groups")}
        return cls(**own, shifts=tuple(map(ColumnShift.from_json, values.get("moved", ()))))
