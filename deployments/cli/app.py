"""The command line: `orbcast`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.cli import (
    approve,
    audit,
    bars,
    breaker,
    dashboard,
    database,
    dataset,
    demo,
    drift,
    evaluate,
    explain,
    import_legacy,
    ingest,
    models,
    notify,
    performance,
    power,
    predict,
    predictions,
    recipes,
    refresh,
    rollout,
    run,
    simulate,
    status,
    strategy,
    study,
    tune,
    up,
    verify,
)
from deployments.cli.errors import OrbcastGroup, let_go_of_output
from ml_core.errors import InputError

app = typer.Typer(
    cls=OrbcastGroup,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="orbcast COMMAND --help shows examples. --json prints JSON for scripts. Errors are one "
    "line; --debug, anywhere, shows more. Exit status: 0 done, 1 the record was changed (verify), "
    "2 mend your input, 3 mend the machine, 4 a defect or a finding, 5 try again later, 130 "
    "stopped.",
)


class NotAFolderError(InputError):
    """A home that is a file."""

    def __init__(self, home: str) -> None:
        super().__init__(home)
        self.home = home

    def __str__(self) -> str:
        return f"--home {self.home} is a file; name a folder, which need not be there yet"


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - only when asked

        typer.echo(f"orbcast {version('orbcast')}")
        raise typer.Exit


@app.callback()
def orbcast(
    home: Annotated[
        Path | None,
        typer.Option(
            help="Folder of bars, models, reports; or set ORBCAST_HOME.", show_default="./var"
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Say the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Opening-range-breakout predictions that are logged before the fact and judged after it."""
    del version  # answered before any command
    if home is not None:
        from tasks.settings import use_home  # noqa: PLC0415 - only when asked

        if home.is_file():
            raise NotAFolderError(str(home))
        use_home(home)


SECTIONS: dict[str, dict[str, tuple[Any, str]]] = {
    "First steps": {
        "demo": (demo.demo, "Run everything on a simulated market, start to end."),
        "status": (status.status, "Bars, model, breaker, runs, today's ranges: one screen."),
    },
    "Bars": {
        "ingest": (ingest.ingest, "Take bars in from files and databases."),
        "refresh": (refresh.refresh, "Bring the bars up to the market's own source."),
        "bars": (bars.app, "What the lake of bars holds."),
        "dataset": (dataset.dataset, "Write ranges, labels and features as Parquet."),
        "import-legacy": (import_legacy.import_legacy, "Take over from an older system."),
        "simulate": (simulate.simulate, "Make a market whose truth is known."),
    },
    "Models and evidence": {
        "recipes": (recipes.app, "What can be trained, and how."),
        "audit": (audit.app, "Whether a feature sees the future; parity."),
        "evaluate": (evaluate.evaluate, "Judge a recipe on days it never saw."),
        "tune": (tune.tune, "Search hyperparameters, every trial counted."),
        "study": (study.app, "Which rule setups survive costs and chance."),
        "power": (power.power, "How many trades a claim needs."),
        "models": (models.app, "Versions, their cards, and who is champion."),
    },
    "The trading day": {
        "predict": (predict.predict, "What the champion says of a range; not logged."),
        "predictions": (predictions.predictions, "The ledger's answers and what became of them."),
        "explain": (explain.explain, "Why a slot has the answer it has."),
        "strategy": (strategy.app, "The rules, what they brought, the outbox."),
        "dashboard": (dashboard.dashboard, "The trading day in a browser page."),
    },
    "Judge what runs": {
        "performance": (performance.performance, "How the answers did, the corridor beside."),
        "drift": (drift.app, "Whether live features look like those learned from."),
        "verify": (verify.verify, "Whether the record is what was written."),
    },
    "Go up, go down": {
        "rollout": (rollout.app, "The way from shadow to auto, gate by gate."),
        "approve": (approve.approve, "What waits for a person, and the answer."),
        "breaker": (breaker.app, "Stop recommending, and go on again."),
    },
    "Run it": {
        "up": (up.up, "Start the server, its UI and the schedules."),
        "down": (status.down, "Stop them."),
        "run": (run.run, "Run a flow now, by hand."),
        "notices": (notify.show_notices, "What there was to tell, and whether it arrived."),
        "notify": (notify.app, "Where you are told when something is wrong."),
    },
    "Machine": {
        "db": (database.app, "The SQL database's schema."),
    },
}
"""Each command with its line in the list, in the order in which a trader meets them."""


def _register() -> None:
    for heading, commands in SECTIONS.items():
        OrbcastGroup.sections[heading] = tuple(commands)
        for name, (command, short) in commands.items():
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name, short_help=short)
            else:
                app.command(name, short_help=short)(command)


_register()


def main() -> None:
    """Start from a terminal."""
    try:
        app(prog_name="orbcast")
    finally:
        let_go_of_output()
