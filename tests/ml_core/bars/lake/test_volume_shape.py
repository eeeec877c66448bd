"""Round-the-clock bars read in a wrong zone are recognised by the market's busy hours."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ml_core.bars.checks.hours_fit import HoursMisfitError
from ml_core.bars.contract import PRICES, RAW_SCHEMA, RawBatch
from ml_core.bars.lake.lake import Lake
from ml_core.bars.lake.volume_shape import BetterHour, DayShapes, LakeVolume, better_hour
from ml_core.bars.sources.kind import hash_of_rows
from ml_core.market.market import Market
from tests.ml_core.builders import nq

NOW = datetime(2024, 12, 1, tzinfo=UTC)
JANUARY, MARCH, JUNE = (np.datetime64(f"2024-{day}", "m") for day in ("01-08", "02-12", "06-03"))
BUSY = np.array([3, 2, 2, 2, 3, 4, 6, 9, 8, 7, 6, 7, 9, 15, 22, 20, 16, 13, 10, 8, 6, 5, 4, 3])
"""Volume in each UTC hour of a day."""


def market(*, judge_hours: bool = True) -> Market:
    """Return a market without sessions, which is open at all hours."""
    limits = nq().quality.model_copy(update={"judge_hours": judge_hours})
    return nq().model_copy(update={"calendar": "24/7", "quality": limits})


def batch(
    first: np.datetime64,
    later: int = 0,
    *,
    days: int = 20,
    zone: str | None = "UTC",
    reading: str = "zone=UTC",
    name: str = "bars.csv",
    busy: np.ndarray = BUSY,
) -> RawBatch:
    """Return two bars an hour, a minute apart, with times that are some hours too late."""
    hours = np.arange(days * 24)
    minutes = (hours[:, None] * 60 + np.array([0, 1])).ravel()
    stamps = first + minutes + 60 * later
    wobble = np.random.default_rng(len(name)).integers(0, 2, len(hours))
    traded = busy[hours % 24]
    volume = np.repeat(traded * 10 + wobble * (traded > 0), 2).astype(float)
    count = len(stamps)
    columns = {
        "contract": pa.repeat("NQH4", count),
        "ts": pa.array(stamps.astype("datetime64[us]"), pa.timestamp("us", tz="UTC")),
        **{price: pa.repeat(17000.0, count) for price in PRICES},
        "volume": volume,
        "source_line": np.arange(1, count + 1),
        "fault": pa.nulls(count, pa.string()),
    }
    table = pa.table(columns, schema=RAW_SCHEMA)
    content = hash_of_rows(table)
    return RawBatch(
        name=name,
        source="csv",
        content_hash=content,
        origin=f"{name}, content",
        reading=reading,
        table=table,
        zone=zone,
    )


def refusal(lake: Lake, read: RawBatch, of: Market | None = None) -> str:
    """Return why a batch is refused; empty if it is imported."""
    try:
        lake.ingest([read], of or market(), NOW)
    except HoursMisfitError as error:
        return str(error)
    return ""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a lake with twenty correctly read days of a market."""
    lake = Lake(tmp_path / "lake")
    assert not refusal(lake, batch(JANUARY, name="first.csv"))
    return lake


def test_bars_at_the_market_s_own_busy_hours_pass(lake: Lake) -> None:
    assert not refusal(lake, batch(MARCH))


@pytest.mark.parametrize(
    ("later", "zone"),
    [(-5, "America/New_York"), (-6, "America/Chicago"), (9, "Asia/Tokyo"), (8, "Etc/GMT-8")],
)
def test_a_wrong_zone_is_refused_with_both_figures_and_the_zone_that_reads_it(
    lake: Lake, later: int, zone: str
) -> None:
    message = refusal(lake, batch(MARCH, later))

    assert "read in UTC, " in message
    # of twenty days that begin at another hour, the first and the last are cut
    assert f"in {zone} it would be 0%, and 19 of 19 days would be nearer" in message
    assert f"Read it with --zone {zone}, " in message
    assert "quality.judge_hours = false" in message


