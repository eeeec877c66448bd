"""`orbcast rollout`: a market's stage between off and auto, and what the next one requires."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import tasks
from deployments import serving
from deployments.cli import completion
from deployments.cli.terminal import AsJson, MarketOption, OptionError, echo, print_json
from ml_core.market_events import STAGES

if TYPE_CHECKING:
    from ml_core.market_events import Stage
    from tasks.rollout.stage import Rollout

app = typer.Typer(no_args_is_help=True)

To = Annotated[
    str,
    typer.Option(
        "--to", help="off, shadow, advisory, hybrid or auto.", autocompletion=completion.stages
    ),
]
Reason = Annotated[str, typer.Option(help="Reason; recorded permanently.")]
By = Annotated[str, typer.Option(help="Your name; the login name if left out.")]


@app.callback()
def rollout() -> None:
    """Show a market's stage, approve a step up, go up or down.

    off > shadow > advisory > hybrid > auto. A step up needs every gate passed, and a person's
    approval of exactly the current model, data and study; no market moves up by itself. A step
    down has no conditions.
    """


@app.command(short_help="Show the stage and each gate of the next one.")
def status(
    market: MarketOption = "mgc",
    to: Annotated[
        str | None, typer.Option("--to", help="Stage to check; the next one if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the stage, each gate of the next one with its figure, and what is missing.

    Example: orbcast rollout status --market mgc
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    rollout = tasks.rollout.stage.rollout_of(
        settings, symbol, tasks.settings.now(), _stage(to) if to else None
    )
    _print_rollout(rollout, as_json)


@app.command(short_help="Approve a step up of the current model, data and study.")
def approve(
    to: To, reason: Reason, by: By = "", market: MarketOption = "mgc", as_json: AsJson = False
) -> None:
    """Approve a step up, bound to the model, data and study as they are now; it expires.

    Example: orbcast rollout approve --to advisory --reason "looked at all 640 breaks"
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    who, stage = by or getpass.getuser(), _stage(to)
    event = tasks.rollout.stage.approve(
        settings, symbol, stage, by=who, reason=reason, at=tasks.settings.now()
    )
    missing = tasks.rollout.stage.rollout_of(settings, symbol, tasks.settings.now(), stage).missing
    if as_json:
        approval = {"market": symbol, "to": stage, "by": who, "expires_at": event.expires_at}
        print_json({**approval, "bound_to": event.bound_to, "missing": missing})
        return
    echo(
        f"{symbol}: a step up to {stage} is approved by {who} until "
        f"{event.expires_at:%Y-%m-%d %H:%M} UTC, for {str(event.bound_to)[:12]}",
    )
    for requirement in missing:
        echo(f"  still missing: {requirement}")


@app.command("step-up", short_help="Go up one stage, if all gates pass and the approval is valid.")
def step_up(
    to: To, reason: Reason, by: By = "", market: MarketOption = "mgc", as_json: AsJson = False
) -> None:
    """Go up one stage, if every gate is passed and the approval is still valid.

    Example: orbcast rollout step-up --to advisory --reason "gates passed" --by ana
    """
    _step("up", to, reason, by, market, as_json=as_json)


@app.command("step-down")
def step_down(
    to: To, reason: Reason, by: By = "", market: MarketOption = "mgc", as_json: AsJson = False
) -> None:
    """Go down at once to the named stage, without conditions.

    Example: orbcast rollout step-down --to shadow --reason "doubt" --by ana
    """
    _step("down", to, reason, by, market, as_json=as_json)


def _step(
    way: Literal["up", "down"], to: str, reason: str, by: str, market: str, *, as_json: bool
) -> None:
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    who = by or getpass.getuser()
    serving.prefect_server.session.name_running_server(settings)  # before Prefect is imported
    stage, at = tasks.rollout.stage, tasks.settings.now()
    step = stage.step_up if way == "up" else stage.step_down
    _print_rollout(step(settings, symbol, _stage(to), by=who, reason=reason, at=at), as_json)


def _stage(text: str) -> Stage:

    for stage in STAGES:
        if stage == text.lower():
            return stage
    raise OptionError("--to", text, "is not a stage", f"use one of {', '.join(STAGES)}")


def _print_rollout(rollout: Rollout, as_json: bool) -> None:
    if as_json:
        _print_json(rollout)
        return
    position = rollout.position
    since = f" since {position.since:%Y-%m-%d %H:%M} UTC" if position.since else ""
    why = f", by {position.by}: {position.reason}" if position.by else ""
    echo(f"{rollout.market}: {rollout.stage}{since}{why}")
    if position.holds_until is not None:
        echo(f"  holds until {position.holds_until:%Y-%m-%d %H:%M} UTC")
    if rollout.gates:
        echo(f"gates of {rollout.target}:")
    for gate in rollout.gates:
        mark = "ok" if gate.passed else "no"
        echo(f"  {mark}  {gate.name}: {gate.words}")
        if gate.change:
            echo(f"      missing: {gate.change}")
    echo(f"next: {rollout.next_step}")
    for event in position.ignored:
        echo(f"ignored: {event}")


def _print_json(rollout: Rollout) -> None:
    position = rollout.position
    values = {
        "market": rollout.market,
        "stage": rollout.stage,
        "since": position.since.isoformat() if position.since else None,
        "by": position.by or None,
        "reason": position.reason or None,
        "holds_until": position.holds_until.isoformat() if position.holds_until else None,
        "counted_from": position.counted_from.isoformat() if position.counted_from else None,
        "next": rollout.target,
        "gates": [
            {
                "name": gate.name,
                "passed": gate.passed,
                "figure": gate.words,
                "missing": gate.change or None,
            }
            for gate in rollout.gates
        ],
        "next_step": rollout.next_step,
        "ignored": list(position.ignored),
    }
    print_json(values)
