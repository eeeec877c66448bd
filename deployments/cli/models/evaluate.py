"""`orbcast evaluate`: judge a recipe on days it never saw, with a refit for each period."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

import flows
import tasks
from deployments import cli, serving
from deployments.cli.progress import flow_progress
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    OptionError,
    RecipeOption,
    days_of,
    echo,
    json_text,
    print_json,
    remark_begin,
    show_table,
)
from ml_core import evidence, learning
from ml_core.files import written_atomically

if TYPE_CHECKING:
    from rich.table import Table

    from ml_core.evidence.evaluation import DirectionScores, GroupScores
    from tasks.training.study_report import StudyResult

_FEWEST = 30
"""Fewest rows of a fold for which its interval is shown."""


def evaluate(
    market: MarketOption = "mgc",
    recipe: RecipeOption = "residual-mirrored",
    first: Annotated[
        str | None,
        typer.Option("--from", help="First day judged; a year after the first bar if left out."),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day judged; the last available if left out.")
    ] = None,
    refit: Annotated[
        str | None, typer.Option(help="month or quarter; as the recipe says if left out.")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(help="expanding, or rolling:N for N months; as the recipe says if left out."),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Write all figures to this file, as JSON.")
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not show progress.")] = False,
) -> None:
    """Judge a recipe by walking forward: refit, predict the following months, move on.

    Each fold is trained on slots that were settled before it began, and predicts days it never
    saw. The promotion rule uses only a study of the whole history, with the refits and window that
    the recipe states; any other period, refit or window is for information only.

    Examples: orbcast evaluate --market mgc --recipe residual-mirrored

    orbcast evaluate --recipe plain-lightgbm --from 2023-01-01 --refit month --figures study.json
    """
    if refit not in {None, "month", "quarter"}:
        raise OptionError("--refit", str(refit), "cannot be used", "write month or quarter")
    settings = tasks.settings.current_settings()
    own = settings.recipe(recipe)
    for part in market.split(","):
        settings.market(part.strip())
    if window is not None:
        _check_window(window)
    period = days_of(first, last)
    level = "WARNING" if quiet else "INFO"
    with (
        flow_progress(f"Studying {own.name}"),
        serving.prefect_server.session.prefect_session(settings, level=level) as server,
    ):
        if not quiet:
            remark_begin(f"Studying {own.name}", server)

        walked = cast("Literal['month', 'quarter'] | None", refit)  # checked above
        result = flows.walk_forward.walk_forward(market, recipe, *period, walked, window)
    if figures is not None:
        with written_atomically(figures) as temporary:
            temporary.write_text(json_text(result), encoding="utf-8")
    if as_json:
        print_json(result)
        return
    for study in getattr(result, "markets", [result]):
        _show(study)
    if figures is not None:
        echo(f"figures: {figures}")


def _check_window(window: str) -> None:

    try:
        learning.recipe.known_window(window)
    except ValueError as error:
        raise OptionError("--window", window, "cannot be used", str(error)) from error


def _show(study: StudyResult) -> None:
    evaluation = study.evaluation
    echo(study.verdict)
    show_table(_scores(evaluation.directional))
    show_table(_folds(evaluation.by_fold))
    trading = evaluation.trading
    for trades, words in (
        (trading.every_break, "every break"),
        (trading.followed, "recommended trades"),
    ):
        if isinstance(trades, evidence.evaluation.Trades):
            net = trades.net_r
            echo(
                f"  {words}: {trades.trades:,} trades, {net.estimate:+.3f} R net a trade "
                f"({net.low:+.3f} to {net.high:+.3f})"
            )
    if study.not_judged:
        echo(f"  too little history before {', '.join(study.not_judged)}: not judged")
    if study.promotion is not None:
        echo(study.promotion.verdict)
    elif not study.counts:
        echo("A study with a period or walk chosen by hand: for information, not for promotion.")
    if study.cost is not None:
        echo(f"  {study.cost.words}")
    echo(f"  report: {study.report}")


def _scores(directional: DirectionScores) -> Table:
    headings = ("accuracy", "log loss", "Brier", "AUC", "ECE")
    table = cli.drawing.borderless_table("unseen days", figures=headings)
    for name, scores in directional.scores.items():
        figures = (scores.log_loss, scores.brier, scores.auc, scores.ece)
        table.add_row(
            name,
            f"{scores.accuracy:.1%}",
            *("-" if math.isnan(figure) else f"{figure:.4f}" for figure in figures),
        )
    return table


def _folds(folds: Sequence[GroupScores]) -> Table:
    headings = ("n", "accuracy", "corridor", "log loss - corridor", "95 %")
    table = cli.drawing.borderless_table("fold", figures=headings)
    for fold in folds:
        change = fold.difference["corridor"].log_loss
        span = f"{change.low:+.4f} .. {change.high:+.4f}"
        table.add_row(
            fold.name,
            f"{fold.rows:,}",
            f"{fold.model.accuracy:.1%}",
            f"{fold.corridor.accuracy:.1%}",
            f"{change.estimate:+.4f}",
            span if fold.rows >= _FEWEST else "too few",
        )
    return table
