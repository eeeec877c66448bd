"""Checks of blocks that are neither a command nor a file, against the real thing."""

from __future__ import annotations

import json
import sqlite3
import tomllib
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock, patch
from uuid import uuid4

import yaml
from prefect.automations import Automation

from deployments.catalogue import deployments_of
from deployments.serving.supervisor import reports_port
from deployments.serving.warm_child import flow_of
from ml_core.decision.plan_record import OrderIntent
from ml_core.json_values import json_values
from ml_core.strategy.checks import DaySoFar
from ml_core.strategy.order_intent import planned_order
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import load_rules
from tasks.notices.events import EVENTS
from tasks.prediction.outbox import _outbox_row
from tests.conftest import PROJECT
from tests.docs.following import Check
from tests.docs.page import Step
from tests.docs.terminal import Terminal
from tests.ml_core.builders import mgc


def is_understood_by_the_database(step: Step, terminal: Terminal) -> str | None:
    """Run a query on the home's database, with the parameters of a reader at the start."""
    with closing(sqlite3.connect(terminal.folder / "var" / "orbcast.sqlite")) as database:
        try:
            database.execute(step.text, {"last_taken": 0}).fetchall()
        except sqlite3.Error as error:
            return f"the database does not understand it: {error}"
    return None


def is_what_the_outbox_gives(step: Step, _terminal: Terminal) -> str | None:
    """Compare an order intent with that of the same decision; ``...`` stands for any text."""
    decided = datetime(2025, 6, 19, 0, 5, tzinfo=UTC)
    until = datetime(2025, 6, 19, 7, tzinfo=UTC)
    order = json_values(
        planned_order(
            mgc().instrument,
            load_rules(PROJECT / "deployments" / "strategies" / "orb-default.toml"),
            Plan(long=1.08, short=0.0, checks=()),
            DaySoFar(trades=1, net_r=-1.1),
            contract="MGCQ5",
            high_ticks=33_863,
            low_ticks=33_819,
            decided=decided,
            scan_end=until,
        )
    )
    intent = OrderIntent(
        market="MGC",
        trading_day=decided.date(),
        opening_range="1000",
        rules_hash="r",
        version="v",
        bound_to="a",
        order=order,
        expires_at=until,
        at=decided + timedelta(seconds=1),
    )
    real = json_values(_outbox_row(intent, intent.at, "", "a"))
    return _differs(json.loads(step.text), real, "the intent")


def _differs(documented: Any, real: Any, place: str) -> str | None:
    if isinstance(documented, dict) and isinstance(real, dict):
        if documented.keys() != real.keys():
            return f"{place} has {sorted(documented.keys() ^ real.keys())} in one place only"
        parts = [_differs(documented[name], real[name], name) for name in documented]
        return next((difference for difference in parts if difference), None)
    if isinstance(documented, list) and isinstance(real, list) and len(documented) == len(real):
        parts = [_differs(*pair, place) for pair in zip(documented, real, strict=True)]
        return next((difference for difference in parts if difference), None)
    if documented == real or (documented == "..." and isinstance(real, str)):
        return None
    return f"{place} is {real!r}, not {documented!r}"


def is_taken_into_the_market_file(step: Step, terminal: Terminal) -> str | None:
    """Add the lines that a page shows to the market file it made, and load that."""
    file = terminal.folder / "var" / "markets" / "mes.toml"
    (table,) = tomllib.loads(step.text)
    text, head = file.read_text("utf-8"), f"[{table}]\n"
    has_table = step.text.startswith(head)  # the file has that table: add lines to it
    text = text.replace(head, step.text) if has_table else f"{text}\n{step.text}"
    file.write_text(text, "utf-8")
    done = terminal.run("orbcast market check mes")
    return None if done.status == 0 else done.printed


def is_an_automation_on_an_event_there_is(step: Step, _terminal: Terminal) -> str | None:
    """Build the automation that a page's program makes, without a server to store it."""
    made: list[Automation] = []
    client = MagicMock()
    client.return_value.__enter__.return_value.read_deployment_by_name.side_effect = _deployed
    with (
        patch("prefect.get_client", client),
        patch.object(Automation, "create", autospec=True, side_effect=made.append),
    ):
        exec(compile(step.text, step.place, "exec"), {})  # noqa: S102 - our own page
    expected = {name for automation in made for name in cast("Any", automation.trigger).expect}
    wrong = expected - {event.name for event in EVENTS}
    return None if made and not wrong else f"it waits for {sorted(wrong) or 'nothing'}"


def _deployed(name: str) -> SimpleNamespace:
    specs = deployments_of("mgc", mgc())
    assert name in {f"{flow_of(spec.entrypoint).name}/{spec.name}" for spec in specs}
    return SimpleNamespace(id=uuid4())


def is_a_scrape_of_the_reports(step: Step, _terminal: Terminal) -> str | None:
    """Compare Prometheus's configuration with the port at which `orbcast up` serves metrics."""
    (scrape,) = yaml.safe_load(step.text)["scrape_configs"]
    targets = [target for group in scrape["static_configs"] for target in group["targets"]]
    real = f"127.0.0.1:{reports_port(4200)}"
    return None if targets == [real] else f"the figures are at {real}, not at {targets}"


CHECKS: Mapping[str, Check] = {
    "py": is_an_automation_on_an_event_there_is,
    "sql": is_understood_by_the_database,
    "json": is_what_the_outbox_gives,
    "toml": is_taken_into_the_market_file,
    "yaml": is_a_scrape_of_the_reports,
}
