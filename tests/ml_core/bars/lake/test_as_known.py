"""The lake as known: the bars of an earlier moment can be restored, whatever came later."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.bars.lake.bars_as_of import bars_as_of
from ml_core.bars.lake.lake import Lake
from ml_core.bars.lake.month_file import content_hash
from tests.ml_core.bars.lake.test_lake import NOW, START, bar, batch
from tests.ml_core.builders import mgc

SPAN = START, START + 1440

_BARS = st.dictionaries(
    st.tuples(st.integers(0, 6), st.sampled_from(["MGCG4", "MGCJ4"])),
    st.integers(0, 5),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(_BARS, min_size=1, max_size=4))
def test_the_lake_of_every_earlier_moment_is_reproduced_to_the_bit(
    ingests: list[dict[tuple[int, str], int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        seen = []
        for hour, values in enumerate(ingests):
            rows = [
                bar(at, 2000.0 + step / 10, contract)
                for (at, contract), step in sorted(values.items())
            ]
            moment = NOW + timedelta(hours=hour)
            lake.ingest([batch(rows, name=f"batch {hour}")], mgc(), moment)
            seen.append((moment, content_hash(lake.read(mgc(), *SPAN))))
        for moment, content in seen:
            assert content_hash(bars_as_of(lake, mgc(), *SPAN, moment).bars) == content
        before = bars_as_of(lake, mgc(), *SPAN, NOW - timedelta(seconds=1))
        assert not len(before.bars)
        assert all(change.earlier is None for change in before.changes)


def test_a_revised_bar_is_distinguished_from_a_late_one(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    later = NOW + timedelta(hours=1)
    lake.ingest([batch([bar(0), bar(1, 2000.5)])], mgc(), NOW)
    lake.ingest([batch([bar(0), bar(1, 2001.0), bar(2)])], mgc(), later)

    revised, late = bars_as_of(lake, mgc(), *SPAN, NOW).changes

    assert str(revised) == (
        "MGCG4 2024-01-15 23:01 UTC was revised, high 2000.5 to 2001, close 2000.5 to 2001"
    )
    assert str(late) == "MGCG4 2024-01-15 23:02 UTC was imported at 2024-06-01 01:00:00 UTC"
    assert bars_as_of(lake, mgc(), *SPAN, later).changes == ()
