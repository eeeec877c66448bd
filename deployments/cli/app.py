"""The command line: `orbcast`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from deployments.cli.errors import OrbcastGroup

app = typer.Typer(
    cls=OrbcastGroup,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="First steps: orbcast demo; then orbcast ingest --help. Errors are one line; add "
    "--debug for more. Exit status: 0 done, 2 mend your input, 3 mend the machine, 4 a defect, "
    "5 try again later.",
)


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

        use_home(home)


app.command("demo")(demo.demo)
app.command("ingest")(ingest.ingest)
app.command("import-legacy")(import_legacy.import_legacy)
app.command("refresh")(refresh.refresh)
app.add_typer(bars.app, name="bars")
app.command("dataset")(dataset.dataset)
app.add_typer(audit.app, name="audit")
app.add_typer(study.app, name="study")
app.command("run")(run.run)
app.command("evaluate")(evaluate.evaluate)
app.command("tune")(tune.tune)
app.command("explain")(explain.explain)
app.command("status")(status.status)
app.command("down")(status.down)
app.command("predict")(predict.predict)
app.add_typer(models.app, name="models")
app.add_typer(recipes.app, name="recipes")
app.add_typer(breaker.app, name="breaker")
app.add_typer(drift.app, name="drift")
app.add_typer(strategy.app, name="strategy")
app.add_typer(notify.app, name="notify")
app.command("notices")(notify.show_notices)
app.add_typer(rollout.app, name="rollout")
app.command("approve")(approve.approve)
app.command("performance")(performance.performance)
app.command("power")(power.power)
app.command("predictions")(predictions.predictions)
app.command("verify")(verify.verify)
app.command("up")(up.up)
app.command("dashboard")(dashboard.dashboard)
app.command("simulate")(simulate.simulate)
app.add_typer(database.app, name="db")


def main() -> None:
    """Start from a terminal."""
    app(prog_name="orbcast")
