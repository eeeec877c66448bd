"""Nightly retrains pause after repeated failures; a killed one leaves no half work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL

from flows.nightly_retrain import nightly_retrain
from ml_core.errors import InputError
from registry.models.retrain_attempts import begin_attempt, retrain_attempts
from registry.notices import notices
from tasks.data.datasets import EmptyLakeError
from tasks.named_files import UnknownNameError
from tasks.runs.periods import FutureTimeError, ReversedPeriodError
from tasks.settings import current_settings, now
from tasks.training.retrain import backoff
from tasks.training.retrain.artifact import Retrained

pytestmark = pytest.mark.usefixtures("prefect_server")

NIGHT = datetime(2025, 3, 3, 22, 15, tzinfo=UTC)


class Nights:
    """Retrains, one a night by schedule, or by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def run(self, night: float, *, by_itself: bool = True) -> Retrained:
        self._patch.setattr(backoff, "by_itself", lambda: by_itself)
        self._patch.setattr(backoff, "now", lambda: NIGHT + timedelta(days=night))
        result: Retrained = nightly_retrain("mgc")
        return result


@pytest.fixture
def nights(monkeypatch: pytest.MonkeyPatch) -> Nights:
    return Nights(monkeypatch)


@pytest.mark.usefixtures("home")
def test_after_three_failures_in_a_row_scheduled_retrains_pause_with_a_notice(
    nights: Nights,
) -> None:
    for night in range(3):
        with pytest.raises(EmptyLakeError):
            nights.run(night)
    skipped = nights.run(3 - 1 / 1440)
    assert skipped.skipped
    assert skipped.verdict.startswith(
        "MGC: skipped, backing off until 2025-03-06 23:15 UTC after 3 failures in a row"
    )
    retrain_notices = [
        record.notice
        for record in notices(current_settings().database())
        if record.notice.kind == "retrain"
    ]
    assert [notice.subject for notice in retrain_notices] == ["MGC: 3 retrains in a row failed"]
    assert "No version serves yet." in retrain_notices[0].body

    with pytest.raises(EmptyLakeError):  # by hand it runs, and its failure does not count
        nights.run(2.5, by_itself=False)
    with pytest.raises(EmptyLakeError):  # after the pause it runs, fails, and pauses longer
        nights.run(3.1)
    assert "until 2025-03-09" in nights.run(4.1).verdict
    ends = [
        (attempt.by_itself, attempt.end)
        for attempt in retrain_attempts(current_settings().database(), "MGC")
    ]
    assert ends == [(True, "failed")] * 3 + [(False, "failed"), (True, "failed")]


@pytest.mark.slow
@pytest.mark.usefixtures("own")
def test_a_success_ends_the_count_and_drift_is_looked_at_last(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = current_settings().models().find("MGC", "champion").version
    database = current_settings().database()
    for night in range(3):
        begin_attempt(database, "MGC", NIGHT + timedelta(days=night), by_itself=True)
    # three that were killed: they have no end on record
    resting = nights.run(2.9)
    assert resting.skipped
    assert current_settings().models().serving("MGC", now()).record.version == champion
    done = nights.run(2.95, by_itself=False)
    assert not done.skipped
    assert str(done.drift)
    monkeypatch.setattr(backoff, "by_itself", lambda: True)
    assert backoff.retrain_pause(current_settings(), "MGC") is None


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"from_day": "2025-02-01", "to_day": "2025-01-01"}, ReversedPeriodError, "swap them"),
        ({"recipe": "no-such"}, UnknownNameError, "use one of these"),
        ({"market": "no-such"}, UnknownNameError, "use one of these"),
        ({"as_of": "2999-01-01T00:00"}, FutureTimeError, "is in the future"),
    ],
    ids=["reversed", "recipe", "market", "future"],
)
def test_parameters_that_cannot_be_meant_are_refused_before_anything_is_done(
    given: dict[str, Any], error: type[InputError], words: str
) -> None:
    with pytest.raises(error, match=words):
        nightly_retrain(**given)
    assert retrain_attempts(current_settings().database(), "MGC") == ()
    assert not (current_settings().home / "lake").exists()


_KILLED = """
    import os, signal
    from registry.models import version_files

    def die(_folder):
        os.kill(os.getpid(), signal.SIGKILL)

    version_files.sync = die  # the files are written, their folder has not got its name
    from flows.nightly_retrain import nightly_retrain

    nightly_retrain("mgc", to_day="2024-11-20", refresh=False)
"""


@pytest.mark.slow
def test_killed_while_it_registers_the_next_retrain_completes_what_it_left(own: Path) -> None:
    before = current_settings().models().versions("MGC")
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED)],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PREFECT_API_URL": PREFECT_API_URL.value(),
        },
        check=False,
        capture_output=True,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
    assert current_settings().models().versions("MGC") == before
    (attempt,) = retrain_attempts(current_settings().database(), "MGC")[-1:]
    assert attempt.end is None

    done = nightly_retrain("mgc", to_day=datetime(2024, 11, 20, tzinfo=UTC).date(), refresh=False)

    models = current_settings().models()
    versions = models.versions("MGC")
    assert len(versions) == len(before) + 2
    assert all(models.faults(record) == () for record in versions)
    assert done.challenger in {record.version for record in versions}
    registered = {record.folder for record in versions}
    whole = {path for path in (own / "models").glob("*/*/*") if not path.name.startswith(".")}
    assert whole == registered
