"""No sequence of calls, retries, restarts or forged rows takes a market up by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from monitoring.rollout import POLICY, STAGES, Position, Stage
from monitoring.rollout_gates import Check, Facts, LiveRecord, gates
from registry.database import Database, open_database
from registry.errors import RolloutChangedError, UnsignedChangeError
from registry.rollout import RolloutRecord, record_rollout, rollout_records
from tasks import rollout, rollout_checks

START = datetime(2025, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = 900

TROUBLES: dict[str, Callable[[Facts], Facts]] = {
    "breaker": lambda facts: replace(facts, breaker="open"),
    "half open": lambda facts: replace(facts, breaker="half_open"),
    "fallback": lambda facts: replace(facts, fallback="champion expired"),
    "baseline": lambda facts: replace(facts, kind="baseline"),
    "other recipe": lambda facts: replace(facts, recipe_hash="other"),
    "no drift check": lambda facts: replace(facts, drift=None),
    "drift": lambda facts: replace(facts, drift=_check(facts, clean=False)),
    "stale parity": lambda facts: replace(facts, parity=_check(facts, old=True)),
    "parity": lambda facts: replace(facts, parity=_check(facts, clean=False)),
    "record": lambda facts: replace(facts, record_faults=("prediction 7 was edited",)),
    "not verified": lambda facts: replace(facts, record_faults=None),
    "no skill": lambda facts: replace(
        facts, record=replace(facts.record, p_up=facts.record.baseline_p_up)
    ),
    "few trades": lambda facts: replace(facts, record=_last(facts.record, 600)),
    "unanswered": lambda facts: replace(facts, record=replace(facts.record, unanswered=99)),
    "loses": lambda facts: replace(facts, record=replace(facts.record, r_net=-facts.record.r_net)),
}


def _check(facts: Facts, *, clean: bool = True, old: bool = False) -> Check:
    assert facts.parity is not None
    at = facts.parity.at - POLICY.check_age - DAY if old else facts.parity.at
    return Check(at=at, judged=True, clean=clean, words="looked at")


def _last(record: LiveRecord, rows: int) -> LiveRecord:
    cut = {name: getattr(record, name)[-rows:] for name in ("day", "p_up", "baseline_p_up", "up")}
    return replace(record, **cut)


def good(now: datetime, begun: datetime) -> Facts:
    """A market whose model has skill: 75 % right, the corridor says 60 %."""
    up = np.arange(ROWS) % 4 != 0
    last = np.datetime64(now.date(), "D")
    day = last - np.arange(ROWS)[::-1] // 6
    check = Check(at=now, judged=True, clean=True, words="nothing found")
    return Facts(
        version="20250101-aa",
        recipe_hash="recipe",
        kind="residual",
        fallback=None,
        record=LiveRecord(
            begun=begun,
            slots=ROWS,
            unanswered=3,
            day=day,
            p_up=np.full(ROWS, 0.75),
            baseline_p_up=np.full(ROWS, 0.6),
            up=up,
            trade_day=day,
            r_net=np.where(up, 0.9, -1.1),
        ),
        drift=check,
        parity=check,
        breaker="closed",
        record_faults=(),
    )


class FakeSettings:
    """Settings with a database only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.reopen()

    def reopen(self) -> None:
        self._database = open_database(f"sqlite:///{self._path}")

    def database(self) -> Database:
        return self._database


