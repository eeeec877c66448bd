"""A home read from Python: the commands' data as DataFrames; nothing is written."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_core.ranges.label_spec import LabelSpec
from registry.models.versions import CHALLENGER
from tasks.data.datasets import read_bars_until
from tasks.home import FrameError, Home, NoDayError, NoHomeError, open_home
from tasks.prediction.outcomes.settling import settle
from tasks.prediction.predict import decided_entries, predict_slot
from tasks.prediction.slots import slots_between
from tasks.settings import current_settings, now

DAY = date(2024, 11, 20)


@pytest.fixture
def home(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The test file's trained home, while the environment names another one."""
    monkeypatch.setenv("ORBCAST_HOME", str(trained.parent / "elsewhere"))
    return open_home(trained)


@pytest.fixture
def recorded(trained: Path) -> None:
    """A day's replayed predictions, settled."""
    del trained
    market = current_settings().market("mgc")
    for slot in slots_between(market, DAY, DAY):
        predict_slot.fn("mgc", slot, "replay")
    settle.fn("mgc", now())


def written(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_bars_are_those_of_the_lake_at_their_prices(home: Home, trained: Path) -> None:
    bars = home.bars(first="2024-11-20", last="2024-11-20")
    assert bars["time"].dt.date.unique().tolist() == [DAY]
    assert str(bars["time"].dt.tz) == "UTC"
    settings = current_settings().model_copy(update={"home": trained})
    market = settings.market("mgc")
    kept = read_bars_until(settings, "mgc", market, now())
    assert len(home.bars()) == len(kept)
    assert np.allclose(bars["close"] * 10, (bars["close"] * 10).round())
    assert (bars["high"] >= bars["low"]).all()
    assert len(bars) > 500


def test_a_dataset_has_ranges_that_can_be_decided_on_with_labels_and_features(home: Home) -> None:
    frame = home.dataset(first=DAY, last="2024-11-22")
    assert len(frame) == 18
    assert {"r_net", "weekday", "baseline_p_up", "size_ticks", "sigma_ticks"} <= set(frame)
    assert frame["size_ticks"].tolist() == ((frame["high"] - frame["low"]) * 10).round().tolist()
    further = home.dataset(first=DAY, last="2024-11-22", label=LabelSpec(rr=2.0))
    broke = frame["entry"].notna()
    assert (further["target"] != frame["target"])[broke].all()


def test_a_model_predicts_for_a_frame_as_it_does_for_the_live_decision(
    home: Home, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(trained))
    settings = current_settings()
    market = settings.market("mgc")
    frame = home.dataset(first=DAY, last=DAY)
    model = home.model("champion")
    predictions = model.predict(frame.drop(columns=["r_net", "outcome", "break_direction"]))
    live = [
        decided_entries(settings, market, slot, now(), "replay")[0]
        for slot in slots_between(market, DAY, DAY)
    ]
    assert predictions["p_up"].tolist() == [entry.p_up for entry in live]
    assert predictions["baseline_p_up"].tolist() == [entry.baseline_p_up for entry in live]
    assert predictions["recommendation"].tolist() == [entry.recommendation for entry in live]
    trees = home.model(CHALLENGER)
    assert trees.record.version in home.versions()["version"].tolist()
    shuffled = frame.sample(frac=1.0, random_state=1)
    again = trees.predict(shuffled)
    pd.testing.assert_frame_equal(again.loc[frame.index], trees.predict(frame))


@pytest.mark.usefixtures("recorded")
def test_the_record_is_given_with_what_became_of_it(home: Home) -> None:
    answers = home.predictions(first=DAY, last=DAY, mode="replay")
    assert set(answers["opening_range"]) == {"0900", "1000", "1100", "1800", "2300", "0030"}
    outcomes = home.outcomes(first=DAY, last=DAY)
    joined = answers[answers["role"] == "champion"].merge(
        outcomes, on=["trading_day", "opening_range"], suffixes=("", "_settled")
    )
    assert len(joined) == 6
    assert joined["direction"].tolist() == joined["direction_settled"].tolist()
    assert home.predictions(mode="live").empty


def test_nothing_is_written(home: Home, trained: Path) -> None:
    before = written(trained)
    home.bars(first=DAY, last=DAY)
    home.predictions()
    home.outcomes()
    home.versions()
    home.model().predict(home.dataset(first=DAY, last=DAY))
    assert written(trained) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drop": "weekday"}, "has no column weekday"),
        ({"drop": "sigma_ticks"}, "has no column sigma_ticks"),
        ({"empty": "close_position"}, "has rows without close_position"),
        ({"text": "weekday"}, "has values in weekday that are not numbers"),
    ],
)
def test_a_frame_that_a_model_cannot_predict_is_refused(
    home: Home, change: dict[str, str], words: str
) -> None:
    ((how, name),) = change.items()
    frame = home.dataset(first=DAY, last=DAY)
    if how == "drop":
        frame = frame.drop(columns=name)
    else:
        frame[name] = np.nan if how == "empty" else "Wednesday"
    with pytest.raises(FrameError, match=words):
        home.model(CHALLENGER).predict(frame)


def test_a_folder_that_is_no_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoHomeError, match="is not a home"):
        open_home(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_day_that_is_none_is_refused_with_what_to_write(home: Home) -> None:
    with pytest.raises(NoDayError, match="'2025-99-01' is not a day; write one such as"):
        home.outcomes(first="2025-99-01")
