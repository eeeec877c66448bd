"""The commands of `orbcast`: their headings, their lines in the list, and where their code is.

A command's module is imported when that command is asked for, and no other's.
"""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any

import typer
from typer.main import get_group

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "First steps": {
        "demo": ("demo:demo", "Run everything on a simulated market, start to end."),
        "status": ("status:status", "Bars, model, breaker, runs, today's ranges: one screen."),
    },
    "Bars": {
        "market": ("market:app", "The markets there are; write one for an instrument."),
        "ingest": ("ingest:ingest:IngestCommand", "Take bars in from files and databases."),
        "receive": ("receive:receive", "Take bars that a platform pushes."),
        "refresh": ("refresh:refresh", "Bring the bars up to the market's own source."),
        "bars": ("bars:app", "What the lake of bars holds; take a batch back."),
        "dataset": ("dataset:dataset", "Write ranges, labels and features as Parquet."),
        "import-legacy": ("import_legacy:import_legacy", "Take over from an older system."),
        "simulate": ("simulate:simulate", "Make a market whose truth is known."),
    },
    "Models and evidence": {
        "recipes": ("recipes:app", "What can be trained, and how."),
        "audit": ("audit:app", "Whether a feature sees the future; parity."),
        "evaluate": ("evaluate:evaluate", "Judge a recipe on days it never saw."),
        "tune": ("tune:tune", "Search hyperparameters, every trial counted."),
        "study": ("study:app", "Which rule setups survive costs and chance."),
        "power": ("power:power", "How many trades a claim needs."),
        "models": ("models:app", "Versions, their cards, and who is champion."),
    },
    "The trading day": {
        "predict": ("predict:predict", "What the champion says of a range; not logged."),
        "predictions": (
            "predictions:predictions",
            "The ledger's answers and what became of them.",
        ),
        "explain": ("explain:explain", "Why a slot has the answer it has."),
        "strategy": ("strategy:app", "The rules, what they brought, the outbox."),
        "dashboard": ("dashboard:dashboard", "The trading day in a browser page."),
    },
    "Judge what runs": {
        "performance": ("performance:performance", "How the answers did, the corridor beside."),
        "drift": ("drift:app", "Whether live features look like those learned from."),
        "verify": ("verify:verify", "Whether the record is what was written."),
    },
    "Go up, go down": {
        "rollout": ("rollout:app", "The way from shadow to auto, gate by gate."),
        "approve": ("approve:approve", "What waits for a person, and the answer."),
        "breaker": ("breaker:app", "Stop recommending, and go on again."),
    },
    "Run it": {
        "up": ("up:up", "Start the server, its UI and the schedules."),
        "down": ("status:down", "Stop them."),
        "run": ("run:run", "Run a flow now, by hand."),
        "notices": ("notify:show_notices", "What there was to tell, and whether it arrived."),
        "notify": ("notify:app", "Where you are told when something is wrong."),
    },
    "Machine": {
        "db": ("database:app", "The SQL database's schema."),
    },
}
"""Heading -> name -> where it is (module of this package:attribute, and :class that shows its help
where that is another than typer's) and its line in the list, in
the order in which a trader meets them."""


class CommandsOnDemand(UserDict[str, Any]):
    """Each command of :data:`SECTIONS` by its name, built when it is first looked up."""

    def __init__(self) -> None:
        super().__init__(
            {name: place for commands in SECTIONS.values() for name, place in commands.items()}
        )

    def __getitem__(self, name: str) -> Any:
        """Return a command; what is a place until now is imported."""
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
