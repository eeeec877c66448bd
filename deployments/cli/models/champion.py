"""`orbcast models promote`, `history`, `rollback`: the serving version, since when and by whom."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

import registry
import tasks
from deployments import serving
from deployments.cli import completion
from deployments.cli.terminal import AsJson, MarketOption, echo, parse_time, print_json
from ml_core.errors import InputError
from tasks import prediction, training

if TYPE_CHECKING:
    from registry.models.decisions import DecisionRecord
    from registry.models.versions import AliasRecord

Ref = Annotated[
    str,
    typer.Argument(
        help="Version, its beginning, champion or challenger.",
        autocompletion=completion.versions,
    ),
]
By = Annotated[str, typer.Option(help="Your name; the login name if left out.")]


class UnsupportedPromotionError(InputError):
    """A promotion that the evidence does not support."""

    version: str
    reasons: tuple[str, ...]
    template = (
        "{version} is not promoted: {reasons:; }. Make the evidence with `orbcast evaluate`, or "
        "override it in your own name with --override"
    )


def promote(
    ref: Ref,
    reason: Annotated[str, typer.Option(help="Reason; recorded permanently.")],
    by: By = "",
    market: MarketOption = "mgc",
    override: Annotated[
        bool,
        typer.Option("--override", help="Promote against the evidence; recorded permanently."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a version champion: it predicts from now on.

    Refused unless the promotion rule holds for its recipe: a walk-forward study on record
    (orbcast evaluate), better than corridor and champion, and the rule's other conditions. A
    baseline claims nothing and needs no evidence. --override overrides the rule in your name.

    Example: orbcast models promote challenger --reason "passed the rule, seen by me"
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    store = settings.models()
    record = store.find(symbol, ref)
    before = store.current(symbol, "champion")
    who = by or getpass.getuser()
    if record.kind != "baseline":
        decision = training.promotion.apply_promotion_rule(
            settings, symbol, record.model, record.recipe_hash, tasks.settings.now()
        )
        if not decision.promote and not override:
            raise UnsupportedPromotionError(record.version, tuple(decision.reasons))
        if not decision.promote:
            reason = f"against the evidence: {reason}"
    serving.prefect_server.session.name_running_server(settings)
    changed = training.champion.make_champion(
        store,
        symbol,
        record.version,
        at=tasks.settings.now(),
        by=who,
        reason=reason,
        instead_of="" if before is None else before.version,
    )
    if as_json:
        _print_change(symbol, record.version, who, reason, changed=changed)
        return
    change = (
        f"is champion of {symbol}, by {who}" if changed else f"was champion of {symbol} already"
    )
    echo(f"{record.version} {change}")


def history(
    at: Annotated[
        str | None, typer.Option(help="Champion at this time, such as 2025-06-30T10:05.")
    ] = None,
    market: MarketOption = "mgc",
    as_json: AsJson = False,
) -> None:
    """Print the champions, with who decided on them, and the evidence.

    Examples: orbcast models history

    orbcast models history --at 2025-06-30T10:05
    """
    settings = tasks.settings.current_settings()
    definition = settings.market(market)
    changes = list(settings.models().history(definition.symbol, "champion"))
    if at is not None:
        moment = prediction.slots.in_zone(parse_time(at, "--at"), definition)
        changes = [change for change in changes if change.at <= moment][-1:]
    decisions = registry.models.decisions.list_decisions(settings.database(), definition.symbol)
    rows = [_change(change, decisions) for change in changes]
    if as_json:
        print_json(rows)
        return
    if not rows:
        when = f" at {at}" if at else ""
        echo(f"{definition.symbol} had no champion{when}")
    for row in rows:
        echo(f"{row.at:%Y-%m-%d %H:%M} UTC  {row.version}  by {row.by}")
        echo(f"    {row.reason}")
        for condition in row.evidence:
            echo(f"    {condition}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A change of champion, and the conditions of the version's last decision before it."""

    at: datetime
    version: str
    by: str
    reason: str
    evidence: tuple[str, ...]


def _change(change: AliasRecord, decisions: tuple[DecisionRecord, ...]) -> _Change:
    """Return a change of champion with the version's last decision before it."""
    about = [
        decision
        for decision in decisions
        if decision.version == change.version
        and decision.at <= change.at
        and "conditions" in decision.evidence  # a rollout step has gates instead
    ]
    conditions = about[-1].evidence["conditions"] if about else []
    return _Change(
        at=change.at,
        version=change.version,
        by=change.by,
        reason=change.reason,
        evidence=tuple(
            f"{condition['name']} {condition['status']}: {condition['words']}"
            for condition in conditions
        ),
    )


def rollback(
    reason: Annotated[str, typer.Option(help="Reason; recorded permanently.")],
    by: By = "",
    market: MarketOption = "mgc",
    as_json: AsJson = False,
) -> None:
    """Make the previous champion champion again.

    Example: orbcast models rollback --reason "worse since Monday" --by ana
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    who = by or getpass.getuser()
    serving.prefect_server.session.name_running_server(settings)
    record = training.champion.roll_back(
        settings.models(), symbol, at=tasks.settings.now(), by=who, reason=reason
    )
    if as_json:
        _print_change(symbol, record.version, who, reason, changed=True)
        return
    echo(f"{record.version} is champion of {symbol} again, by {who}")


def _print_change(symbol: str, version: str, by: str, reason: str, *, changed: bool) -> None:
    values = {"market": symbol, "champion": version, "changed": changed}
    print_json({**values, "by": by, "reason": reason})
