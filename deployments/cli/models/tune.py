"""`orbcast tune`: search hyperparameters; every trial is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

import flows
import tasks
from deployments import serving
from deployments.cli import completion
from deployments.cli.progress import flow_progress
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    OptionError,
    echo,
    print_json,
    remark_begin,
)

if TYPE_CHECKING:
    from ml_core.learning.version_folder import Question

_QUESTIONS = ("directional", "quality", "r_multiple")


def tune(
    market: MarketOption = "mgc",
    recipe: Annotated[
        str, typer.Option(help="Recipe to start from.", autocompletion=completion.recipes)
    ] = "residual-mirrored",
    trials: Annotated[
        int, typer.Option(min=1, help="Trials in total, including earlier runs.")
    ] = 50,
    folds: Annotated[int, typer.Option(min=1, help="Number of latest folds to tune on.")] = 5,
    question: Annotated[
        str, typer.Option(help="directional, quality or r_multiple.")
    ] = "directional",
    holdout: Annotated[int, typer.Option(min=0, help="Latest months held out.")] = 6,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed; the same seed tries the same values.")
    ] = 7,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not show progress.")] = False,
) -> None:
    """Search hyperparameters on walk-forward folds; a stopped search continues where it was.

    The best recipe is written to the recipes folder of your home. Tuning is not evidence: judge
    the recipe with orbcast evaluate, where every trial must be paid for.

    Example: orbcast tune --market mgc --trials 50
    """
    if question not in _QUESTIONS:
        remedy = f"use one of {', '.join(_QUESTIONS)}"
        raise OptionError("--question", question, "is not a model", remedy)
    settings = tasks.settings.current_settings()
    settings.market(market)
    settings.recipe(recipe)
    level = "WARNING" if quiet else "INFO"
    with (
        flow_progress(f"Tuning {recipe}"),
        serving.prefect_server.session.prefect_session(settings, level=level) as server,
    ):
        if not quiet:
            remark_begin(f"Tuning {recipe}", server)

        which = cast("Question", question)
        result = flows.tune.tune(market, recipe, trials, folds, which, holdout, seed)
    if as_json:
        print_json(result)
        return
    echo(result.verdict)
    if result.recipe_file:
        echo(f"  {result.recipe_file}")
        echo(f"  next: orbcast evaluate --recipe {result.recipe}")
