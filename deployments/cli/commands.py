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
        "market": ("data.market_costs:app", "The markets there are; write one for an instrument."),
        "ingest": ("data.ingest:ingest:IngestCommand", "Take bars in from files and databases."),
        "receive": ("data.receive:receive", "Take bars that a platform pushes."),
        "refresh": ("data.refresh:refresh", "Bring the bars up to the market's own source."),
        "bars": ("data.bars:app", "What the lake of bars holds; take a batch back."),
        "dataset": ("data.dataset:dataset", "Write ranges, labels and features as Parquet."),
        "import-legacy": ("data.import_legacy:import_legacy", "Take over from an older system."),
        "simulate": ("data.simulate:simulate", "Make a market whose truth is known."),
    },
    "Models and evidence": {
        "recipes": ("models.recipes:app", "What can be trained, and how."),
        "features": ("models.features:features", "What can be learned from, your own too."),
        "audit": ("models.audit:app", "Whether a feature sees the future; parity."),
        "evaluate": ("models.evaluate:evaluate", "Judge a recipe on days it never saw."),
        "tune": ("models.tune:tune", "Search hyperparameters, every trial counted."),
        "stats": ("models.stats:stats", "What became of ranges on a condition, luck included."),
        "study": ("models.study:app", "Which rule setups survive costs and chance."),
        "power": ("models.power:power", "How many trades a claim needs."),
        "models": ("models.versions:app", "Versions, their cards, and who is champion."),
    },
    "The trading day": {
        "predict": ("trading.predict:predict", "What the champion says of a range; not logged."),
        "predictions": (
            "trading.predictions:predictions",
            "The ledger's answers and what became of them.",
        ),
        "explain": ("trading.explain:explain", "Why a slot has the answer it has."),
        "strategy": ("trading.strategy:app", "The rules, what they brought, the outbox."),
        "account": ("trading.account:app", "An account's limits, and the chance to break one."),
        "events": ("trading.events:app", "News to come; no entries around it."),
        # that file adds a command to those of trading.fills
        "fills": ("trading.fills_report:app", "Your own trades, held against the plans."),
        "paper": ("trading.paper:app", "A paper account that trades the order intents."),
        "dashboard": ("operation.dashboard:dashboard", "The trading day in a browser page."),
    },
    "Judge what runs": {
        "performance": (
            "trading.performance:performance",
            "How the answers did, the corridor beside.",
        ),
        "drift": ("trading.drift:app", "Whether live features look like those learned from."),
        "verify": ("operation.verify:verify", "Whether the record is what was written."),
    },
    "Go up, go down": {
        "rollout": ("approval.rollout:app", "The way from shadow to auto, gate by gate."),
        "approve": ("approval.approve:approve", "What waits for a person, and the answer."),
        "breaker": ("approval.breaker:app", "Stop recommending, and go on again."),
    },
    "Run it": {
        "up": ("operation.up:up", "Start the server, its UI and the schedules."),
        "down": ("operation.status:down", "Stop them."),
        "run": ("operation.run:run", "Run a flow now, by hand."),
        "notices": (
            "operation.notify:show_notices",
            "What there was to tell, and whether it arrived.",
        ),
        # that file adds its commands to those of operation.notify
        "notify": ("operation.notify_rules:app", "Where you are told of the day and of trouble."),
    },
    "Machine": {
        "db": ("operation.database:app", "The SQL database: its schema, and a copy of it."),
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
