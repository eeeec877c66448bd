"""A model version that predicts past ranges, given as rows of a DataFrame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.predictions.predict import LONG, SHORT
from ml_core.market.market import Market
from ml_core.ranges.labels import NOT_RESOLVED, UNKNOWN
from registry.models.versions import VersionRecord

_OF_SLOT = ("trading_day", "opening_range")
_OF_RANGE = ("close_position", "size_ticks", "sigma_ticks")
_RECOMMENDED = {1: "long", -1: "short", 0: "skip"}


class FrameError(InputError):
    """Error for a frame that a model cannot predict from."""

    fault: str
    template = "the frame {fault}; start from the result of `dataset()` for the same market"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model version that predicts past ranges.

    Attributes
    ----------
    record, market
        The version's registry record, and its market.
    bundle
        The version's files, loaded.
    """

    record: VersionRecord
    market: Market
    bundle: Bundle

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that the model reads."""
        return self.bundle.feature_names

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predict every row; predictions of rows that it was trained on are no evidence of skill.

        Parameters
        ----------
        frame
            Rows as :meth:`Home.dataset` returns them; the labels are not read.

        Returns
        -------
        DataFrame
            With the frame's index: ``p_up`` and ``baseline_p_up`` given a breakout, ``p_none``,
            for each side ``p_win``, ``expected_net_r``, the driftless ``baseline_p_win`` and
            ``baseline_net_r``, and ``recommendation``.

        Raises
        ------
        FrameError
            A required column is missing, or has an empty value where none is allowed.
        """
        made = self.bundle.predict(self._dataset(frame))
        columns = {
            "p_up": made.p_up,
            "baseline_p_up": made.baseline_p_up,
            "p_none": made.p_none,
            "long_p_win": made.p_win[:, LONG],
            "short_p_win": made.p_win[:, SHORT],
            "baseline_p_win": made.baseline_p_win,
            "long_expected_net_r": made.expected_net_r[:, LONG],
            "short_expected_net_r": made.expected_net_r[:, SHORT],
            "baseline_net_r": made.baseline_net_r,
            "recommendation": [_RECOMMENDED[int(side)] for side in made.recommendation],
        }
        return pd.DataFrame(columns, index=frame.index)

    def _dataset(self, frame: pd.DataFrame) -> Dataset:
        bundle, rows = self.bundle, len(frame)
        wanted = dict.fromkeys((*_OF_SLOT, *_OF_RANGE, *bundle.feature_names))
        missing = [name for name in wanted if name not in frame.columns]
        if missing:
            raise FrameError(f"has no column {', '.join(missing)}")
        numbers = {name: _numbers(frame, name) for name in (*bundle.feature_names, *_OF_RANGE)}
        for name in ("close_position", "size_ticks"):
            if np.isnan(numbers[name]).any():
                raise FrameError(f"has rows without {name}")
        unknown = np.full(rows, np.nan)
        return Dataset(
            market=self.market.symbol,
            label_spec=bundle.recipe.label,
            trading_day=pd.to_datetime(frame["trading_day"]).to_numpy("datetime64[D]"),
            opening_range=frame["opening_range"].to_numpy(str),
            decision_minute=np.zeros(rows, np.int64),
            resolved_minute=np.full(rows, NOT_RESOLVED),
            direction=np.full(rows, UNKNOWN, np.int16),
            outcome=np.full(rows, UNKNOWN, np.int16),
            r_gross=unknown,
            r_net=unknown,
            entry_ticks=unknown,
            risk_ticks=unknown,
            target_ticks=unknown,
            feature_names=bundle.feature_names,
            categorical=bundle.categorical,
            features=np.column_stack([numbers[name] for name in bundle.feature_names]),
            close_position=numbers["close_position"],
            size_ticks=numbers["size_ticks"],
            sigma_ticks=numbers["sigma_ticks"],
            cost_ticks=self.market.instrument.round_trip_cost_ticks,
        )


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    try:
        return frame[name].to_numpy(np.float64)
    except (TypeError, ValueError):
        raise FrameError(f"has values in {name} that are not numbers") from None
