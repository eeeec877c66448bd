"""The artifacts of each flow in the UI, read back from the server."""

from __future__ import annotations

import base64
import re
import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, get_client
from prefect.client.schemas.objects import ArtifactCollection
from sqlalchemy import text

from flows import audit as audit_flow
from flows import log_outcomes as outcomes_flow
from flows.audit import audit
from flows.check_drift import check_drift
from flows.explain import explain
from flows.log_outcomes import log_outcomes
from flows.nightly_retrain import nightly_retrain
from flows.replay import replay
from ml_core.health.parity import Audited, Difference
from monitoring.breaker import BreakerState
from tasks.health import drift
from tasks.runs.artifacts import publish, table, to_open
from tasks.settings import current_settings
from tests.live_days import logged_home_of

pytestmark = pytest.mark.usefixtures("prefect_server", "own")

FIRST, LAST = date(2024, 11, 14), date(2024, 11, 19)
HOSTILE = "<img src=x onerror=alert(1)>|[a](javascript:alert(1))\n# X"
_PICTURE = re.compile(r"!\[[^\]]*\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)")


def latest(key: str) -> ArtifactCollection:
    with get_client(sync_client=True) as client:
        (artifact,) = [
            candidate for candidate in client.read_latest_artifacts() if candidate.key == key
        ]
    return artifact


def markdown_of(key: str) -> str:
    """Return the markdown of an artifact's latest version, its first line checked."""
    artifact = latest(key)
    text_of = str(artifact.data)
    first = text_of.splitlines()[0]
    assert re.fullmatch(r"\*\*.+\*\*", first)
    assert artifact.description is not None
    assert without_escapes(first.strip("*")) == " ".join(
        without_escapes(artifact.description).split()
    )
    assert not re.search(r"(?<!\\)[<\[]", artifact.description)
    return text_of


def without_escapes(markdown: str) -> str:
    return re.sub(r"\\(.)", r"\1", markdown)


def pictures_in(markdown: str) -> list[bytes]:
    pictures = [base64.b64decode(encoded) for encoded in _PICTURE.findall(markdown)]
    assert all(png.startswith(b"\x89PNG") for png in pictures)
    return pictures


def is_harmless(markdown: str) -> bool:
    """Return whether the hostile text is shown, without any of its markup."""
    unescaped = re.sub(r"\\.", "", _PICTURE.sub("", markdown))
    return "onerror" in markdown and not re.search(r"<img|\]\(javascript|\n# X", unescaped)


@pytest.fixture(scope="module")
def logged_home(untouched_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home, to be copied, with four days of live predictions."""
    return logged_home_of(untouched_home, tmp_path_factory.mktemp("logged"), FIRST, LAST)


@pytest.fixture
def logged(own: Path, logged_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a copy of that home in place of the file's own."""
    del own
    monkeypatch.setenv("ORBCAST_HOME", str(shutil.copytree(logged_home, tmp_path / "home")))
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")


@pytest.mark.usefixtures("logged")
def test_outcomes_are_shown_beside_the_corridor_with_what_they_brought() -> None:
    verdict = log_outcomes("mgc").verdict
    markdown = markdown_of("outcomes-mgc")
    assert without_escapes(markdown).startswith(f"**{verdict}**")
    assert "Champion, live, 4 days" in without_escapes(markdown)
    assert re.search(r"\| corridor \| \d\d\.\d\xa0% \| 0\.\d{4} \|", markdown)
    assert "| every break |" in markdown
    assert len(pictures_in(markdown)) == 3
    assert "2024-11-19" in markdown


def test_a_report_is_a_link_where_it_is_served_and_a_path_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = current_settings().reports_dir / "MGC" / "a report (1).html"
    alone = to_open({"full report": str(report)})
    assert alone == f"- full report: `{report}`"
    monkeypatch.setenv("ORBCAST_REPORTS_URL", "http://127.0.0.1:5200")
    linked = to_open({"full report": str(report)})
    assert linked.startswith(
        "- [full report](http://127.0.0.1:5200/MGC/a%20report%20%281%29.html): "
    )
    assert linked.endswith(f"`{report}`")
    elsewhere = to_open({"full report": "/elsewhere/a.html"})
    assert "](" not in elsewhere, "only the reports folder is served"


@pytest.mark.usefixtures("logged")
def test_a_scheduled_run_without_news_leaves_the_outcomes_of_the_last_that_had_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outcomes_flow, "by_itself", lambda: True)
    log_outcomes("mgc")
    before = latest("outcomes-mgc").latest_id
    log_outcomes("mgc")
    assert latest("outcomes-mgc").latest_id == before
    monkeypatch.setattr(
        outcomes_flow,
        "check_breaker",
        lambda *_: BreakerState(
            state="open", cause="drawdown", detail=HOSTILE, since=None, until=None
        ),
    )
    log_outcomes("mgc")
    assert latest("outcomes-mgc").latest_id != before
    assert is_harmless(markdown_of("outcomes-mgc"))


