"""A ledger entry: one version's prediction for a slot, or the typed reason for giving none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from ml_core.json_values import json_values
from ml_core.learning.predictions.prediction import Prediction, Reason

Mode = Literal["live", "replay"]
Role = Literal["champion", "challenger", "baseline"]
Status = Literal["predicted", "abstained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """The values of an entry in addition to its columns.

    Attributes
    ----------
    prediction
        The prediction; for an entry silenced as novel, the prediction that was withheld. Else
        None.
    detail
        Why nothing was predicted, as text; None if the typed reason is enough.
    fallback
        Why the version replaced the champion; None if it did not.
    code
        Hash of the code that made it; None if nothing was predicted.
    last_bar_minute
        Minute since 1970 of the last bar used.
    after_training
        Whether the slot's day is after the version's last training day.
    breaker, breaker_cause
        State of the circuit breaker that held it back, and the cause; None if it was closed.
    clock_behind_seconds
        Seconds by which it is dated before the previously recorded live entry; None if it is not.
    """

    prediction: Prediction | None = None
    detail: str | None = None
    fallback: str | None = None
    code: str | None = None
    last_bar_minute: int | None = None
    after_training: bool | None = None
    breaker: str | None = None
    breaker_cause: str = ""
    clock_behind_seconds: float | None = None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The reasons for the prediction, if there is one."""
        return self.prediction.reasons if self.prediction is not None else ()

    def to_json(self) -> dict[str, Any]:
        """Return the outputs in the ledger's form, including the prediction's values."""
        values: dict[str, Any] = {"detail": self.detail} if self.detail else {}
        if self.prediction is not None:
            values |= json_values(self.prediction)
            values |= {name: getattr(self, name) for name in _OF_A_PREDICTION}
        if self.breaker is not None:
            values |= {"breaker": self.breaker, "breaker_cause": self.breaker_cause}
        if self.clock_behind_seconds is not None:
            values["clock_behind_seconds"] = self.clock_behind_seconds
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Outputs:
        """Read the output of :meth:`to_json` of any release."""
        own = {name: values[name] for name in cls.__slots__ if name in values}
        whole = "p_up_given_break" in values
        return cls(**own, prediction=Prediction.from_json(values) if whole else None)


_OF_A_PREDICTION = ("fallback", "code", "last_bar_minute", "after_training")


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionEntry:
    """One version's prediction for one slot, or the typed reason for giving none.

    ``market_hash`` is the hash of the market definition used; "" in rows from before it was kept.
    """

    market: str
    trading_day: date
    opening_range: str
    mode: Mode
    role: Role
    decision_time: datetime
    made_at: datetime
    late: bool
    status: Status
    reason: str | None
    label: str
    market_hash: str = ""
    model: str | None = None
    version: str | None = None
    recipe_hash: str | None = None
    p_up: float | None = None
    baseline_p_up: float | None = None
    recommendation: str | None = None
    expected_net_r: float | None = None
    features: dict[str, Any]
    outputs: Outputs = Outputs()
