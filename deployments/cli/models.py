"""`orbcast models`: versions, who is champion, and going back."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.terminal import MarketOption, out, time_of
from ml_core.errors import InputError, OperatorError
from ml_core.files import written_atomically

if TYPE_CHECKING:
    from registry.decisions import DecisionRecord
    from registry.model_store import AliasRecord

app = typer.Typer(no_args_is_help=True, help="Model versions and their aliases.")

Ref = Annotated[str, typer.Argument(help="Version, its beginning, champion or challenger.")]
By = Annotated[str, typer.Option(help="Who decides; your login name if left out.")]


class NotShownError(InputError):
    """A promotion that the evidence does not bear."""

    def __init__(self, version: str, reasons: tuple[str, ...]) -> None:
        super().__init__(version, reasons)
        self.version, self.reasons = version, reasons

    def __str__(self) -> str:
        return (
            f"{self.version} is not promoted: {'; '.join(self.reasons)}. Make the evidence with "
            "`orbcast evaluate`, or go against it in your own name with --override"
        )


class DamagedError(OperatorError):
    """Versions whose files are not what was registered."""

    def __init__(self, versions: tuple[str, ...]) -> None:
        super().__init__(versions)
        self.versions = versions

    def __str__(self) -> str:
        return (
            f"not usable: {', '.join(self.versions)}; restore the files, or go back with "
            "`orbcast models rollback`"
        )


@app.callback()
def models() -> None:
    """Look at model versions and say which one serves."""


@app.command("list")
def list_versions(market: MarketOption = "mgc") -> None:
    """List every version, with what it did on unseen days.

    Example: orbcast models list --market mgc
    """
    from rich.table import Table  # noqa: PLC0415 - after --help

    from tasks.settings import settings  # noqa: PLC0415

    where = settings()
    symbol = where.market(market).symbol
    store = where.models()
    aliases: dict[str, list[str]] = {}
    for alias in ("champion", "challenger"):
        now = store.current(symbol, alias)
        if now is not None:
            aliases.setdefault(now.version, []).append(alias)
    table = Table(box=None, pad_edge=False)
    for heading in ("version", "model", "is", "n", "accuracy", "log loss", "corridor's"):
        table.add_column(heading, no_wrap=heading == "version")
    for record in store.versions(symbol):
        scores = record.metrics["directional"]
        table.add_row(
            record.version,
            record.model,
            " ".join(aliases.get(record.version, [])) or "-",
            f"{scores['rows']:,}",
            f"{scores['model']['accuracy']:.1%}",
            f"{scores['model']['log_loss']:.4f}",
            f"{scores['corridor']['log_loss']:.4f}",
        )
    if not table.row_count:
        out().print(f"{symbol} has no version yet: orbcast run nightly-retrain --market {market}")
        return
    out().print(table)


@app.command()
def show(
    ref: Ref,
    market: MarketOption = "mgc",
    as_json: Annotated[bool, typer.Option("--json", help="Print its metrics as JSON.")] = False,
) -> None:
    """Show a version's card and the history of its aliases.

    Example: orbcast models show champion
    """
    from tasks.settings import settings  # noqa: PLC0415 - after --help

    where = settings()
    symbol = where.market(market).symbol
    store = where.models()
    record = store.find(symbol, ref)
    if as_json:
        out().print_json(json.dumps(record.metrics))
        return
    card = record.folder / "model_card.md"
    out().print(card.read_text(encoding="utf-8"), markup=False)
    for alias in ("champion", "challenger"):
        for each in store.history(symbol, alias):
            if each.version == record.version:
                told = f"{alias} since {each.at:%Y-%m-%d %H:%M} UTC by {each.by}: {each.reason}"
                out().print(told, markup=False)


@app.command()
def card(
    ref: Annotated[
        str | None, typer.Argument(help="Version or alias; the one that serves if left out.")
    ] = None,
    market: MarketOption = "mgc",
    html: Annotated[
        Path | None, typer.Option(help="Write it here as one HTML page instead.")
    ] = None,
) -> None:
    """Say what a version is, what is known of it, and what is not: its card, as markdown.

    Examples
    --------
    orbcast models card

    orbcast models card challenger --html card.html
    """
    from monitoring.model_card import card_markdown, card_page  # noqa: PLC0415 - after --help
    from tasks.model_card import card_of  # noqa: PLC0415
    from tasks.settings import now, settings  # noqa: PLC0415

    facts = card_of(settings(), market, ref, now())
    if html is None:
        _print_markdown(card_markdown(facts))
        return
    with written_atomically(html) as temporary:
        temporary.write_text(card_page(facts), encoding="utf-8")
    out().print(f"the card of {facts.version} is in {html}", markup=False, soft_wrap=True)


def _print_markdown(text: str) -> None:
    """Print markdown laid out on a terminal, and as it stands into a file or a pipe."""
    from rich.markdown import Markdown  # noqa: PLC0415 - after --help

    console = out()
    if console.is_terminal:
        console.print(Markdown(text))
    else:
        console.print(text, markup=False, soft_wrap=True, end="")


@app.command()
def verify(
    ref: Annotated[str | None, typer.Argument(help="Version or alias; all if left out.")] = None,
    market: MarketOption = "mgc",
) -> None:
    """Compare a version's files, or every version's, with what was registered.

    Example: orbcast models verify champion
    """
    from tasks.settings import settings  # noqa: PLC0415 - after --help

    where = settings()
    symbol = where.market(market).symbol
    store = where.models()
    bad = []
    for record in [store.find(symbol, ref)] if ref else store.versions(symbol):
        faults = store.faults(record)
        told = "; ".join(faults) if faults else "whole"
        out().print(f"{record.version} {record.model}: {told}", markup=False)
        if faults:
            bad.append(record.version)
    if bad:
        raise DamagedError(tuple(bad))


@app.command()
def promote(
    ref: Ref,
    reason: Annotated[str, typer.Option(help="Why; kept for ever.")],
    by: By = "",
    market: MarketOption = "mgc",
    override: Annotated[
        bool, typer.Option("--override", help="Promote against the evidence; kept for ever too.")
    ] = False,
) -> None:
    """Make a version champion: the one that answers from now on.

    Refused unless the promotion rule holds for its recipe: a walk-forward study on record
    (orbcast evaluate), better than corridor and champion, and the rest of it. A baseline claims
    nothing and needs no evidence. --override goes against the rule in your name.

    Example: orbcast models promote challenger --reason "passed the rule, seen by me"
    """
    from tasks.promotion import weigh  # noqa: PLC0415 - after --help
    from tasks.settings import now, settings  # noqa: PLC0415

    where = settings()
    symbol = where.market(market).symbol
    store = where.models()
    record = store.find(symbol, ref)
    who = by or getpass.getuser()
    if record.kind != "baseline":
        said = weigh(where, symbol, record.model, record.recipe_hash, now())
        if not said.promote and not override:
            raise NotShownError(record.version, tuple(said.reasons))
        if not said.promote:
            reason = f"against the evidence: {reason}"
    changed = store.set_alias(symbol, "champion", record.version, at=now(), by=who, reason=reason)
    told = f"is champion of {symbol}, by {who}" if changed else f"was champion of {symbol} already"
    out().print(f"{record.version} {told}", markup=False)


@app.command()
def history(
    at: Annotated[
        str | None, typer.Option(help="Champion at this time, such as 2025-06-30T10:05.")
    ] = None,
    market: MarketOption = "mgc",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say who was champion when, by whose word, on what evidence.

    Examples
    --------
    orbcast models history

    orbcast models history --at 2025-06-30T10:05
    """
    from registry.decisions import list_decisions  # noqa: PLC0415 - after --help
    from tasks.settings import settings  # noqa: PLC0415
    from tasks.slots import in_zone  # noqa: PLC0415

    where = settings()
    known = where.market(market)
    changes = list(where.models().history(known.symbol, "champion"))
    if at is not None:
        moment = in_zone(time_of(at, "--at"), known)
        changes = [each for each in changes if each.at <= moment][-1:]
    decisions = list_decisions(where.database(), known.symbol)
    told = [_change(each, decisions) for each in changes]
    if as_json:
        out().print_json(json.dumps(told, default=str))
        return
    if not told:
        when = f" at {at}" if at else ""
        out().print(f"{known.symbol} had no champion{when}", markup=False)
    for each in told:
        out().print(
            f"{each['at']:%Y-%m-%d %H:%M} UTC  {each['version']}  by {each['by']}", markup=False
        )
        out().print(f"    {each['reason']}", soft_wrap=True, markup=False)
        for condition in each["evidence"]:
            out().print(f"    {condition}", soft_wrap=True, markup=False)


def _change(change: AliasRecord, decisions: tuple[DecisionRecord, ...]) -> dict[str, Any]:
    """Give a change of champion with the last decision about that version by then."""
    about = [
        each
        for each in decisions
        if each.version == change.version
        and each.at <= change.at
        and "conditions" in each.evidence  # a step of the rollout has gates instead
    ]
    conditions = about[-1].evidence["conditions"] if about else []
    return {
        "at": change.at,
        "version": change.version,
        "by": change.by,
        "reason": change.reason,
        "evidence": [f"{each['name']} {each['status']}: {each['words']}" for each in conditions],
    }


@app.command()
def rollback(
    reason: Annotated[str, typer.Option(help="Why; kept for ever.")],
    by: By = "",
    market: MarketOption = "mgc",
) -> None:
    """Make the champion before the present one champion again.

    Example: orbcast models rollback --reason "worse since Monday" --by ana
    """
    from tasks.settings import now, settings  # noqa: PLC0415 - after --help

    where = settings()
    symbol = where.market(market).symbol
    who = by or getpass.getuser()
    record = where.models().rollback(symbol, at=now(), by=who, reason=reason)
    out().print(f"{record.version} is champion of {symbol} again, by {who}", markup=False)
