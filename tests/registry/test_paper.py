"""The record of paper accounts and intents: each event once, in order, with any writer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ml_core.decision.plan_record import IntentEvent
from registry.database import Database
from registry.paper import paper_events, record_paper
from registry.strategy import intent_events, order_intents, record_intent_event, record_strategy
from tests.ml_core.paper.made_intents import intent, later, rows, rules_of, run
from tests.registry.test_strategy import T0, decision, order

EVENTS = run(
    intent(rules_of(entry="stop_order", stop={"ticks": 10}, rr=2.0)),
    rows((1010, 1025, 1015, 1022), (1022, 1041, 1020, 1041)),
)


def test_events_come_back_as_they_were_and_a_run_that_comes_second_adds_nothing(
    database: Database,
) -> None:
    at = later(10)
    assert record_paper(database, "outbox", "MGC", EVENTS[:2], after=0, at=at)
    assert not record_paper(database, "outbox", "MGC", EVENTS[:2], after=0, at=at)
    assert record_paper(database, "outbox", "MGC", EVENTS[2:], after=2, at=at)
    assert paper_events(database, "outbox", "MGC") == tuple(replace(one, at=at) for one in EVENTS)
    assert paper_events(database, "plans", "MGC") == ()
    assert paper_events(database, "outbox", "NQ") == ()


def test_an_intent_is_issued_with_its_decision_and_its_events_are_numbered(
    database: Database,
) -> None:
    record_strategy(database, decision(), order())
    record_strategy(database, decision(), order())
    (issued,) = intent_events(database, "MGC")
    assert replace(issued, id=0) == IntentEvent.issued(order())
    assert issued.in_force_until == order().expires_at
    gone = replace(issued, sequence=1, event="withdrawn", reason="why", order={}, at=T0)
    assert record_intent_event(database, gone)
    assert not record_intent_event(database, gone)  # another process was first
    assert not record_intent_event(database, replace(gone, sequence=3))
    after = intent_events(database, "MGC", after=issued.id)
    assert [(one.event, one.id > issued.id) for one in after] == [("withdrawn", True)]
    assert intent_events(database, "NQ") == ()


def test_an_intent_may_be_entered_until_its_last_entry(database: Database) -> None:
    until = T0 + timedelta(hours=2)
    own = replace(order(), order={**order().order, "enter_by": until.isoformat()})
    record_strategy(database, decision(), own)
    (issued,) = intent_events(database, "MGC")
    assert issued.in_force_until == until
    assert order_intents(database, "MGC")[0].in_force_until == until
