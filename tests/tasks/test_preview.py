"""The preview of a source, before anything is stored."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from ml_core.bars.checks.step import StepError
from ml_core.bars.contract import PRICES
from ml_core.market.schedule import build_schedule, from_minute
from tasks.data.intake import take_in
from tasks.data.preview import Preview, RangePreview, Reading, preview
from tasks.data.sources import source_spec
from tasks.settings import current_settings
from tests.ml_core.builders import mgc

NOW = datetime(2024, 6, 1, tzinfo=UTC)
FIRST, LAST = date(2024, 1, 16), date(2024, 1, 17)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of two trading days of one series, whose price rises a tick a minute."""
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    schedule = build_schedule(mgc(), FIRST, LAST)
    lines = ["ts,open,high,low,close,volume"]
    for day in range(2):
        opens = int(schedule.exchange_open[day])
        for at in range(opens, int(schedule.exchange_close[day])):
            price = 2000 + 100 * day + (at - opens) / 10
            lines.append(f"{from_minute(at):%Y-%m-%d %H:%M:%S},{price:.1f},{price:.1f},")
            lines[-1] += f"{price:.1f},{price:.1f},1"
    path = tmp_path / "bars.csv"
    path.write_text("\n".join(lines))
    return path


def preview_of(path: Path) -> Preview:
    spec = source_spec(kind="csv", paths=[str(path)], zone="UTC")
    return preview(current_settings(), current_settings().market("mgc"), spec, NOW)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_preview_keeps_nothing(file: Path) -> None:
    result = preview_of(file)

    assert [record.added for record in result.records] == [result.status.bars]
    assert current_settings().lake().status("MGC").bars == 0
    assert list(current_settings().home.iterdir()) == []


def test_a_preview_beside_a_lake_leaves_it_as_it_is_and_counts_against_it(file: Path) -> None:
    market = current_settings().market("mgc")
    spec = source_spec(kind="csv", paths=[str(file)], zone="UTC")
    take_in(current_settings(), market, spec, NOW)
    before = files_below(current_settings().home / "lake")
    changed = file.read_text().splitlines()
    changed[-1] = changed[-1].replace(",1", ",7")
    file.write_text("\n".join(changed))

    result = preview_of(file)

    assert [record.revised for record in result.records] == [1]
    assert files_below(current_settings().home / "lake") == before


def test_the_first_and_last_bar_and_one_day_s_ranges_are_shown(file: Path) -> None:
    result = preview_of(file)
    schedule = build_schedule(mgc(), FIRST, LAST)

    assert result.first == from_minute(int(schedule.exchange_open[0]))
    assert result.last == from_minute(int(schedule.exchange_close[1]) - 1)
    opens = int(schedule.exchange_open[1])
    first_range = int(schedule.range_start[1, 0])
    rise = (first_range - opens) / 10
    assert result.ranges[0] == RangePreview(
        name="0900",
        trading_day=LAST,
        start=from_minute(first_range),
        high=pytest.approx(2100 + rise + 0.4),
        low=pytest.approx(2100 + rise),
    )
    assert len(result.ranges) == len(mgc().ranges)


def test_a_preview_states_how_a_file_is_read_where_only_its_first_line_shows_it(
    file: Path,
) -> None:
    market, columns = current_settings().market("mgc"), ("ts", *PRICES, "volume")
    (by_name,) = preview_of(file).readings
    lines = file.read_text().splitlines()[1:]
    file.write_text("\n".join(line.replace(":00,", ":00Z,", 1) for line in lines))
    spec = source_spec(kind="csv", paths=[str(file)])

    (by_number,) = preview(current_settings(), market, spec, NOW).readings

    assert by_name == Reading(
        layout="generic", zone="UTC", stamp="open", columns={name: name for name in columns}
    )
    assert by_number == Reading(
        layout="headerless",
        zone=None,
        stamp="open",
        columns={name: str(place) for place, name in enumerate(columns)},
    )


def test_a_folder_that_a_killed_run_left_goes_and_that_of_a_running_one_stays(file: Path) -> None:
    home = current_settings().home
    killed, running = home / ".preview-killed", home / ".preview-running"
    for folder in (killed / "MGC", running):
        folder.mkdir(parents=True)

    with FileLock(running / "running"):
        preview_of(file)

        assert [path.name for path in home.iterdir()] == [running.name]
    preview_of(file)
    assert list(home.iterdir()) == []


def test_what_would_be_refused_is_refused(file: Path) -> None:
    head, *rows = file.read_text().splitlines()
    file.write_text("\n".join([head, *rows[::5]]))

    with pytest.raises(StepError, match="5-minute bars"):
        preview_of(file)

    assert list(current_settings().home.iterdir()) == []
