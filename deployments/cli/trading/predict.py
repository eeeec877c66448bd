"""`orbcast predict`: the champion's prediction for one decision; nothing is logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

import tasks
from deployments import cli
from deployments.cli import completion
from deployments.cli.terminal import AsJson, MarketOption, echo, parse_time, print_json, show_table
from ml_core.json_values import json_values
from tasks import prediction

if TYPE_CHECKING:
    from ml_core.decision.slot import Slot
    from ml_core.learning.predictions.prediction import Prediction, SideView
    from tasks.prediction.day_outlook import DayOutlook


def predict(
    at: Annotated[
        str,
        typer.Option(
            help="Time; without a zone, on the market's clock. The last range "
            "closed by then is predicted."
        ),
    ],
    market: MarketOption = "mgc",
    opening_range: Annotated[
        str | None, typer.Option("--range", help="Opening range, such as 0900.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            help="Version, its beginning, champion or challenger.",
            autocompletion=completion.versions,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Predict one opening range from the bars known when it closed.

    Example: orbcast predict --at 2025-06-30T09:05 --version challenger
    """
    settings = tasks.settings.current_settings()
    definition = settings.market(market)
    moment = prediction.slots.in_zone(parse_time(at, "--at"), definition)
    slot = prediction.slots.latest_slot(definition, moment, opening_range)
    prediction.day_outlook.require_open(definition, slot)
    outlook = prediction.day_outlook.day_outlook(definition, moment)
    fallback, expired = None, None
    models = settings.models()  # opened first, so that a fault of the home is reported as such
    named = None if version is None else models.find(definition.symbol, version)
    bars = prediction.slot_bars.read_bars(settings, definition, slot)
    if named is None:
        serving, predicted = prediction.slot_context.ask_serving(settings, definition, slot, bars)
        fallback, expired = serving.fallback, serving.expired
    else:
        _, predicted = prediction.slot_context.ask(settings, named, definition, slot, bars)
    if as_json:
        about = {"slot": str(slot), "decision_time": slot.decision, "outlook": outlook}
        print_json({**about, **json_values(predicted)})
        return
    _print_prediction(slot, predicted, fallback, expired)
    _print_outlook(outlook)


def _print_outlook(outlook: DayOutlook) -> None:

    if outlook.closed is not None:
        words = prediction.day_outlook.outlook_in_words(outlook)
        echo(f"{words}; the range above is the last one closed before it")


def _print_prediction(
    slot: Slot, prediction: Prediction, fallback: str | None, expired: str | None
) -> None:
    by = f"by {prediction.model} {prediction.version}"
    echo(f"{slot}, decided {slot.decision:%Y-%m-%d %H:%M} UTC {by}")
    if fallback:
        echo(f"  fallback: {fallback}")
    if expired:
        echo(f"  too old to predict live: {expired}")
    odds = cli.drawing.borderless_table("", figures=("UP", "DOWN", "no break"))
    p = prediction.baseline_p_up_given_break
    stays = 1.0 - prediction.p_none
    odds.add_row("model", *_percents(prediction.p_up, prediction.p_down, prediction.p_none))
    odds.add_row("corridor", *_percents(p * stays, (1.0 - p) * stays, prediction.p_none))
    show_table(odds)
    headings = ("P(win)", "driftless", "P(loss)", "P(neither)", "E\\[net R]", "driftless")
    stated = prediction.long.net_r_low is not None
    figures = (*headings, "80 % of R in") if stated else headings
    sides = cli.drawing.borderless_table("if taken", figures=figures)
    for name in ("long", "short"):
        cells = _side(prediction.side(name))
        sides.add_row(name, *(cells if stated else cells[:-1]))
    show_table(sides)
    echo(
        f"{prediction.recommendation.upper()}; confidence {prediction.confidence:.2f} "
        f"({prediction.level}), size x {prediction.risk_adjustment:.2f}"
    )
    if prediction.models is not None:
        echo(f"  {prediction.answered_by}")
    for reason in prediction.reasons:
        echo(f"  {reason.words}")
    novelty = prediction.novelty
    if novelty is not None:
        unlike = f"dissimilarity {novelty.dissimilarity:.2f}, at most {novelty.threshold:.2f}"
        if novelty.novel:
            unlike += f": unlike the training data, in {', '.join(novelty.words)}"
        echo(f"  {unlike}")


def _percents(*shares: float) -> list[str]:
    return [f"{share:.1%}" for share in shares]


def _side(side: SideView) -> list[Any]:
    span = "-"
    if side.net_r_low is not None and side.net_r_high is not None:
        span = f"{side.net_r_low:+.2f} .. {side.net_r_high:+.2f}"
    return [
        f"{side.p_win:.1%}",
        f"{side.baseline_p_win:.1%}",
        "-" if side.p_loss is None else f"{side.p_loss:.1%}",
        "-" if side.p_timeout is None else f"{side.p_timeout:.1%}",
        f"{side.expected_net_r:+.3f}",
        f"{side.baseline_net_r:+.3f}",
        span,
    ]
