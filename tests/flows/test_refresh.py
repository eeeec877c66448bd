"""New bars are announced once, a locked source is retried, a prediction waits for its bars."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import duckdb
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events import Event
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from prefect.states import Cancelled, Completed, Failed, Running
from typer.testing import CliRunner

from deployments.catalogue import deployments_of
from deployments.cli.app import app
from deployments.serving.prefect_server import served_run
from deployments.serving.prefect_server.served_run import (
    NotBegunError,
    ServedRunFailedError,
    SourceAtFaultError,
    SourceBusyError,
    run_served,
)
from deployments.serving.runner import deployment
from flows.refresh_data import refresh_data
from flows.shadow_predict import shadow_predict
from ml_core.bars.sources.duckdb_file import DatabaseLockedError
from registry.notices import notices
from tasks.data.ingest import refresh_lake
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tasks.settings import current_settings
from tests.ml_core.builders import mgc

T0 = datetime(2024, 11, 19, 23, 5, tzinfo=UTC)  # Wednesday, 09:05 in Brisbane


class Source:
    """Two months of the simulated market, up to a minute that advances."""

    def __init__(self, path: Path, whole: Path) -> None:
        self._path, self._whole, self._end = path, whole, T0 - timedelta(minutes=2)
        with duckdb.connect(str(path)) as writer:
            writer.execute(f"ATTACH '{whole}' AS whole (READ_ONLY)")
            writer.execute(
                "CREATE TABLE bars_1m AS SELECT * FROM whole.bars_1m"
                " WHERE ts_utc >= '2024-10-01' AND ts_utc <= ?",
                [self._end.replace(tzinfo=None)],
            )

    def grows(self, end: datetime) -> None:
        """Write the bars up to one that opens at ``end``."""
        with duckdb.connect(str(self._path)) as writer:
            writer.execute(f"ATTACH '{self._whole}' AS whole (READ_ONLY)")
            writer.execute(
                "INSERT INTO bars_1m SELECT * FROM whole.bars_1m WHERE ts_utc > ? AND ts_utc <= ?",
                [self._end.replace(tzinfo=None), end.replace(tzinfo=None)],
            )
        self._end = end

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path


@pytest.fixture
def source(home: Path, simulated_database: Path, tmp_path: Path) -> Source:
    """A source in an empty home, remembered."""
    del home
    return _remembered(Source(tmp_path / "growing.duckdb", simulated_database))


def _remembered(database: Source) -> Source:
    spec = SourceSpec(kind="duckdb", paths=(str(database.path),), columns={"contract": "contract"})
    remember_source(current_settings().sources_file, "mgc", spec)
    return database


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[Event]]]:
    """Return the events of new bars handed to Prefect, in the form it would send them."""
    AssertingEventsClient.reset()
    worker = EventsWorker.instance(AssertingEventsClient)
    monkeypatch.setattr(EventsWorker, "instance", lambda *_: worker)

    def data_events() -> list[Event]:
        worker.wait_until_empty()
        sent = [event for client in AssertingEventsClient.all for event in client.events]
        return [event for event in sent if event.event.startswith("orbcast.data.")]

    yield data_events
    worker.drain()


@pytest.mark.usefixtures("prefect_server")
def test_bars_that_are_new_are_announced_once_and_none_never_but_by_hand(
    source: Source, announced: Callable[[], list[Event]]
) -> None:
    refresh_data("mgc", as_of=T0 + timedelta(hours=1))
    assert announced() == []  # a run as of an earlier time announces nothing

    source.grows(T0 + timedelta(hours=2))
    brought = refresh_data("mgc")
    refresh_data("mgc")
    (event,) = announced()
    assert (event.event, event.resource.id) == ("orbcast.data.refreshed", "orbcast.market.mgc")
    assert event.payload["added"] == brought.added > 0
    assert event.payload["last_bar"] == brought.last_bar.isoformat()
    assert event.payload.keys() >= {"as_of", "revised", "batches"}

    refresh_data("mgc", announce=True)
    assert [announcement.payload["added"] for announcement in announced()] == [brought.added, 0]


_WRITER = """
import sys, duckdb
writer = duckdb.connect(sys.argv[1])
writer.execute("CREATE TABLE at_work(a INT)")
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def writer(source: Source) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes to the trader's database until it is stopped."""
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(source.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "locked"
        yield process
        process.kill()


def test_a_locked_source_is_read_again_after_2_4_8_and_16_seconds() -> None:
    assert refresh_lake.retries == 4
    assert refresh_lake.retry_delay_seconds == [2, 4, 8, 16]


@pytest.mark.usefixtures("prefect_server")
def test_a_source_that_another_process_writes_is_read_once_that_is_done(
    writer: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = refresh_lake.with_options(retry_delay_seconds=0.2, retries=3000)
    monkeypatch.setattr("flows.refresh_data.refresh_lake", patient)
    assert writer.stdin is not None
    threading.Timer(1.0, writer.stdin.close).start()
    assert refresh_data("mgc").added > 30_000


@pytest.mark.usefixtures("prefect_server", "writer")
def test_a_source_that_stays_locked_fails_the_run_with_its_name_and_a_notice(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = refresh_lake.with_options(retry_delay_seconds=[0.01] * 4)
    monkeypatch.setattr("flows.refresh_data.refresh_lake", hasty)
    with pytest.raises(DatabaseLockedError, match="is open for writing in another program"):
        refresh_data("mgc")
    (record,) = notices(current_settings().database())
    assert record.notice.subject == "MGC: refresh-data failed"
    assert str(source.path) in record.notice.body


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("comes", [True, False], ids=["in-time", "never"])
def test_a_live_prediction_waits_for_the_bars_of_its_window_or_says_that_they_did_not_come(
    own: Path,
    source: Source,
    monkeypatch: pytest.MonkeyPatch,
    announced: Callable[[], list[Event]],
    comes: bool,
) -> None:
    # the trained home with an empty lake: the serving version learned only from earlier days
    monkeypatch.setenv("ORBCAST_HOME", str(own))
    monkeypatch.setattr("registry.models.model_store.ModelStore.expired", lambda *_: None)
    for path in sorted((own / "lake").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    _remembered(source)
    monkeypatch.setenv("ORBCAST_WAIT_FOR_BARS_SECONDS", "130")
    clock = [T0 + timedelta(seconds=1 if comes else 105)]

    def sleep(seconds: float) -> None:
        clock[0] += timedelta(seconds=seconds)
        if comes and len(slept) == 1:
            source.grows(T0 - timedelta(minutes=1))
        slept.append(seconds)

    slept: list[float] = []
    for name in (
        "tasks.runs.periods.now",
        "tasks.prediction.await_bars.now",
        "tasks.prediction.predict._made_at",
    ):
        monkeypatch.setattr(name, lambda: clock[0])
    monkeypatch.setattr("tasks.prediction.await_bars.sleep", sleep)

    prediction = shadow_predict("mgc")

    assert prediction.slot == "MGC:2024-11-20:0900"
    champion = prediction.entries[0]
    if comes:
        assert slept == [1.0, 2.0]
        assert (champion.status, champion.late) == ("predicted", False)
        (event,) = announced()  # for three readings, two of which imported bars
        assert event.payload["added"] == current_settings().lake().status("MGC").bars
    else:
        assert (champion.status, champion.reason) == ("abstained", "stale_data")
        assert champion.late
        assert clock[0] == T0 + timedelta(seconds=130)
        again = shadow_predict("mgc")
        assert not again.entries[0].added
        assert clock[0] == T0 + timedelta(seconds=130)


def test_without_a_server_a_script_s_refresh_is_made_here(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    del source
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    done = CliRunner().invoke(app, ["refresh", "--json"])
    assert done.exit_code == 0
    result = json.loads(done.stdout)
    assert (result["market"], result["ran"]) == ("mgc", "here")
    assert result["added"] == result["bars"] > 30_000
    again = CliRunner().invoke(app, ["refresh"])
    assert again.stdout.startswith("MGC: 0 bars added")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        (["--market", "no-such"], 2, "use one of these"),
        (["--event"], 3, "start it with `orbcast up`"),
        ([], 2, "--remember"),
    ],
    ids=["market", "event-without-server", "no-source"],
)
def test_a_refresh_that_cannot_be_is_refused_in_one_line(
    given: list[str], status: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    done = CliRunner().invoke(app, ["refresh", *given])
    assert done.exit_code == status
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


class Runner(threading.Thread):
    """A stand-in for a runner: gives each run the next of some final states."""

    def __init__(self, deployment_id: UUID, ends: list[list[State]]) -> None:
        super().__init__(daemon=True)
        self._deployment, self._ends, self.runs = deployment_id, ends, list[FlowRun]()

    def run(self) -> None:
        due = FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[self._deployment]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        )
        with get_client(sync_client=True) as client:
            while self._ends:
                for run in client.read_flow_runs(flow_run_filter=due):
                    self.runs.append(run)
                    self._end(client, run)
                time.sleep(0.02)

    def _end(self, client: SyncPrefectClient, run: FlowRun) -> None:
        for state in self._ends.pop(0):
            client.set_flow_run_state(run.id, state, force=True)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, prefect_server: None) -> Iterator[UUID]:
    """The registered deployment of refresh-data, without a schedule that could be due."""
    del prefect_server
    monkeypatch.setattr(served_run, "LOOK_EVERY_SECONDS", 0.02)
    (spec,) = [
        candidate
        for candidate in deployments_of("mgc", mgc())
        if "refresh" in candidate.entrypoint
    ]
    made = deployment(spec)
    made.schedules = []
    deployed = cast("UUID", made.apply())
    yield deployed
    with get_client(sync_client=True) as client:
        client.delete_deployment(deployed)


def _run(wait: float = 20.0) -> served_run.ServedRun:
    return run_served("refresh-data/mgc", {"full": True}, wait, lambda _: None)


def test_a_served_run_is_waited_for_with_its_parameters(served: UUID) -> None:
    runner = Runner(served, [[Running(), Completed()]])
    runner.start()
    assert _run().name == runner.runs[0].name
    assert runner.runs[0].parameters == {"market": "mgc", "full": True}


def test_a_run_that_another_crowded_out_is_started_again(served: UUID) -> None:
    crowded: State = Cancelled(message="Deployment concurrency limit reached.")
    runner = Runner(served, [[crowded], [Running(), Completed()]])
    runner.start()
    assert _run().name == runner.runs[1].name


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("DatabaseLockedError: x.duckdb is open", SourceBusyError),
        ("SourceError: x.duckdb does not exist", SourceAtFaultError),
        ("OSError: x.duckdb: no space left", ServedRunFailedError),
    ],
    ids=["locked", "missing", "machine"],
)
def test_a_run_that_failed_is_an_error_that_says_why(
    served: UUID, words: str, error: type[Exception]
) -> None:
    message = f"Flow run encountered an exception: {words}"
    Runner(served, [[Running(), Failed(message=message)]]).start()
    with pytest.raises(error, match=r"x\.duckdb"):
        _run()


@pytest.mark.usefixtures("served")
def test_a_run_that_nothing_begins_is_not_waited_for_for_ever() -> None:
    with pytest.raises(NotBegunError, match="has not begun"):
        _run(0.1)
