"""`orbcast demo`: the whole system on a simulated market, start to end."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import deployments
from deployments import cli
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, echo, err, print_json, remark, show_table
from tasks import prediction

if TYPE_CHECKING:
    from deployments.demo import DemoResult

_FOLDER = Path("var/demo")


def demo(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--in",
            help="Folder for the demo, separate from your own home; --home if left out.",
            show_default="var/demo",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate three years of a market and run everything on it, in about two minutes.

    Example: orbcast demo --in var/demo
    """
    home = folder or context.find_root().params.get("home") or _FOLDER
    piped, begun = not err().is_terminal, ""
    with progress("Demo", 1.0) as bar:

        def show_progress(share: float, step: str) -> None:
            nonlocal begun
            if piped and step != begun:
                remark(f"{step} ...")
            begun = step
            named = step.replace("Flow ", "").partition(":")[0].partition(",")[0]
            bar.at(share, detail=named)

        demo = deployments.demo.run_demo(home, remark, show_progress)
    if as_json:
        _print_json(demo)
    else:
        _print_results(demo)


def _print_json(demo: DemoResult) -> None:
    retrained, study = demo.retrained, demo.study
    values = {
        "home": demo.home,
        "market": demo.symbol,
        "verdict": retrained.verdict,
        "decision": retrained.decision,
        "champion": retrained.champion,
        "challenger": retrained.challenger,
        "directional": demo.evaluation.directional,
        "truth": demo.truth,
        "study_verdict": study.verdict,
        "promotion": study.promotion,
        "report": demo.report,
        "study_report": study.report,
        "outlook": demo.outlook,
        "seconds": round(demo.seconds, 1),
    }
    print_json(values)


def _print_results(demo: DemoResult) -> None:
    retrained, study, truth = demo.retrained, demo.study, demo.truth
    directional = demo.evaluation.directional
    headings = ("accuracy", "95 % interval", "log loss", "95 % interval")
    table = cli.drawing.borderless_table("On unseen days", figures=headings, whole=True)
    names = {"model": "model", "corridor": "corridor baseline", "majority": "majority"}
    for name, scores in directional.scores.items():
        accuracy, log_loss = (
            directional.interval[name].accuracy,
            directional.interval[name].log_loss,
        )
        table.add_row(
            names[name],
            f"{scores.accuracy:.1%}",
            f"{accuracy.low:.1%}..{accuracy.high:.1%}",
            f"{scores.log_loss:.4f}",
            f"{log_loss.low:.4f}..{log_loss.high:.4f}",
        )
    best = f"{truth['bayes_accuracy']:.1%}", "", f"{truth['bayes_log_loss']:.4f}", ""
    table.add_row("best possible (known)", *best)
    show_table(table)
    echo("")
    echo(retrained.verdict)
    echo(f"Walk-forward: {study.verdict}")
    if study.promotion is not None:
        echo(study.promotion.verdict)
    echo(str(retrained.decision))
    echo(f"\nReport: {demo.report}")
    echo(f"Study:  {study.report}")
    echo("\nNext:")
    for command, what in (
        ("predict --at 2025-12-30T09:05", "predict a range, with the reasons"),
        ("models history", "serving history, with the evidence"),
        ("dashboard", "the days as cards and charts in a browser (`make dashboard` installs it)"),
        ("up", "see all of it in the Prefect UI, at http://127.0.0.1:4200"),
    ):
        echo(f"  .venv/bin/orbcast --home {_short(demo.home)} {command}")
        echo(f"      {what}")
    echo(
        f"\nThe simulated days end on {deployments.demo.LAST}: live ranges have no bars, and `up` "
        "records that. "
        f"{demo.symbol}: {prediction.day_outlook.outlook_in_words(demo.outlook)}"
    )
    echo(f"\nDone in {demo.seconds:.0f} s.")


def _short(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
