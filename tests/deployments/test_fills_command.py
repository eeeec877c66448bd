"""`orbcast fills`: import a platform's file of executions, and withdraw it again."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from tasks.settings import current_settings
from tests.conftest import PROJECT
from tests.ml_core.bars.lake.test_lake import Row, batch
from tests.ml_core.builders import minute

FILES = PROJECT / "tests" / "ml_core" / "fills" / "files"
TRADED = {
    "10:12": (3386.0, 3387.0),
    "10:40": (3390.5, 3391.5),
    "11:05": (3381.5, 3382.5),
    "11:12": (3386.0, 3387.0),
    "11:40": (3381.0, 3383.0),
    "12:05": (3385.0, 3386.0),
}
"""Brisbane's time of bars -> low and high; an hour after the file's trades only the first fits."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a NinjaTrader file that has an unusable row."""
    folder = tmp_path_factory.mktemp("fills")
    text = (FILES / "ninjatrader.csv").read_text(encoding="utf-8")
    bad = "MGC 08-25,Sell,one,3381.8,6/19/2025 11:05:10 AM,e9,Exit,-,o9,Stop,$1.24,1,LIVE7,R,\n"
    (folder / "executions.csv").write_text(text + bad, encoding="utf-8")
    return folder / "executions.csv"


@pytest.fixture(autouse=True)
def home(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(file.parent / "home"))


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
    return result.stderr if status else result.stdout


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_a_file_is_looked_at_imported_once_shown_and_taken_back(file: Path) -> None:
    command = ("fills", "import", str(file), "--zone", "Australia/Brisbane")
    looked = run(*command, "--dry-run")
    assert "executions.csv: ninjatrader, would import 3 fills: 3 new" in looked
    assert run_json("fills", "show") == []

    printed = run(*command)
    assert "imported 3 fills: 3 new, 0 with another commission or price, 0 unchanged" in printed
    assert "times of Australia/Brisbane; time=Time, side=Action" in printed
    assert "from        2025-06-19 00:12:00 to 2025-06-19 01:05:10 UTC" in printed
    assert "left out    1 of ES 09-25" in printed
    assert "quarantined line 6: quantity 'one' is not a number of contracts" in printed
    assert "On record: 3 fills of MGC." in printed

    again = run_json(*command)
    assert again["imports"][0]["status"] == "already"
    assert (again["imports"][0]["added"], again["fills"]) == (0, 3)

    fills = run_json("fills", "show", "--from", "2025-06-19", "--to", "2025-06-19")
    assert [fill["execution_id"] for fill in fills] == ["e1", "e2", "e3"]
    assert run_json("fills", "show", "--from", "2025-06-20") == []
    assert "3386.4" in run("fills", "show")
    assert "the newest 1 of 3" in run("fills", "show", "--rows", "1")

    (batch,) = run_json("fills", "show", "--files")
    assert "1 rows quarantined" in run("fills", "show", "--files")
    gone = run("fills", "withdraw", batch["batch_id"], "--reason", "simulated")
    assert "its 3 fills no longer count" in gone
    assert run_json("fills", "show") == []
    assert "undone: simulated" in run("fills", "show", "--files")


def test_prices_that_the_bars_do_not_have_are_shown_with_what_may_be_wrong(file: Path) -> None:
    settings = current_settings()
    rows: list[Row] = [
        ("MGCQ5", minute("2025-06-19", clock), low, high, low, high, 9)
        for clock, (low, high) in TRADED.items()
    ]
    at = datetime(2025, 6, 20, tzinfo=UTC)
    settings.lake().ingest([batch(rows, "made")], settings.market("mgc"), at)
    command = ("fills", "import", str(file), "--dry-run", "--zone")
    assert "check" not in run(*command, "Australia/Brisbane")
    printed = run(*command, "Asia/Tokyo")
    assert "check       2 of 3 fills have a price that the bars around them do not have" in printed
    assert "line 3: 3,391 at 2025-06-19 01:40:30 UTC, when MGCQ5 traded from" in printed
    (off, _) = run_json(*command, "Asia/Tokyo")["imports"][0]["off_bars"]
    assert (off["fill"]["source_line"], off["low"], off["high"]) == (3, 3381.0, 3383.0)


def test_the_same_trade_of_two_platforms_is_remarked(tmp_path: Path) -> None:
    shutil.copy(FILES / "tradovate.csv", tmp_path / "tradovate.csv")
    printed = run(
        *("fills", "import", str(FILES / "rithmic.csv"), str(tmp_path / "tradovate.csv")),
        *("--zone", "America/New_York", "--dry-run"),
    )
    assert "3 of them seem to be reported by two platforms" in printed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "has no zone; give --zone"),
        (("--zone", "Mars"), "there is no zone 'Mars'"),
        (("--zone", "UTC", "--columns", "price"), "--columns 'price' is not a mapping; write"),
        (("--zone", "UTC", "--columns", "price=Px"), "has no column 'Px' for price; name one of"),
        (("--zone", "UTC", "--decimal", ";"), "--decimal ';' is neither; write , or ."),
        (
            ("--zone", "UTC", "--platform", "x"),
            "there is no platform 'x'; use one of ninjatrader",
        ),
        (("--zone", "UTC", "--market", "nq"), "has no execution of NQ: its rows are of MGC 08-25"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_a_remedy(
    file: Path, options: tuple[str, ...], words: str
) -> None:
    line = run("fills", "import", str(file), *options, status=2)
    assert words in line
    assert line.count("\n") == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    line = run("fills", "import", str(tmp_path / "none.csv"), status=2)
    assert "none.csv" in line
    assert line.count("\n") == 1