class Ladder(RuleBasedStateMachine):
    """The tasks on a real database, against an oracle of what alone may take a market up."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self.where: Any = FakeSettings(Path(folder) / "orbcast.sqlite")
        self.now, self.trouble, self.model = START + 100 * DAY, "", 0
        self.stage: Stage = "shadow"
        self.approvals: list[tuple[Stage, int, datetime]] = []
        self.last: Callable[[], object] = lambda: None
        for where in (rollout, rollout_checks):
            self._stack.enter_context(patch.object(where, "facts_of", self._facts))
        self._stack.enter_context(patch.object(rollout, "subject_of", self._subject))

    def teardown(self) -> None:
        self.where.database().close()
        self._stack.close()

    def _facts(self, _where: Any, _symbol: str, stands: Position, at: datetime) -> Facts:
        facts = good(at, max(START, stands.counted_from or START))
        return TROUBLES[self.trouble](facts) if self.trouble else facts

    def _subject(self, _where: Any, _symbol: str, stage: Stage, _at: datetime) -> str:
        return f"{stage} of model {self.model}"

    def _stands(self) -> Stage:
        stage, _ = rollout.stage_of(self.where, "MGC", self.now)
        return stage

    @initialize()
    def begin(self) -> None:
        assert self._stands() == "shadow"

    @rule(days=st.integers(-20, 60))
    def time_passes_or_the_clock_is_set_back(self, days: int) -> None:
        self.now += days * DAY

    @rule(trouble=st.sampled_from(["", "", "", *TROUBLES]))
    def things_change(self, trouble: str) -> None:
        self.trouble = trouble

    @rule()
    def a_model_is_retrained(self) -> None:
        self.model += 1

    @rule(stage=st.sampled_from(STAGES[2:]), by=st.sampled_from(["ana", "ana", " "]))
    def a_person_approves(self, stage: Stage, by: str) -> None:
        def approve() -> None:
            try:
                event = rollout.approve(
                    self.where, "MGC", stage, by=by, reason="seen", at=self.now
                )
            except UnsignedChangeError:
                assert not by.strip()
            else:
                assert event.expires_at is not None
                self.approvals.append((stage, self.model, event.expires_at))

        self.last = approve
        approve()

    @rule(stage=st.sampled_from(STAGES))
    def a_person_steps_up(self, stage: Stage) -> None:
        def step() -> None:
            events = rollout_records(self.where.database(), "MGC")
            now = max([self.now, *(each.at for each in events)])
            before = self._stands()
            with suppress(rollout.GatesNotPassedError):
                rollout.step_up(self.where, "MGC", stage, by="ana", reason="go", at=self.now)
                if before == "off":
                    assert stage == "shadow"
                    self.stage = "shadow"
                else:
                    self._may_rise(before, stage, now)
                    self.stage = stage

        self.last = step
        step()

    def _may_rise(self, before: Stage, stage: Stage, now: datetime) -> None:
        """The oracle: one stage, nothing wrong, and an approval of this step, unspent."""
        assert STAGES.index(stage) - STAGES.index(before) in {0, 1}
        # hybrid has lapsed to advisory but was never stepped down: it is renewed from there
        allowed = {"", "loses", "other recipe"} if stage == "advisory" else {""}
        assert self.trouble in allowed
        matching = [
            each for each in self.approvals if each[:2] == (stage, self.model) and each[2] > now
        ]
        assert matching
        self.approvals.remove(matching[-1])

    @rule(stage=st.sampled_from(STAGES))
    def a_person_steps_down(self, stage: Stage) -> None:
        with suppress(rollout.NotBelowError):
            rollout.step_down(self.where, "MGC", stage, by="ana", reason="doubt", at=self.now)
            assert STAGES.index(stage) < STAGES.index(self.stage)
            self.stage, self.approvals = stage, []

    @rule()
    def the_check_runs(self) -> None:
        def check() -> None:
            with patch.object(rollout_checks, "settings", lambda: self.where):
                self.where.market = lambda _name: type("Market", (), {"symbol": "MGC"})
                told = rollout_checks.check_rollout.fn("mgc", self.now)
            if told["stepped_down"]:
                self.approvals = []
            assert STAGES.index(told["stage"]) <= STAGES.index(self.stage)
            self.stage = told["stage"]

        self.last = check
        check()

    @rule()
    def the_last_call_is_retried(self) -> None:
        self.last()

    @rule()
    def everything_is_restarted(self) -> None:
        self.where.database().close()
        self.where.reopen()

    @rule(stage=st.sampled_from(STAGES[2:]))
    def a_row_is_forged(self, stage: Stage) -> None:
        """A step written past the gates has no effect, since no approval stands behind it."""
        events = rollout_records(self.where.database(), "MGC")
        forged = RolloutRecord(
            market="MGC",
            sequence=len(events),
            at=max([self.now, *(each.at for each in events)]),
            kind="up",
            stage=stage,
            by="nobody",
            reason="because",
            bound_to="a hash of nothing",
        )
        record_rollout(self.where.database(), [forged])
        with pytest.raises(RolloutChangedError):
            record_rollout(self.where.database(), [forged])

    @invariant()
    def the_stage_is_the_oracles_or_lower(self) -> None:
        stands = self._stands()
        lapsed = self.stage in {"hybrid", "auto"} and stands == "advisory"
        assert stands == self.stage or lapsed


Ladder.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_nothing_promotes_itself = Ladder.TestCase


def test_a_person_can_climb_to_the_top_when_every_gate_is_passed() -> None:
    machine = Ladder()
    try:
        machine.begin()
        for stage in STAGES[2:]:
            machine.now += 45 * DAY
            machine.a_person_approves(stage=stage, by="ana")
            machine.a_person_steps_up(stage=stage)
            assert machine._stands() == stage
    finally:
        machine.teardown()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_every_trouble_closes_a_gate(trouble: str) -> None:
    now = START + 200 * DAY
    facts = TROUBLES[trouble](good(now, START))
    at = Position(stage="advisory", since=START + 100 * DAY, recipe_hash="recipe")
    missing = [each.name for each in gates(facts, at, "hybrid", now) if not each.passed]
    assert len(missing) == 1


def test_a_gate_says_how_many_more_trades_and_days_are_missing() -> None:
    facts = TROUBLES["few trades"](good(START + 53 * DAY, START))
    found = {
        each.name: each.change for each in gates(facts, Position(), "advisory", START + 53 * DAY)
    }
    assert found["trades"] == "17 more trades"
    assert found["live days"] == "37 more days"
