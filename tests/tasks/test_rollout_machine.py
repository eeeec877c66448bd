"""No sequence of calls, retries, restarts or forged rows takes a market up by itself.

The market has a real registry: its ledger, versions, checks and breaker are rows written by days
and troubles, and the gates' facts are read from them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ml_core.market_events import STAGES, RolloutEvent, Stage
from monitoring.rollout.gates import gates
from monitoring.rollout.stage import Position
from registry.errors import RolloutChangedError, UnsignedChangeError
from registry.rollout import record_rollout, rollout_records
from tasks.rollout import checks as rollout_checks
from tasks.rollout import stage as rollout
from tests.tasks.live_market import DAY, MARKET, RECIPES, START, facts
from tests.tasks.troubled_market import (
    FIRST_NOW,
    KINDS,
    SERVED_BY_ANOTHER,
    TROUBLES,
    TroubledMarket,
    live_ninety_days,
)

HOMES = tempfile.TemporaryDirectory(prefix="orbcast-lived-")


@cache
def home_of(kind: str) -> Path:
    """Return a home to be copied, made once for each kind of record."""
    home = Path(HOMES.name) / kind
    live_ninety_days(home, kind)
    return home


@pytest.fixture(scope="module", autouse=True)
def _homes() -> Iterator[None]:
    yield
    home_of.cache_clear()
    HOMES.cleanup()


class Ladder(RuleBasedStateMachine):
    """The tasks on a real registry, against an oracle of the only permitted steps up."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self._over: AbstractContextManager[None] = nullcontext()
        self.now, self.trouble = FIRST_NOW, ""
        self.stage: Stage = "shadow"
        self.approvals: list[tuple[Stage, tuple[int, int] | None, datetime]] = []
        self.last: Callable[[], object] = lambda: None

    def teardown(self) -> None:
        self.market.close()
        self._stack.close()

    def _market_stage(self) -> Stage:
        stage, _ = rollout.stage_of(self.market.settings, MARKET, self.now)
        return stage

    def _what_serves(self) -> tuple[int, int] | None:
        """Return the version and the study that an approval is bound to."""
        if self.trouble in SERVED_BY_ANOTHER:
            return None
        return self.market.models, self.market.studies

    @initialize(kind=st.sampled_from(["skilled"] * 4 + list(KINDS)))
    def begin(self, kind: str) -> None:
        home = Path(self._folder) / "home"
        shutil.copytree(home_of(kind), home)
        self.market = TroubledMarket(home, kind)
        self.market.go_on(self.now)
        assert self._market_stage() == "shadow"

    @rule(days=st.integers(-20, 60))
    def time_passes_or_the_clock_is_set_back(self, days: int) -> None:
        self.now += days * DAY
        self.market.go_on(self.now)

    @rule(trouble=st.sampled_from(["", "", "", *TROUBLES]))
    def things_change(self, trouble: str) -> None:
        self._over.__exit__(None, None, None)
        self._over = TROUBLES[trouble](self.market) if trouble else nullcontext()
        self._over.__enter__()
        self.trouble = trouble

    @precondition(lambda self: self.trouble not in SERVED_BY_ANOTHER)
    @rule()
    def a_model_is_retrained(self) -> None:
        self.market.models += 1
        self.market.champion("skilled", self.market.latest, f"bars {self.market.models}")

    @rule(stage=st.sampled_from(STAGES[2:]), by=st.sampled_from(["ana", "ana", " "]))
    def a_person_approves(self, stage: Stage, by: str) -> None:
        def approve() -> None:
            try:
                event = rollout.approve(
                    self.market.settings, MARKET, stage, by=by, reason="seen", at=self.now
                )
            except UnsignedChangeError:
                assert not by.strip()
            except rollout.GatesNotPassedError:
                assert self.trouble in SERVED_BY_ANOTHER
            else:
                assert event.expires_at is not None
                self.approvals.append((stage, self._what_serves(), event.expires_at))

        self.last = approve
        approve()

    @rule(stage=st.sampled_from(STAGES))
    def a_person_steps_up(self, stage: Stage) -> None:
        def step() -> None:
            events = rollout_records(self.market.database, MARKET)
            now = max([self.now, *(event.at for event in events)])
            before = self._market_stage()
            with suppress(rollout.GatesNotPassedError):
                rollout.step_up(
                    self.market.settings, MARKET, stage, by="ana", reason="go", at=self.now
                )
                if before == "off":
                    assert stage == "shadow"
                    self.stage = "shadow"
                else:
                    self._may_rise(before, stage, now)
                    self.stage = stage

        self.last = step
        step()

    def _may_rise(self, before: Stage, stage: Stage, now: datetime) -> None:
        """Assert the oracle: one stage, no trouble, and an unused approval of this step."""
        assert STAGES.index(stage) - STAGES.index(before) in {0, 1}
        assert self.trouble == ""
        # hybrid has lapsed to advisory but was never stepped down: it is renewed from there
        assert self.market.kind in ({"skilled", "loses"} if stage == "advisory" else {"skilled"})
        wanted = (stage, self._what_serves())
        matching = [it for it in self.approvals if it[:2] == wanted and it[2] > now]
        assert matching
        self.approvals.remove(matching[-1])

    @rule(stage=st.sampled_from(STAGES))
    def a_person_steps_down(self, stage: Stage) -> None:
        with suppress(rollout.NotBelowError):
            rollout.step_down(
                self.market.settings, MARKET, stage, by="ana", reason="doubt", at=self.now
            )
            assert STAGES.index(stage) < STAGES.index(self.stage)
            self.stage, self.approvals = stage, []

    @rule()
    def the_check_runs(self) -> None:
        def check() -> None:
            with patch.object(rollout_checks, "current_settings", lambda: self.market.settings):
                checked = rollout_checks.check_rollout.fn("mgc", self.now)
            if checked.stepped_down:
                self.approvals = []
            highest = 1 if self.trouble else len(STAGES)  # trouble leaves shadow at most
            assert STAGES.index(checked.stage) <= min(STAGES.index(self.stage), highest)
            self.stage = checked.stage

        self.last = check
        check()

    @rule()
    def the_last_call_is_retried(self) -> None:
        self.last()

    @rule()
    def everything_is_restarted(self) -> None:
        self.market.close()

    @rule(stage=st.sampled_from(STAGES[2:]))
    def a_row_is_forged(self, stage: Stage) -> None:
        """A step written without the gates has no effect, since no approval backs it."""
        events = rollout_records(self.market.database, MARKET)
        forged = RolloutEvent(
            market=MARKET,
            sequence=len(events),
            at=max([self.now, *(event.at for event in events)]),
            kind="up",
            stage=stage,
            by="nobody",
            reason="because",
            bound_to="a hash of nothing",
        )
        record_rollout(self.market.database, [forged])
        with pytest.raises(RolloutChangedError):
            record_rollout(self.market.database, [forged])

    @invariant()
    def the_stage_is_the_oracles_or_lower(self) -> None:
        stage = self._market_stage()
        lapsed = self.stage in {"hybrid", "auto"} and stage == "advisory"
        assert stage == self.stage or lapsed


