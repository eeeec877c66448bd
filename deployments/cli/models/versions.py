"""`orbcast models`: list versions, show a card, verify their files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import tasks
from deployments import cli
from deployments.cli import completion
from deployments.cli.models import champion
from deployments.cli.models.champion import Ref
from deployments.cli.terminal import AsJson, MarketOption, echo, print_json, show_table
from ml_core.errors import OperatorError
from ml_core.learning.version_folder import text_of
from monitoring import pages
from tasks import training

if TYPE_CHECKING:
    from registry.models.versions import Alias, VersionRecord

app = typer.Typer(no_args_is_help=True)

_ALIASES: tuple[Alias, ...] = ("champion", "challenger")


class DamagedError(OperatorError):
    """Versions whose files differ from the registered ones."""

    versions: tuple[str, ...]
    template = (
        "not usable: {versions:, }; restore the files, or go back with `orbcast models rollback`"
    )


@app.callback()
def models() -> None:
    """Show model versions, and choose which one serves."""


@app.command("list")
def list_versions(market: MarketOption = "mgc", as_json: AsJson = False) -> None:
    """List every version, with its results on held-out days.

    Example: orbcast models list --market mgc
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    store = settings.models()
    aliases: dict[str, list[str]] = {}
    for alias in _ALIASES:
        now = store.current(symbol, alias)
        if now is not None:
            aliases.setdefault(now.version, []).append(alias)
    listed = [
        _listed(version, aliases.get(version.version, [])) for version in store.versions(symbol)
    ]
    if as_json:
        print_json(listed)
    elif not listed:
        echo(f"{symbol} has no version yet: `orbcast run nightly-retrain --market {market}`")
    else:
        _print_versions(listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """A version in the list, with its results on held-out days."""

    version: str
    model: str
    kind: str
    aliases: list[str]
    created_at: datetime
    rows: int
    accuracy: float
    log_loss: float
    corridor_log_loss: float


def _listed(record: VersionRecord, aliases: list[str]) -> _Listed:
    scores = record.metrics["directional"]
    return _Listed(
        version=record.version,
        model=record.model,
        kind=record.kind,
        aliases=aliases,
        created_at=record.created_at,
        rows=scores["rows"],
        accuracy=scores["model"]["accuracy"],
        log_loss=scores["model"]["log_loss"],
        corridor_log_loss=scores["corridor"]["log_loss"],
    )


def _print_versions(listed: list[_Listed]) -> None:
    """Print the versions by model; columns leave room for long names and whole versions."""
    for model in dict.fromkeys(row.model for row in listed):
        echo(f"{model}:")
        table = cli.drawing.borderless_table(gap=2)
        for name in ("  version", "is"):
            table.add_column(name, no_wrap=name != "is")
        for name in ("n", "accuracy", "log loss", "corridor's"):
            table.add_column(name, justify="right", no_wrap=True)
        for version in listed:
            if version.model == model:
                table.add_row(
                    f"  {version.version}",
                    " ".join(version.aliases) or "-",
                    f"{version.rows:,}",
                    f"{version.accuracy:.1%}",
                    f"{version.log_loss:.4f}",
                    f"{version.corridor_log_loss:.4f}",
                )
        show_table(table)


@app.command()
def show(ref: Ref, market: MarketOption = "mgc", as_json: AsJson = False) -> None:
    """Show a version's card and the history of its aliases.

    Example: orbcast models show champion
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    store = settings.models()
    record = store.find(symbol, ref)
    aliases_held = [
        alias_record
        for alias in _ALIASES
        for alias_record in store.history(symbol, alias)
        if alias_record.version == record.version
    ]
    if as_json:
        about = ("market", "version", "model", "kind", "created_at", "metrics")
        values = {name: getattr(record, name) for name in about}
        print_json({**values, "aliases": aliases_held})
        return
    cli.markdown.print_markdown(text_of(record.folder, "model_card.md"))
    for held in aliases_held:
        echo(f"{held.alias} since {held.at:%Y-%m-%d %H:%M} UTC by {held.by}: {held.reason}")


@app.command(short_help="Show a version's model card.")
def card(
    ref: Annotated[
        str | None,
        typer.Argument(
            help="Version or alias; the serving one if left out.",
            autocompletion=completion.versions,
        ),
    ] = None,
    market: MarketOption = "mgc",
    html: Annotated[
        Path | None, typer.Option(help="Write it here as one HTML page instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a version's card as markdown: what it is, its results, and its limits.

    Examples: orbcast models card

    orbcast models card challenger --html card.html
    """
    facts = training.model_card.card_of(
        tasks.settings.current_settings(), market, ref, tasks.settings.now()
    )
    if html is not None:
        pages.document.write_html(pages.model_card.page.model_card(facts, full=True), html)
    if as_json:
        print_json(asdict(facts))
    elif html is None:
        cli.markdown.print_markdown(
            pages.document.to_markdown(pages.model_card.page.model_card(facts))
        )
    else:
        echo(f"the card of {facts.version} is in {html}")


@app.command(short_help="Compare versions' files with the registered hashes.")
def verify(
    ref: Annotated[
        str | None,
        typer.Argument(
            help="Version or alias; all if left out.", autocompletion=completion.versions
        ),
    ] = None,
    market: MarketOption = "mgc",
    as_json: AsJson = False,
) -> None:
    """Compare the files and name of one version, or of every version, with those registered.

    Example: orbcast models verify champion
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    store = settings.models()
    checked = [
        {
            "version": version.version,
            "model": version.model,
            "faults": list(store.content_faults(version)),
        }
        for version in ([store.find(symbol, ref)] if ref else store.versions(symbol))
    ]
    if as_json:
        print_json(checked)
    else:
        for check in checked:
            echo(f"{check['version']} {check['model']}: {'; '.join(check['faults']) or 'whole'}")
        if not checked:
            echo(f"{symbol} has no version yet: `orbcast run nightly-retrain --market {market}`")
    if bad := tuple(str(check["version"]) for check in checked if check["faults"]):
        raise DamagedError(bad)


app.command()(champion.promote)
app.command()(champion.history)
app.command()(champion.rollback)
