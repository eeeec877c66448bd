"""`orbcast import-legacy`: import an older system's bars, and judge the rest of its data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import tasks
from deployments import legacy_import
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, echo, print_json
from ml_core.errors import InputError
from ml_core.json_values import json_values
from tasks import data

if TYPE_CHECKING:
    from deployments.legacy_import.findings import LegacyFindings


class NoDatabaseError(InputError):
    """Options for a database, but no database."""

    template = "--zone, --stamp and --time-format set how --duckdb is read; give it, or leave them"


def import_legacy(
    duckdb: Annotated[
        Path | None, typer.Option(help="DuckDB database with 1-minute bars; opened read-only.")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Folder of LightGBM versions; no pickle is opened.")
    ] = None,
    market: MarketOption = "mgc",
    zone: Annotated[
        str | None, typer.Option(help="Zone of times that carry none; left out, UTC.")
    ] = None,
    stamp: Annotated[
        str | None,
        typer.Option(help="open or close: which end of its minute a bar is stamped with."),
    ] = None,
    time_format: Annotated[
        str | None, typer.Option(help="Format of written times, such as '%d.%m.%Y %H:%M'.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report; do not change the lake.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import an older system's bars and judge its other data. Running it again changes nothing.

    Bars go into the lake with every check. A table of opening ranges is compared with the bars.
    Models are read as text, and their features are judged by name; none of them can serve. A
    report is written to the home's reports folder, as HTML and markdown.

    Examples: orbcast import-legacy --duckdb old.duckdb --registry old_models/ --dry-run

    orbcast import-legacy --duckdb old.duckdb --market mgc
    """
    reading = {"zone": zone, "stamp": stamp, "time_format": time_format}
    if duckdb is None and any(reading.values()):
        raise NoDatabaseError
    source = (
        data.sources.source_spec(kind="duckdb", paths=[str(duckdb)], **reading) if duckdb else None
    )
    settings = tasks.settings.current_settings()
    with progress("Reading bars") as bar:
        findings = legacy_import.survey.survey(
            settings,
            market,
            source=source,
            registry=registry,
            at=tasks.settings.now(),
            dry_run=dry_run,
            on_progress=lambda name, done: bar.at(done, None, name),
        )
    page, text = legacy_import.report_files.write_legacy_report(settings, findings)
    if as_json:
        print_json({**json_values(findings), "reports": [str(page), str(text)]})
        return
    _print_findings(findings, page, text)


def _print_findings(findings: LegacyFindings, page: Path, text: Path) -> None:
    echo(legacy_import.usability.headline(findings))
    if findings.dry_run:
        echo("This was a dry run: the lake is unchanged.")
    for title, sentences in (
        ("Can be used", legacy_import.usability.usable(findings)),
        ("Cannot be used", legacy_import.usability.unusable(findings)),
    ):
        echo(f"\n{title}:")
        for sentence in sentences or ["nothing"]:
            echo(f"- {sentence}")
    for version in findings.versions:
        for fault in version.faults:
            echo(f"- {version.name}: {fault}.")
    echo(f"\nReport: {page}\n        {text}")
