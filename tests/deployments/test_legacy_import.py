"""Import from an older system: bars, a comparison of its record, models judged but not loaded."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import lightgbm
import numpy as np
import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.legacy_import.findings import (
    BarsFinding,
    DatabaseFinding,
    ImportedBars,
    LegacyFindings,
    ModelFinding,
)
from deployments.legacy_import.models import booster_facts
from deployments.legacy_import.outside_record import measured
from deployments.legacy_import.report import legacy_report
from deployments.legacy_import.survey import NoFolderError, NothingToImportError, survey
from deployments.legacy_import.usability import headline, unusable, usable
from deployments.simulated import write_database
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources import duckdb_file
from ml_core.bars.sources.duckdb_file import DatabaseLockedError, read_duckdb
from ml_core.features.history import read_history
from ml_core.json_values import json_values
from ml_core.learning.models.booster_facts import BoosterFacts
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec
from monitoring.pages.document import to_html, to_markdown
from tasks.data.sources import SourceSpec
from tasks.runs import trying_again
from tasks.settings import Settings, current_settings

NOW = datetime(2024, 6, 1, tzinfo=UTC)
FIRST, LAST = date(2024, 2, 1), date(2024, 3, 28)
FEATURES = ["orb_0900_size", "atr_20", "asia_high", "orb_0900_outcome", "strange"]


class _Trap:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def _model(objective: dict[str, Any]) -> str:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, len(FEATURES)))
    data = lightgbm.Dataset(rows, rng.integers(0, 2, 300), feature_name=FEATURES)
    settled = {"verbose": -1, "num_threads": 1, **objective}
    return str(lightgbm.train(settled, data, 3).model_to_string())


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of bars in a DuckDB, a record of two of their ranges, and three versions."""
    root = tmp_path_factory.mktemp("old")
    write_database(root / "old.duckdb", Settings().market("mgc"), FIRST, LAST, 0.0, 5)
    registry = root / "models" / "directional"
    text = _model({"objective": "binary"})
    for name, model in (("v1", text), ("v2", text[: len(text) // 2])):
        (registry / name).mkdir(parents=True)
        (registry / name / "model.txt").write_text(model)
    about = {
        "test_period": {"start": "2024-03-01", "end": "2024-03-28"},
        "metrics": {"accuracy": 0.5398, "nothing": float("nan")},
    }
    (registry / "v1" / "metadata.json").write_text(json.dumps(about))
    (registry / "v1" / "feature_names.json").write_text(json.dumps(FEATURES))
    for file in ("model.pkl", "scaler.joblib"):
        (registry / "v1" / file).write_bytes(pickle.dumps(_Trap(root / "loaded")))
    (registry / "v2" / "metadata.json").write_text("{broken")
    (registry / "v3").mkdir()
    (registry / "v3" / "model.pkl").write_bytes(pickle.dumps(_Trap(root / "loaded")))
    return root


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    return current_settings()


@pytest.fixture(scope="module")
def dry_run(old: Path, tmp_path_factory: pytest.TempPathFactory) -> LegacyFindings:
    """Findings of a dry run on all of it."""
    settings = Settings(home=tmp_path_factory.mktemp("surveyed"))
    findings = _look(settings, old, dry_run=True)
    assert settings.lake().status("MGC").bars == 0
    return findings


def _database(findings: LegacyFindings) -> DatabaseFinding:
    assert findings.duckdb is not None
    return findings.duckdb


def _bars(findings: LegacyFindings) -> BarsFinding:
    bars = _database(findings).bars
    assert bars is not None
    return bars


def _imported(findings: LegacyFindings) -> ImportedBars:
    brought = _bars(findings).brought
    assert brought is not None
    return brought


def _look(settings: Settings, old: Path, **changed: Any) -> LegacyFindings:
    database = changed.pop("duckdb", old / "old.duckdb")
    reading = {name: changed.pop(name) for name in ("zone", "stamp") if name in changed}
    arguments: dict[str, Any] = {
        "source": database and SourceSpec(kind="duckdb", paths=(str(database),), **reading),
        "registry": old / "models",
        "at": NOW,
        "dry_run": False,
    }
    return survey(settings, "mgc", **{**arguments, **changed})


def _with_record(old: Path, copy: Path, *, wrong: bool) -> Path:
    """Copy the bars and add a record of Orbcast's own measurements, with one price altered."""

    market = Settings().market("mgc", roll="same_day_volume")
    lake = Lake(copy.parent / "lake")
    path = str(old / "old.duckdb")
    lake.ingest(read_duckdb(path, "MGC", columns={"contract": "contract"}), market, NOW)
    schedule = build_schedule(market, FIRST, LAST)
    ours = measured(read_history(lake.read(market), market, LabelSpec(), schedule))
    copy.write_bytes((old / "old.duckdb").read_bytes())
    connection = duckdb.connect(str(copy))
    connection.execute(
        "CREATE TABLE daily_features_v2 (date_local DATE, instrument VARCHAR, asia_high DOUBLE, "
        "orb_0900_high DOUBLE, orb_0900_low DOUBLE, orb_0900_break_dir VARCHAR, "
        "orb_0900_outcome VARCHAR, orb_0900_r_multiple DOUBLE, rsi_at_0030 DOUBLE)"
    )
    rows = [(day, row) for (day, name), row in sorted(ours.items()) if name == "0900"]
    for number, (day, row) in enumerate(rows):
        high = row.high + (1.0 if wrong and number == 3 else 0.0)
        values = [day, "MGC", 1.0, high, row.low, row.direction, row.outcome, None, 50.0]
        connection.execute("INSERT INTO daily_features_v2 VALUES (?,?,?,?,?,?,?,?,?)", values)
    connection.close()
    return copy


def test_bars_come_in_with_their_contracts_once_and_a_second_time_nothing_changes(
    empty: Settings, old: Path
) -> None:
    findings = _look(empty, old, registry=None)
    first, second = _imported(findings), _imported(_look(empty, old, registry=None))

    assert _bars(findings).columns["contract"] == "contract"
    assert first.added == first.bars > 30_000
    assert second.new_batches == 0
    assert second.bars == first.bars


def test_a_dry_run_reports_all_the_same_and_leaves_the_lake_as_it_was(
    dry_run: LegacyFindings,
) -> None:
    assert _imported(dry_run).bars > 30_000
    assert "none of the 3 models can serve" in headline(dry_run)


def test_no_pickle_is_ever_loaded_only_named(dry_run: LegacyFindings, old: Path) -> None:
    assert dry_run.versions[0].pickles == ("model.pkl", "scaler.joblib")
    assert not (old / "loaded").exists()
    pickle.loads((old / "models/directional/v1/model.pkl").read_bytes())  # noqa: S301 - the trap works
    (old / "loaded").unlink()


def test_each_fault_of_a_version_is_a_line_and_the_others_are_read_all_the_same(
    dry_run: LegacyFindings,
) -> None:
    whole, cut, bare = dry_run.versions

    assert whole.booster is not None
    assert not whole.faults
    assert whole.kind == "two classes"
    assert whole.metrics == {"metrics.accuracy": 0.5398}
    assert any("cut off" in fault for fault in cut.faults)
    assert any("metadata.json cannot be read" in fault for fault in cut.faults)
    assert any("model.txt is missing" in fault for fault in bare.faults)


def test_a_model_that_ends_the_process_reading_it_is_reported_and_the_next_is_read(
    tmp_path: Path,
) -> None:
    text = _model({"objective": "binary"})
    deadly, sound = tmp_path / "deadly.txt", tmp_path / "sound.txt"
    deadly.write_text(text[: int(text.index("end of trees") * 0.6)])
    sound.write_text(text)

    facts = booster_facts([deadly, sound])

    assert "ends the process" in str(facts[deadly])
    assert isinstance(facts[sound], BoosterFacts)
    assert facts[sound].features == tuple(FEATURES)


def test_stated_accuracy_is_compared_with_the_corridor_on_the_same_days(
    dry_run: LegacyFindings,
) -> None:
    corridor = dry_run.versions[0].corridor

    assert corridor is not None
    assert (corridor.first, corridor.last, corridor.whole) == (
        "2024-03-01",
        "2024-03-28",
        True,
    )
    assert corridor.corridor.low < corridor.corridor.estimate
    page = to_markdown(legacy_report(dry_run))
    assert "53.98\N{NO-BREAK SPACE}%" in page
    assert "corridor, accuracy" in page


def test_a_record_is_compared_with_the_bars_and_what_differs_is_listed(
    empty: Settings, old: Path, tmp_path: Path
) -> None:
    copy = _with_record(old, tmp_path / "copy.duckdb", wrong=True)

    findings = _look(empty, old, duckdb=copy, registry=None, dry_run=True)

    [record] = findings.records
    agreement = record.ranges["0900"]
    assert agreement.compared > 30
    assert agreement.agree["low"] == agreement.agree["direction"] == agreement.compared
    assert agreement.agree["high"] == agreement.compared - 1
    assert [(difference.field, difference.reason) for difference in record.differences] == [
        ("high", "")
    ]
    judged = {column.name: column for column in record.columns}
    assert judged["orb_0900_r_multiple"].use == "never"
    assert judged["asia_high"].leaks_into == ("0900", "1000", "1100")
    assert "2300" in judged["rsi_at_0030"].leaks_into


def test_times_of_the_local_clock_are_refused_with_what_to_do(
    empty: Settings, old: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "local.duckdb"
    copy.write_bytes((old / "old.duckdb").read_bytes())
    connection = duckdb.connect(str(copy))
    connection.execute("UPDATE bars_1m SET ts_utc = ts_utc + INTERVAL 10 HOUR")
    connection.close()

    findings = _look(empty, old, duckdb=copy, registry=None)

    fault = _bars(findings).fault
    assert fault is not None
    assert "look like Australia/Brisbane" in fault
    assert fault.endswith("Give --zone Australia/Brisbane")
    assert empty.lake().status("MGC").bars == 0
    assert any("look like" in sentence for sentence in unusable(findings))


@pytest.mark.parametrize(
    ("minutes", "kind", "reading"),
    [
        (600, "TIMESTAMP", {"zone": "Australia/Brisbane"}),
        (600, "VARCHAR", {"zone": "Australia/Brisbane"}),
        (1, "TIMESTAMP", {"stamp": "close"}),
    ],
    ids=["a local clock", "a local clock as text", "stamps at the close"],
)
@pytest.mark.slow
def test_times_that_are_described_come_in_as_the_same_bars(
    empty: Settings, old: Path, tmp_path: Path, *, minutes: int, kind: str, reading: dict[str, str]
) -> None:
    copy = tmp_path / "shifted.duckdb"
    copy.write_bytes((old / "old.duckdb").read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute("UPDATE bars_1m SET ts_utc = ts_utc + to_minutes(?)", [minutes])
        connection.execute(f"ALTER TABLE bars_1m ALTER ts_utc TYPE {kind}")
    _look(empty, old, registry=None)
    before = empty.lake().read(current_settings().market("mgc"))

    findings = _look(empty, old, duckdb=copy, registry=None, **reading)

    brought = _imported(findings)
    assert (brought.added, brought.revised) == (0, 0)
    assert np.array_equal(empty.lake().read(current_settings().market("mgc")).close, before.close)


def test_times_without_a_zone_are_utc_whatever_their_column_is_called(
    empty: Settings, old: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "named.duckdb"
    copy.write_bytes((old / "old.duckdb").read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute("ALTER TABLE bars_1m RENAME ts_utc TO ts")
    _look(empty, old, registry=None)

    findings = _look(empty, old, duckdb=copy, registry=None)

    brought = _imported(findings)
    assert _bars(findings).zone.stated == "no zone, taken as UTC"
    assert (_bars(findings).fault, brought.added, brought.revised) == (None, 0, 0)


def test_a_table_that_reads_beyond_the_database_is_named_and_not_read(
    empty: Settings, old: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "views.duckdb"
    copy.write_bytes((old / "old.duckdb").read_bytes())
    (tmp_path / "other.csv").write_text("ts,hunter2\n2024-01-01,1\n")
    with duckdb.connect(str(copy)) as connection:
        view = f"CREATE VIEW stolen AS SELECT * FROM read_csv('{tmp_path}/other.csv')"  # noqa: S608 - the test's own
        connection.execute(view)

    findings = _look(empty, old, duckdb=copy, registry=None, dry_run=True)

    what = {table.name: table.what for table in _database(findings).tables}
    assert "outside the database" in what["stolen"]
    assert "hunter2" not in json.dumps(json_values(findings))
    assert _bars(findings).table == "bars_1m"


def test_options_of_a_database_are_refused_without_one(empty: Settings, tmp_path: Path) -> None:
    del empty

    done = CliRunner().invoke(
        app, ["import-legacy", "--registry", str(tmp_path), "--zone", "UTC", "--dry-run"]
    )

    assert done.exit_code == 2
    assert "--zone, --stamp and --time-format set how --duckdb is read" in done.output


def test_a_ready_made_series_is_not_put_beside_contracts(
    empty: Settings, old: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "series.duckdb"
    copy.write_bytes((old / "old.duckdb").read_bytes())
    connection = duckdb.connect(str(copy))
    connection.execute("ALTER TABLE bars_1m DROP contract")
    connection.close()
    _look(empty, old, registry=None)
    before = empty.lake().status("MGC")

    findings = _look(empty, old, duckdb=copy, registry=None)

    assert "in it twice" in str(_bars(findings).fault)
    assert empty.lake().status("MGC") == before


class _Outside(HTMLParser):
    """A parser that collects what a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.markup: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.markup += [tag] if tag in {"script", "link", "img", "iframe", "b"} else []
        self.markup += [name for name, _ in attrs if name.startswith(("src", "on"))]


def test_names_of_another_system_are_text_in_the_page_whatever_they_hold(
    dry_run: LegacyFindings,
) -> None:
    assert dry_run.registry is not None
    first, *others = dry_run.versions
    feature = replace(first.features[0], name="<img src=x onerror=y>")
    named: ModelFinding = replace(
        first, name="<script>x</script>|<b>", features=(feature, *first.features[1:])
    )
    changed = replace(dry_run, registry=replace(dry_run.registry, versions=(named, *others)))

    page = to_html(legacy_report(changed))

    outside = _Outside()
    outside.feed(page)
    assert outside.markup == []
    assert "\\<script\\>" in to_markdown(legacy_report(changed))


def test_the_command_writes_both_reports_and_its_lines_fit_a_terminal(
    empty: Settings, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    done = CliRunner().invoke(
        app, ["import-legacy", "--registry", str(old / "models"), "--dry-run"]
    )

    assert done.exit_code == 0
    summary = done.output.partition("Report:")[0]
    assert max(map(len, summary.splitlines())) <= 80
    folder = empty.reports_dir / "MGC"
    assert {path.name for path in folder.iterdir()} == {"import-legacy.html", "import-legacy.md"}


def test_json_of_the_command_is_json(empty: Settings, tmp_path: Path) -> None:
    del empty

    done = CliRunner().invoke(app, ["import-legacy", "--registry", str(tmp_path), "--json"])

    assert json.loads(done.output)["registry"]["versions"] == []


def test_the_report_states_in_sentences_what_can_be_used(dry_run: LegacyFindings) -> None:
    assert any("1-minute bars of MGC" in sentence for sentence in usable(dry_run))
    assert any("pickle" in sentence for sentence in unusable(dry_run))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"duckdb": None, "registry": None}, NothingToImportError),
        ({"duckdb": None, "registry": Path("/nowhere/at/all")}, NoFolderError),
    ],
    ids=["nothing named", "no folder"],
)
def test_what_cannot_be_read_at_all_is_refused(
    empty: Settings, old: Path, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _look(empty, old, **arguments)


def test_a_registry_s_links_are_not_followed(empty: Settings, old: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "metadata.json").write_text("{}")
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "link").symlink_to(tmp_path / "outside")

    assert _look(empty, old, duckdb=None, registry=tmp_path / "registry").versions == ()


@pytest.mark.parametrize(("refusals", "read"), [(2, True), (99, False)], ids=["lets go", "stays"])
def test_a_database_that_is_being_written_is_tried_again_for_a_while(
    empty: Settings,
    old: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusals: int,
    *,
    read: bool,
) -> None:
    monkeypatch.setattr(trying_again, "FIRST_WAIT", 0.001)
    left = [refusals]
    truly = duckdb_file.opened

    def opened(path: str) -> duckdb.DuckDBPyConnection:
        left[0] -= 1
        if left[0] >= 0:
            raise DatabaseLockedError(path)
        return truly(path)

    monkeypatch.setattr(duckdb_file, "opened", opened)

    if read:
        findings = _look(empty, old, registry=None, dry_run=True)
        assert _bars(findings).fault is None
    else:
        with pytest.raises(DatabaseLockedError):
            _look(empty, old, registry=None, dry_run=True)
        assert left[0] == refusals - trying_again.TRIES
