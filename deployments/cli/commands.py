"""The commands of `orbcast`: their headings, their lines in the list, and where their code is.

Only the module of the requested command is imported.
"""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any

import typer
from typer.main import get_group

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "First steps": {
        "demo": ("operation.demo:demo", "Run everything on a simulated market, start to end."),
        "status": (
            "operation.status:status",
            "Bars, model, breaker, runs, today's ranges: one screen.",
        ),
    },
    "Bars": {
        # that file adds a command to those of data.market
        ("market"): (
            "data.market_costs:app",
            "List the markets; write a market file for an instrument.",
        ),
        "ingest": ("data.ingest:ingest:IngestCommand", "Import bars from files and databases."),
        "receive": ("data.receive:receive", "Receive bars that a platform pushes."),
        "refresh": ("data.refresh:refresh", "Import new bars from the market's standing source."),
        "bars": ("data.bars:app", "Show the bars in the lake; undo an import."),
        "dataset": ("data.dataset:dataset", "Write ranges, labels and features as Parquet."),
        "import-legacy": ("data.import_legacy:import_legacy", "Import from an older system."),
        "simulate": ("data.simulate:simulate", "Simulate a market whose probabilities are known."),
    },
    "Models and evidence": {
        "recipes": ("models.recipes:app", "The recipes that can be trained."),
        "features": ("models.features:features", "The features, including your own."),
        "audit": ("models.audit:app", "Audit look-ahead and parity of features."),
        "evaluate": ("models.evaluate:evaluate", "Judge a recipe on unseen days."),
        "tune": ("models.tune:tune", "Search hyperparameters; every trial is counted."),
        "stats": ("models.stats:stats", "Outcomes of past ranges on a condition, and luck."),
        "study": ("models.study:app", "Test which rule setups survive costs and chance."),
        "power": ("models.power:power", "Compute how many trades a claim needs."),
        "models": ("models.versions:app", "Versions, their cards, and the champion."),
    },
    "The trading day": {
        "predict": ("trading.predict:predict", "Predict a range by the champion; not logged."),
        "predictions": (
            "trading.predictions:predictions",
            "The ledger's predictions and their outcomes.",
        ),
        "explain": ("trading.explain:explain", "Explain a slot's prediction."),
        "strategy": ("trading.strategy:app", "The rules, their results, and the outbox."),
        "account": ("trading.account:app", "An account's limits, and the chance of breaking one."),
        "events": ("trading.events:app", "Scheduled news, around which nothing is entered."),
        # that file adds a command to those of trading.fills
        "fills": ("trading.fills_report:app", "Your own trades, compared with the plans."),
        "paper": ("trading.paper:app", "A paper account that trades the order intents."),
        "dashboard": ("operation.dashboard:dashboard", "The trading day in a browser page."),
    },
    "Monitoring": {
        "performance": (
            "trading.performance:performance",
            "Results of the predictions, beside the corridor.",
        ),
        "drift": ("trading.drift:app", "Compare live features with the training data."),
        "verify": ("operation.verify:verify", "Verify that the record is unchanged."),
    },
    "Stages and approvals": {
        "rollout": ("approval.rollout:app", "The stages from shadow to auto, gate by gate."),
        "approve": ("approval.approve:approve", "Show and answer requests for approval."),
        "breaker": ("approval.breaker:app", "Stop recommendations, and resume them."),
    },
    "Operation": {
        "up": ("operation.up:up", "Start the server, its UI and the schedules."),
        "down": ("operation.status:down", "Stop them."),
        "run": ("operation.run:run", "Run a flow now."),
        "notices": (
            "operation.notify:show_notices",
            "Notices, and whether they were delivered.",
        ),
        # that file adds its commands to those of operation.notify
        "notify": ("operation.notify_rules:app", "Channels for messages and notices."),
    },
    "Machine": {
        "db": ("operation.database:app", "The SQL database: its schema, and copies."),
        "store": ("operation.store:app", "Bars and versions that several machines share."),
    },
}
"""Heading -> name -> place of its code and line in the list, in the order in which a trader needs
them. The place is module:attribute within this package, plus :class for a help other than
typer's."""


class CommandsOnDemand(UserDict[str, Any]):
    """Each command of :data:`SECTIONS` by its name, built when it is first looked up."""

    def __init__(self) -> None:
        super().__init__(
            {name: place for commands in SECTIONS.values() for name, place in commands.items()}
        )

    def __getitem__(self, name: str) -> Any:
        """Return a command; at its first use, its module is imported."""
        command = super().__getitem__(name)
        if isinstance(command, tuple):
            command = self.data[name] = _built(name, *command)
        return command


def _built(name: str, place: str, line: str) -> Any:
    file, attribute, *own_class = place.split(":")
    module = import_module(f"{__package__}.{file}")
    command = getattr(module, attribute)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    if isinstance(command, typer.Typer):
        alone.add_typer(command, name=name, short_help=line)
    else:
        shown_by = getattr(module, own_class[0]) if own_class else None
        alone.command(name, cls=shown_by, short_help=line)(command)
    return get_group(alone).commands[name]
