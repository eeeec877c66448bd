"""A source that hangs: given up in time, reported, and the rest of the run continues."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL

from flows.refresh_data import refresh_data, refresh_standing_source
from flows.shadow_predict import shadow_predict
from ml_core.bars.contract import SourceError
from registry.notices import notices
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tasks.prediction import await_bars
from tasks.runs import time_limits
from tasks.runs.time_limits import within
from tasks.settings import current_settings
from tests.conftest import PROJECT
from tests.waiting import AT_MOST_SECONDS

T0 = datetime(2024, 11, 28, 23, 5, tzinfo=UTC)  # Friday, 09:05 in Brisbane

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(params=["a pipe", "a server that accepts and is silent"])
def hangs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """A source whose reading never ends."""
    with ExitStack() as stack:
        pipe = tmp_path / "bars.pipe"
        os.mkfifo(pipe)
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/bars"

        def read(*_: Any, **__: Any) -> None:
            if request.param == "a pipe":
                pipe.read_bytes()
            else:
                urllib.request.urlopen(url)

        yield read


def test_a_source_that_hangs_costs_the_slot_its_bars_and_not_its_row(
    own: Path, hangs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    del own
    monkeypatch.setattr("tasks.data.ingest.take_in", hangs)
    monkeypatch.setattr(await_bars, "LEAST_SECONDS", 0.3)
    monkeypatch.setenv("ORBCAST_WAIT_FOR_BARS_SECONDS", "0")
    for name in (
        "tasks.runs.periods.now",
        "tasks.prediction.await_bars.now",
        "tasks.prediction.predict._made_at",
    ):
        monkeypatch.setattr(name, lambda: T0 + timedelta(seconds=2))

    prediction = shadow_predict("mgc")

    champion = prediction.entries[0]
    assert (champion.status, champion.late) == ("predicted", False)  # its bars had arrived before
    assert prediction.trouble == "the bars could not be refreshed: no answer within 0.3 s"
    (notice,) = [
        record.notice
        for record in notices(current_settings().database())
        if record.notice.subject == "MGC: the source could not be read for 0900"
    ]
    assert "no answer within 0.3 s" in notice.body


_REFRESH = """
    import os, sys
    from flows.refresh_data import refresh_data
    from tasks.data import ingest

    ingest.take_in = lambda *_, **__: open(sys.argv[1]).read()
    refresh_data.with_options(timeout_seconds=2.0)("mgc")
"""


@pytest.mark.slow
def test_a_refresh_that_hangs_is_ended_at_its_limit_and_reported_and_the_next_one_works(
    own: Path, tmp_path: Path
) -> None:
    del own
    pipe = tmp_path / "bars.pipe"
    os.mkfifo(pipe)
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_REFRESH), str(pipe)],
        cwd=PROJECT,
        env={**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "FlowRunTimeoutError" in ran.stderr
    subjects = [record.notice.subject for record in notices(current_settings().database())]
    assert "MGC: refresh-data timed out" in subjects
    assert refresh_data("mgc").bars > 30_000


def test_a_flow_goes_on_with_the_bars_that_are_there_when_its_refresh_hangs(
    own: Path, hangs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    del own
    monkeypatch.setattr("tasks.data.ingest.take_in", hangs)
    monkeypatch.setattr("flows.refresh_data.GIVEN_UP_AFTER", 1.0)
    assert (
        refresh_standing_source("mgc") == "the bars could not be refreshed: no answer within 1 s"
    )


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("kind", "name"), [("csv", "x.csv"), ("parquet", "x.parquet"), ("dbn", "x.dbn")]
)
@pytest.mark.parametrize("named", ["the folder", "itself"])
def test_a_pipe_among_a_source_s_files_is_refused_and_not_read(
    tmp_path: Path, kind: str, name: str, named: str
) -> None:
    folder = tmp_path / "bars"
    folder.mkdir()
    os.mkfifo(folder / name)
    path = folder if named == "the folder" else folder / name
    remember_source(
        current_settings().sources_file, "mgc", SourceSpec(kind=kind, paths=(str(path),))
    )
    with pytest.raises(SourceError, match=rf"{name}: is a pipe, socket or device and not a file"):
        refresh_data("mgc")


@pytest.mark.parametrize("outer", [0.2, 0.6], ids=["over first", "over later"])
def test_a_limit_within_another_leaves_that_one_as_it_was(outer: float) -> None:
    def end(*_: object) -> None:
        raise InterruptedError

    def sleep_twice() -> None:
        with contextlib.suppress(TimeoutError), within(0.4):
            time.sleep(AT_MOST_SECONDS)
        time.sleep(AT_MOST_SECONDS)

    before = signal.signal(signal.SIGALRM, end)
    try:
        signal.setitimer(signal.ITIMER_REAL, outer)
        with pytest.raises(InterruptedError):
            sleep_twice()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def test_a_time_limit_that_was_swallowed_is_raised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limits, "AGAIN_SECONDS", 0.2)
    swallowed = []

    def read() -> None:
        try:
            time.sleep(AT_MOST_SECONDS)
        except TimeoutError as error:  # like a library that swallows every exception
            swallowed.append(error)
        time.sleep(AT_MOST_SECONDS)

    with pytest.raises(TimeoutError), within(0.2):
        read()
    assert len(swallowed) == 1


def test_a_limit_that_is_kept_leaves_no_alarm() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with within(30.0):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