def test_an_hour_of_summer_time_is_no_wrong_zone(lake: Lake) -> None:
    assert not refusal(lake, batch(JUNE, -1))


@pytest.mark.parametrize(
    "read",
    [
        batch(MARCH, -5, zone=None),
        batch(MARCH, -5, days=14),
        batch(MARCH, -5, busy=np.where(np.arange(24) < 19, BUSY, 0)),
        batch(MARCH, -5, busy=np.zeros(24, int)),
    ],
    ids=["says its zone", "few days", "part of the day", "no volume"],
)
def test_bars_that_cannot_be_judged_pass(lake: Lake, read: RawBatch) -> None:
    assert not refusal(lake, read)


def test_the_first_bars_and_markets_that_opt_out_are_not_checked(
    lake: Lake, tmp_path: Path
) -> None:
    wrong = batch(MARCH, -5)

    assert not refusal(Lake(tmp_path / "empty"), wrong)
    assert not refusal(lake, wrong, market(judge_hours=False))


def test_a_corrected_reading_of_a_file_is_accepted_beside_wrong_ones(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    for name, first in (("a.csv", JANUARY), ("b.csv", MARCH)):
        assert not refusal(lake, batch(first, -5, name=name))

    own = {"reading": "zone=America/New_York", "zone": "America/New_York"}
    another = batch(MARCH, days=25, name="c.csv", **own)

    assert "or undo the others (`orbcast bars batches`, `forget`)" in refusal(lake, another)
    assert not refusal(lake, batch(JANUARY, name="a.csv", **own))


def shapes(rows: np.ndarray) -> DayShapes:
    return DayShapes(np.arange(len(rows)), rows / rows.sum(axis=1, keepdims=True))


def test_most_days_must_agree_and_the_whole_be_clearly_nearer() -> None:
    usual = shapes(np.tile(BUSY, (20, 1)))
    early = np.roll(np.tile(BUSY, (20, 1)), -4, axis=1)

    better = better_hour(shapes(early), usual)

    assert better is not None
    assert (better.hours, better.better, better.days, better.nearer) == (4, 0.0, 20, 20)
    assert better.distance == pytest.approx(np.abs(early[0] - BUSY).sum() / BUSY.sum() / 2)
    for usual_days, is_better in ((2, True), (3, False)):
        rows = early.copy()
        rows[:usual_days] = BUSY
        assert (better_hour(shapes(rows), usual) is not None) is is_better
    mixed = 0.6 * early + 0.4 * BUSY  # nearer every day, but not twice as near
    assert better_hour(shapes(mixed), usual) is None


def test_a_shift_of_more_than_half_a_day_is_the_other_way_round() -> None:
    usual = shapes(np.tile(BUSY, (20, 1)))

    better = better_hour(shapes(np.roll(usual.share, 3, axis=1)), usual)

    assert isinstance(better, BetterHour)
    assert better.hours == -3


def test_noise_alone_is_no_shape() -> None:
    draw = np.random.default_rng(5)
    for _ in range(50):
        flat, other = (shapes(draw.lognormal(0.0, 0.5, (18, 24))) for _ in range(2))
        assert better_hour(flat, other) is None


def test_volume_is_known_by_hour_and_by_who_brought_it(lake: Lake) -> None:
    assert not refusal(lake, batch(MARCH))
    folder = lake.root / "NQ" / "bars"
    first, second = (record.batch_id for record in lake.batches("NQ"))
    volume = LakeVolume(sorted(folder.glob("*.parquet")))

    assert len(volume.without([]).day) == 40
    only = volume.without([second])
    assert only.day[0] == JANUARY.astype("datetime64[D]").astype(int)
    assert only.share[:, 14] == pytest.approx(np.full(20, BUSY[14] / BUSY.sum()), rel=0.01)
    assert len(volume.without([first, second]).day) == 0