def test_without_a_break_nothing_is_drawn_of_outcomes() -> None:
    with current_settings().database().session() as session:
        session.execute(text("DELETE FROM predictions"))
    log_outcomes("mgc", as_of=datetime(2024, 11, 4, 1, 0))  # noqa: DTZ001 - market's clock
    markdown = markdown_of("outcomes-mgc")
    assert "nothing to judge yet" in markdown
    assert not pictures_in(markdown)


@pytest.mark.usefixtures("logged")
@pytest.mark.slow
def test_a_drift_check_draws_how_far_each_group_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.drift.report.LEAST_REFERENCE_DAYS", 60)
    monkeypatch.setattr("monitoring.drift.report.LEAST_DAYS", 3)
    monkeypatch.setattr(drift, "emit", lambda _: None)
    check_drift("mgc", as_of=datetime(2024, 11, 20, 9, 0))  # noqa: DTZ001 - market's clock
    markdown = markdown_of("drift-mgc")
    assert "| Column | Group |" in markdown
    assert len(pictures_in(markdown)) == 1


def test_a_drift_check_that_could_not_judge_says_so_and_draws_nothing() -> None:
    check_drift("mgc", as_of=datetime(2023, 1, 2))  # noqa: DTZ001 - market's clock
    markdown = markdown_of("drift-mgc")
    assert "drift not judged" in markdown
    assert not pictures_in(markdown)


def test_a_retrain_shows_scores_plots_and_where_its_report_is() -> None:
    report = nightly_retrain("mgc", refresh=False).report
    markdown = markdown_of("retrain-mgc")
    assert "| corridor |" in markdown
    assert len(pictures_in(markdown)) == 3
    assert f"`{report}`" in markdown


def test_a_replay_shows_its_progress_and_its_record() -> None:
    replay("mgc", date(2024, 11, 18), date(2024, 11, 19))
    markdown = markdown_of("replay-mgc")
    assert "| model |" in markdown
    assert len(pictures_in(markdown)) == 3
    assert latest("replay-mgc-progress").data == 100.0


def test_an_explanation_shows_each_gate_of_each_answer() -> None:
    replay("mgc", date(2024, 11, 19), date(2024, 11, 19))
    explain("mgc", date(2024, 11, 19), "0900")
    markdown = markdown_of("explain-mgc-2024-11-19-0900")
    assert "| Gate | Passed |" in markdown
    assert "**champion (replay): baseline" in without_escapes(markdown).replace(r"\(", "(")


def test_an_audit_names_the_odd_answers_and_the_gates_whatever_they_are_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = audit_flow.audit_parity

    def odd(*given: Any) -> Any:
        unexplained = Audited(
            slot="MGC:2024-11-19:0900",
            role="champion",
            version=None,
            cause="unexplained",
            differences=(Difference(HOSTILE, 1.0, 2.0),),
            changes=(HOSTILE,),
        )
        return replace(whole(*given), differing=(unexplained,), unexplained=1)

    monkeypatch.setattr(audit_flow, "audit_parity", odd)
    audit("mgc", as_of=datetime(2024, 11, 20, 9, 0))  # noqa: DTZ001 - market's clock
    assert is_harmless(markdown_of("audit-mgc"))


def test_a_hostile_symbol_and_verdict_are_only_text() -> None:
    @flow
    def telling() -> None:
        publish(f"outcomes-{HOSTILE}", HOSTILE, table([{"a": HOSTILE}], {"a": "A"}))

    telling()
    key = re.sub(r"[^a-z0-9\-]", "-", f"outcomes-{HOSTILE}".lower())
    assert is_harmless(markdown_of(key))