Ladder.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_nothing_promotes_itself = pytest.mark.slow(Ladder.TestCase)


def test_a_person_can_climb_to_the_top_when_every_gate_is_passed() -> None:
    machine = Ladder()
    try:
        machine.begin(kind="skilled")
        for stage in STAGES[2:]:
            machine.time_passes_or_the_clock_is_set_back(days=45)
            machine.a_person_approves(stage=stage, by="ana")
            machine.a_person_steps_up(stage=stage)
            assert machine._market_stage() == stage
    finally:
        machine.teardown()


@pytest.fixture
def market(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TroubledMarket]:
    """Return a market with ninety live days, by default with a skilled model."""
    kind = getattr(request, "param", "skilled")
    shutil.copytree(home_of(kind), tmp_path / "home")
    market = TroubledMarket(tmp_path / "home", kind)
    market.go_on(FIRST_NOW)
    yield market
    market.close()


def closed(market: TroubledMarket) -> dict[str, str]:
    """Return the gates from advisory to hybrid that are not passed, each with what it lacks."""
    skilled = rollout.rollout_of(market.settings, MARKET, FIRST_NOW, "hybrid").recipe_hash
    at = Position(
        stage="advisory", since=FIRST_NOW - 40 * DAY, recipe_hash=RECIPES["skilled"].hash
    )
    assert skilled
    reached = gates(facts(market, FIRST_NOW), at, "hybrid", FIRST_NOW)
    return {gate.name: gate.change for gate in reached if not gate.passed}


NO_RECORD = {
    "live days",
    "predictions in time",
    "trades",
    "sustained accuracy",
    "skill above the corridor",
    "net R",
    "same recipe",
}


@pytest.mark.parametrize(
    ("trouble", "names"),
    [
        ("", set()),
        ("breaker open", {"breaker"}),
        ("breaker half open", {"breaker"}),
        ("champion damaged", {"model", *NO_RECORD}),
        ("a baseline serves", {"model", *NO_RECORD}),
        ("a recipe serves", NO_RECORD),
        ("no drift check", {"drift"}),
        ("drift", {"drift"}),
        ("old parity check", {"parity"}),
        ("parity", {"parity"}),
        ("a prediction edited", {"record whole"}),
        ("an outcome edited", {"record whole"}),
    ],
)
def test_a_trouble_closes_its_gates_and_its_end_opens_them_again(
    market: TroubledMarket, trouble: str, names: set[str]
) -> None:
    with TROUBLES[trouble](market) if trouble else nullcontext():
        assert set(closed(market)) == names
    assert closed(market) == {}


@pytest.mark.parametrize(
    ("market", "missing"),
    [
        ("no skill", {"skill above the corridor": "nothing shown so far"}),
        ("few trades", {"trades": "17 more trades"}),
        ("unanswered", {"predictions in time": "880 more slots predicted in time"}),
        ("loses", {"net R": "an interval wholly above 0"}),
    ],
    indirect=["market"],
    ids=KINDS[1:],
)
def test_a_fault_of_a_record_closes_one_gate_which_names_what_is_missing(
    market: TroubledMarket, missing: dict[str, str]
) -> None:
    assert closed(market) == missing


def test_a_gate_says_how_many_more_days_are_missing(market: TroubledMarket) -> None:
    at = START + 53 * DAY
    missing = {
        gate.name: gate.change for gate in gates(facts(market, at), Position(), "advisory", at)
    }
    assert missing["live days"] == "37 more days"
