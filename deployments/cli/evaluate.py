"""`orbcast evaluate`: a recipe on days it never saw, refitted period by period."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from deployments.cli.terminal import MarketOption, day_of, err, out
from ml_core.errors import InputError
from ml_core.files import written_atomically

if TYPE_CHECKING:
    from rich.table import Table

_FEWEST = 30
"""Rows of a fold from which its interval is shown."""


class BadWalkError(InputError):
    """A way of walking there is not."""

    def __init__(self, option: str, value: str, remedy: str) -> None:
        super().__init__(option, value, remedy)
        self.option, self.value, self.remedy = option, value, remedy

    def __str__(self) -> str:
        return f"{self.option} {self.value!r} cannot be used; {self.remedy}"


def evaluate(  # noqa: PLR0917 - options of a command
    market: MarketOption = "mgc",
    recipe: Annotated[str, typer.Option(help="Name of a recipe file.")] = "residual-small",
    first: Annotated[
        str | None, typer.Option("--from", help="First day judged; a year in if left out.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day judged; the last there is if left out.")
    ] = None,
    refit: Annotated[
        str | None, typer.Option(help="month or quarter; as the recipe says if left out.")
    ] = None,
    window: Annotated[
        str | None, typer.Option(help="expanding, or rolling:N for N months; likewise.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every figure here; - prints it.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No log lines.")] = False,
) -> None:
    """Judge a recipe by walking forward: refit, answer the months after, move on.

    Each fold is trained on what was settled before it began and answers days it never saw. The
    study of the whole history, walked as the recipe says, is what the promotion rule goes by; a
    period or a walk picked by hand is for looking only.

    Examples
    --------
    orbcast evaluate --market mgc --recipe residual-small

    orbcast evaluate --recipe plain-lightgbm --from 2023-01-01 --refit month --json study.json
    """
    from deployments.prefect_session import prefect_session  # noqa: PLC0415 - after --help
    from tasks.settings import settings  # noqa: PLC0415

    if refit not in {None, "month", "quarter"}:
        raise BadWalkError("--refit", str(refit), "write month or quarter")
    where = settings()
    own = where.recipe(recipe)
    for each in market.split(","):
        where.market(each.strip())
    if window is not None:
        _check_window(window)
    period = (day_of(first, "--from"), day_of(last, "--to"))
    level = "WARNING" if quiet else "INFO"
    with prefect_session(where, level=level, processes=True) as server:
        if not quiet:
            err().print(f"Studying {own.name} on {server} ...")
        from flows.walk_forward import walk_forward  # noqa: PLC0415 - Prefect reads its settings

        walked = cast("Literal['month', 'quarter'] | None", refit)  # looked at above
        result = walk_forward(market, recipe, *period, walked, window)
    if json_file is not None and str(json_file) == "-":
        out().print_json(json.dumps(result, default=str))
        return
    for each in result.get("markets", [result]):
        _tell(each)
    if json_file is not None:
        with written_atomically(json_file) as temporary:
            temporary.write_text(json.dumps(result, indent=1, default=str), encoding="utf-8")
        err().print(f"figures: {json_file}", soft_wrap=True, markup=False)


def _check_window(window: str) -> None:
    from ml_core.learning.recipe import known_window  # noqa: PLC0415 - after --help

    try:
        known_window(window)
    except ValueError as error:
        raise BadWalkError("--window", window, str(error)) from error


def _tell(result: dict[str, Any]) -> None:
    console = out()
    figures = result["evaluation"]
    console.print(result["verdict"], soft_wrap=True, markup=False)
    console.print(_voices(figures["directional"]))
    console.print(_folds(figures["by_fold"]))
    net = figures["trading"]
    for key, words in (("every_break", "every break"), ("followed", "recommended trades")):
        each = net[key]
        if each["trades"]:
            r = each["net_r"]
            console.print(
                f"  {words}: {each['trades']:,} trades, {r['estimate']:+.3f} R net a trade "
                f"({r['low']:+.3f} to {r['high']:+.3f})"
            )
    if result["not_judged"]:
        told = ", ".join(result["not_judged"])
        console.print(f"  too little history before {told}: not judged", markup=False)
    if result["promotion"] is not None:
        console.print(result["promotion"]["verdict"], soft_wrap=True, markup=False)
    elif not result["counts"]:
        console.print("A study picked by hand: for looking, not for promotion.")
    console.print(f"  report: {result['report']}", soft_wrap=True, markup=False)


def _voices(scores: dict[str, Any]) -> Table:
    from rich.table import Table  # noqa: PLC0415 - after --help

    table = Table(box=None, pad_edge=False)
    for heading in ("unseen days", "accuracy", "log loss", "Brier", "AUC", "ECE"):
        table.add_column(heading, justify="left" if heading == "unseen days" else "right")
    for voice in ("model", "corridor", "majority"):
        each = scores[voice]
        table.add_row(
            voice,
            f"{each['accuracy']:.1%}",
            *(
                "-" if each[name] is None else f"{each[name]:.4f}"
                for name in ("log_loss", "brier", "auc", "ece")
            ),
        )
    return table


def _folds(folds: list[dict[str, Any]]) -> Table:
    from rich.table import Table  # noqa: PLC0415 - after --help

    table = Table(box=None, pad_edge=False)
    for heading in ("fold", "n", "accuracy", "corridor", "log loss - corridor", "95 %"):
        table.add_column(heading, justify="left" if heading == "fold" else "right")
    for each in folds:
        change = each["difference"]["corridor"]["log_loss"]
        span = f"{change['low']:+.4f} .. {change['high']:+.4f}"
        table.add_row(
            each["name"],
            f"{each['rows']:,}",
            f"{each['model']['accuracy']:.1%}",
            f"{each['corridor']['accuracy']:.1%}",
            f"{change['estimate']:+.4f}",
            span if each["rows"] >= _FEWEST else "too few",
        )
    return table
