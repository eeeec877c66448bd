"""Two simultaneous retrains, and a promotion during one, in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from ml_core.errors import TransientError
from registry.errors import AliasChangedError
from registry.models.decisions import list_decisions
from registry.models.retrain_attempts import retrain_attempts
from registry.models.versions import CHAMPION, AliasRecord
from registry.studies.trials import list_trials
from tasks.settings import current_settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

_BEGUN = """
    import sys
    from flows.nightly_retrain import nightly_retrain
    from tasks.settings import current_settings, now
    from tasks.training.champion import make_champion

    print("ready", flush=True)
    sys.stdin.readline()
"""
_RETRAIN = f"""{_BEGUN}
    nightly_retrain("mgc", to_day="2024-11-20", refresh=False)
"""
_PROMOTE = f"""{_BEGUN}
    import itertools, time

    models = current_settings().models()
    for number in itertools.count():  # again and again, all the while that the other retrains
        names = [each.version for each in models.versions("MGC")]
        for name in names[:2]:
            make_champion(models, "MGC", name, at=now(), by="ann", reason=f"change {{number}}")
        if len(names) > {{known}} + 1:
            break
        time.sleep(0.02)
"""


class Racer:
    """A process that has imported everything it needs and waits for the start."""

    def __init__(self, program: str) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def get_ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def end(self) -> None:
        _, errors = self._process.communicate()
        assert self._process.returncode == 0, errors[-3000:]


def race(*programs: str) -> None:
    racers = [Racer(program) for program in programs]
    for racer in racers:
        racer.get_ready()
    for racer in racers:
        racer.go()
    for racer in racers:
        racer.end()


def champions() -> list[AliasRecord]:
    return list(current_settings().models().history("MGC", CHAMPION))


def require_intact(home: Path) -> None:
    """Require that every version is intact and recorded once, and that nothing else is left."""
    settings = current_settings()
    models = settings.models()
    versions = models.versions("MGC")
    assert [models.content_faults(record) for record in versions] == [()] * len(versions)
    assert len({record.sums_hash for record in versions}) == len(versions)
    assert set((home / "models").glob("*/*/*")) == {record.folder for record in versions}
    assert settings.ledger().verify().faults == ()
    decided = list_decisions(settings.database(), "MGC")
    assert len({(decision.version, decision.kind) for decision in decided}) == len(decided)


def test_two_retrains_at_once_make_each_version_once(own: Path) -> None:
    settings = current_settings()
    before, trials = settings.models().versions("MGC"), list_trials(settings.database(), "MGC")
    served = champions()
    race(_RETRAIN, _RETRAIN)
    require_intact(own)
    assert len(settings.models().versions("MGC")) == len(before) + 2
    assert list_trials(settings.database(), "MGC") == trials  # the same question
    attempts = retrain_attempts(settings.database(), "MGC")
    assert [attempt.end for attempt in attempts[-2:]] == ["done", "done"]
    changes = [change.version for change in champions()]
    assert all(one != other for one, other in pairwise(changes))
    assert len(changes) <= len(served) + 1


def test_a_promotion_during_a_retrain_stands_and_no_change_is_dated_back(own: Path) -> None:
    count = len(current_settings().models().versions("MGC"))
    race(_RETRAIN, _PROMOTE.replace("{known}", str(count)))
    require_intact(own)
    changes = champions()
    assert [change.at for change in changes] == sorted(change.at for change in changes)
    assert all(one.version != other.version for one, other in pairwise(changes))
    assert changes[-1].by == "ann"


def test_what_was_decided_of_one_champion_is_not_done_to_another(own: Path) -> None:
    del own
    models = current_settings().models()
    first, second = (record.version for record in models.versions("MGC")[:2])
    present = models.current("MGC", CHAMPION)
    assert present is not None
    other = second if present.version == first else first
    at = present.at
    with pytest.raises(AliasChangedError) as caught:
        models.set_alias(
            "MGC", CHAMPION, other, at=at, by="ann", reason="better", instead_of="another"
        )
    assert isinstance(caught.value, TransientError)
    assert models.set_alias(
        "MGC", CHAMPION, other, at=at, by="ann", reason="x", instead_of=present.version
    )
